//! Bodies as the published clients send them, read whole: everything that is wrong is told at once. Unknown members are
//! read over; null says the same as nothing wherever something need not be there.

use serde_json::{Value, json};

use super::ask::{AgentRef, Ask, Priority, TTL_MS};
use super::content::{CONTENT_BYTES_MAX, Content};
use super::event::Act;
use super::patch::FORGED;
use super::read_content::{read_actions, read_context, read_decided, read_dependency, read_hitl};
use super::reading::{Flaw, Members, Reading};
use crate::ids::{KeyId, RecordId, RequestFormat};
use crate::time::Timestamp;

/// Of each part of an agent's name. It lies in the head, in the log and in an index.
pub const AGENT_CHARS_MAX: usize = 256;
pub const TAGS_MAX: usize = 50;
pub const TAG_CHARS_MAX: usize = 128;
pub const SCHEMA_ID_CHARS_MAX: usize = 128;
/// Of an answer and of its notes. Both lie in the log.
pub const RESPONSE_CHARS_MAX: usize = 10_000;
/// As long as a packet lives.
pub const LEASE_SECONDS_MAX: u32 = 24 * 60 * 60;
pub const BATCH_MAX: usize = 50;

/// The formats of [`Proposal::to_json`] and [`Claim::to_json`]: counted up when either writes the same request differently.
pub const CREATE_FORMAT: RequestFormat = RequestFormat { name: "packets.create", version: 1 };
pub const CLAIM_FORMAT: RequestFormat = RequestFormat { name: "packets.claim", version: 1 };

/// A packet that somebody wants to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    pub parent: Option<RecordId>,
    pub source: AgentRef,
    pub target: AgentRef,
    pub stated_at: Option<String>,
    pub claimed_at: Option<String>,
    pub completed_at: Option<String>,
    pub priority: Priority,
    pub tags: Vec<String>,
    pub schema_id: Option<String>,
    pub content: Content,
    chained: bool,
}

/// More than a packet may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    pub bytes: u64,
    pub bytes_max: u64,
}

impl Proposal {
    pub fn read(body: &Value) -> Result<Self, Vec<Flaw>> {
        Reading::of(body, read_proposal)
    }

    /// One whose parent is named elsewhere: a parent in the body is read over, whatever it is.
    pub fn read_next(body: &Value) -> Result<Self, Vec<Flaw>> {
        Reading::of(body, read_next)
    }

    /// The packet to create as JSON under the published field names, for the digest of the request.
    pub fn to_json(&self) -> Value {
        json!({
            "parent_packet_id": self.parent,
            "chained": self.chained,
            "source_agent": self.source,
            "target_agent": self.target,
            "created_at": self.stated_at,
            "claimed_at": self.claimed_at,
            "completed_at": self.completed_at,
            "priority": self.priority,
            "tags": self.tags,
            "schema_id": self.schema_id,
            "content": self.content,
        })
    }

    /// Goes on from another packet, whatever parent the body named.
    #[must_use]
    pub fn chained_to(self, parent: RecordId, its: &Content) -> Self {
        Self { parent: Some(parent), content: self.content.after_parent(its), chained: true, ..self }
    }

    pub fn into_ask(self, made_by: KeyId, now: Timestamp) -> Result<(Ask, Content), TooLarge> {
        let content = self.content;
        let reference = content.reference();
        if reference.bytes > CONTENT_BYTES_MAX {
            return Err(TooLarge { bytes: reference.bytes, bytes_max: CONTENT_BYTES_MAX });
        }
        let human_first = content.hitl.as_ref().is_some_and(|hitl| hitl.required);
        let ask = Ask {
            parent: self.parent,
            source: self.source,
            target: self.target,
            stated_at: self.stated_at,
            claimed_at_given: self.claimed_at,
            completed_at_given: self.completed_at,
            priority: self.priority,
            tags: self.tags,
            schema_id: self.schema_id,
            chained: self.chained,
            human_first,
            has_checkpoint: content.hitl.is_some(),
            hitl_deadline: content.answer_until(now).filter(|_| human_first),
            asks: None,
            expires_at: now.plus_ms(TTL_MS),
            content: reference,
            made_by,
        };
        Ok((ask, content))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub by: AgentRef,
    pub lease_seconds: Option<u32>,
}

impl Claim {
    pub fn read(body: &Value) -> Result<Self, Vec<Flaw>> {
        Reading::of(body, read_claim)
    }

    /// The claim as JSON under the published field names, for the digest of the request.
    pub fn to_json(&self) -> Value {
        json!({"agent": self.by, "lease_seconds": self.lease_seconds})
    }

    pub fn act(&self) -> Act {
        Act::Claim { by: self.by.clone(), lease_seconds: self.lease_seconds }
    }
}

/// A person's answer to a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub by: String,
    pub response: String,
    pub notes: Option<String>,
}

impl Response {
    pub fn read(body: &Value) -> Result<Self, Vec<Flaw>> {
        Reading::of(body, |reading, body| {
            let members = reading.object(body)?;
            let response = reading.needed(members, "response", |r, value| r.text_within(value, RESPONSE_CHARS_MAX));
            let by = reading.needed(members, "responded_by", read_name);
            let notes = reading.optional(members, "notes", |r, value| r.text_within(value, RESPONSE_CHARS_MAX));
            Some(Self { by: by?, response: response?, notes: notes? })
        })
    }
}

/// `{packets: […]}`
pub fn read_batch(body: &Value) -> Result<Vec<Proposal>, Vec<Flaw>> {
    Reading::of(body, |reading, body| {
        let members = reading.object(body)?;
        reading.needed(members, "packets", |r, value| {
            let values = batch_of(r, value)?;
            r.list(values, read_proposal)
        })
    })
}

/// `{packet_ids: […]}`
pub fn read_batch_ids(body: &Value) -> Result<Vec<RecordId>, Vec<Flaw>> {
    Reading::of(body, |reading, body| {
        let members = reading.object(body)?;
        read_ids(reading, members)
    })
}

/// `{packet_ids: […], agent_id, …}`
#[derive(Clone, Debug, PartialEq)]
pub struct BatchClaim {
    pub ids: Vec<RecordId>,
    pub claim: Claim,
}

impl BatchClaim {
    pub fn read(body: &Value) -> Result<Self, Vec<Flaw>> {
        Reading::of(body, |reading, body| {
            let members = reading.object(body)?;
            let (ids, claim) = (read_ids(reading, members), read_claim(reading, body));
            Some(Self { ids: ids?, claim: claim? })
        })
    }
}

fn read_proposal(reading: &mut Reading, value: &Value) -> Option<Proposal> {
    let members = reading.object(value)?;
    let parent = reading.optional(members, "parent_packet_id", Reading::id);
    let next = read_next(reading, value);
    Some(Proposal { parent: parent?, ..next? })
}

/// Everything but whose child it is.
fn read_next(reading: &mut Reading, value: &Value) -> Option<Proposal> {
    let members = reading.object(value)?;
    let metadata = reading.needed(members, "metadata", read_metadata);
    let context = reading.needed(members, "context", read_context);
    let decisions = reading.or_default(members, "decisions", |r, value| r.list(value, read_decided));
    let actions = reading.or_default(members, "actions", read_actions);
    let dependencies = reading.or_default(members, "dependencies", |r, value| r.list(value, read_dependency));
    let hitl = reading.optional(members, "hitl", |r, value| {
        let hitl = read_hitl(r, value)?;
        if hitl.is_answered() { r.flaw_at("response", FORGED, "value_error") } else { Some(hitl) }
    });
    let schema_id = reading.optional(members, "schema_id", |r, value| r.text_within(value, SCHEMA_ID_CHARS_MAX));
    let content = Content {
        context: context?,
        decisions: decisions?,
        actions: actions?,
        dependencies: dependencies?,
        hitl: hitl?,
    };
    Some(Proposal { schema_id: schema_id?, content, ..metadata? })
}

/// A proposal with nothing but what its metadata says.
fn read_metadata(reading: &mut Reading, value: &Value) -> Option<Proposal> {
    let members = reading.object(value)?;
    let source = reading.needed(members, "source_agent", |r, value| read_agent(r, value, true));
    let target = reading.needed(members, "target_agent", |r, value| read_agent(r, value, false));
    let stated_at = reading.optional(members, "created_at", Reading::time);
    let claimed_at = reading.optional(members, "claimed_at", Reading::time);
    let completed_at = reading.optional(members, "completed_at", Reading::time);
    let priority = reading.or_default(members, "priority", |r, value| r.word(value, Priority::ALL, Priority::name));
    let tags = reading.or_default(members, "tags", read_tags);
    Some(Proposal {
        parent: None,
        source: source?,
        target: target?,
        stated_at: stated_at?,
        claimed_at: claimed_at?,
        completed_at: completed_at?,
        priority: priority?,
        tags: tags?,
        schema_id: None,
        content: Content::default(),
        chained: false,
    })
}

/// Only a source has a version.
fn read_agent(reading: &mut Reading, value: &Value, versioned: bool) -> Option<AgentRef> {
    let members = reading.object(value)?;
    let id = reading.needed(members, "id", read_name);
    let name = reading.needed(members, "name", read_name);
    let framework = reading.optional(members, "framework", read_name);
    let version = if versioned { reading.optional(members, "version", read_name) } else { Some(None) };
    Some(AgentRef { id: id?, name: name?, framework: framework?, version: version? })
}

fn read_name(reading: &mut Reading, value: &Value) -> Option<String> {
    reading.text_within(value, AGENT_CHARS_MAX)
}

fn read_tags(reading: &mut Reading, value: &Value) -> Option<Vec<String>> {
    if value.as_array().is_some_and(|tags| tags.len() > TAGS_MAX) {
        return reading.flaw(format!("List should have at most {TAGS_MAX} items"), "too_long");
    }
    reading.list(value, |r, value| r.text_within(value, TAG_CHARS_MAX))
}

fn read_claim(reading: &mut Reading, value: &Value) -> Option<Claim> {
    let members = reading.object(value)?;
    let id = reading.needed(members, "agent_id", read_name);
    let name = reading.needed(members, "agent_name", read_name);
    let framework = reading.optional(members, "framework", read_name);
    let lease_seconds = reading.optional(members, "lease_seconds", |r, value| {
        let seconds = r.integer(value)?;
        match u32::try_from(seconds).ok().filter(|seconds| (1..=LEASE_SECONDS_MAX).contains(seconds)) {
            Some(seconds) => Some(seconds),
            None => r.flaw(format!("Input should be from 1 to {LEASE_SECONDS_MAX}"), "value_error"),
        }
    });
    let by = AgentRef { id: id?, name: name?, framework: framework?, version: None };
    Some(Claim { by, lease_seconds: lease_seconds? })
}

fn batch_of<'v>(reading: &mut Reading, value: &'v Value) -> Option<&'v Value> {
    match value.as_array().map(Vec::len) {
        Some(0) => reading.flaw("List should have at least 1 item", "too_short"),
        Some(length) if length > BATCH_MAX => {
            reading.flaw(format!("List should have at most {BATCH_MAX} items"), "too_long")
        }
        // What is no list is told by who reads it.
        _ => Some(value),
    }
}

fn read_ids(reading: &mut Reading, members: &Members) -> Option<Vec<RecordId>> {
    reading.needed(members, "packet_ids", |r, value| {
        let values = batch_of(r, value)?;
        r.list(values, Reading::id)
    })
}
