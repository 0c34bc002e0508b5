//! Request bodies of the packets API. Each is read to the end, so that all field errors are reported together. Unknown
//! members are ignored, and null counts as absent for every optional member.

use serde_json::{Value, json};

use super::content::{CONTENT_BYTES_MAX, CheckpointAnswer, Content};
use super::event::Act;
use super::priority::Priority;
use super::read_content::{
    ONLY_APPROVER_ANSWERS, read_actions, read_context, read_dependency, read_hitl, read_prior_decision,
};
use super::spec::{AgentRef, PacketSpec};
use super::state::TTL_MS;
use crate::body_reader::{BodyReader, JsonObject};
use crate::field_error::FieldError;
use crate::ids::{KeyId, RecordId, RequestFormat};
use crate::time::Timestamp;

/// Longest id, name, framework or version of an agent. They are stored in the record, in its log and in an index.
pub const AGENT_CHARS_MAX: usize = 256;
pub const TAGS_MAX: usize = 50;
pub const TAG_CHARS_MAX: usize = 128;
pub const SCHEMA_ID_CHARS_MAX: usize = 128;
/// Longest answer to a checkpoint, and longest notes. Both are stored in the log.
pub const RESPONSE_CHARS_MAX: usize = 10_000;
/// Longest lease: a packet's time to live.
pub const LEASE_SECONDS_MAX: u32 = 24 * 60 * 60;
pub const BATCH_MAX: usize = 50;

/// Format of [`NewPacket::to_json`]. The version increases when the same request is written differently.
pub const CREATE_FORMAT: RequestFormat = RequestFormat { name: "packets.create", version: 1 };
/// Format of [`Claim::to_json`]. The version increases when the same request is written differently.
pub const CLAIM_FORMAT: RequestFormat = RequestFormat { name: "packets.claim", version: 1 };

/// Validated request to create a packet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPacket {
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

/// Error for content larger than a packet may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    pub bytes: u64,
    pub bytes_max: u64,
}

impl NewPacket {
    pub fn read(body: &Value) -> Result<Self, Vec<FieldError>> {
        BodyReader::read_body(body, read_packet)
    }

    /// Reads a packet to chain to a parent from the URL. `parent_packet_id` in the body is ignored, even if invalid.
    pub fn read_chained(body: &Value) -> Result<Self, Vec<FieldError>> {
        BodyReader::read_body(body, read_chained)
    }

    /// Request as JSON under the published field names, for the digest of the request.
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

    /// Chains the packet to `parent` in place of any parent from the body, and prepends the parent's conversation.
    #[must_use]
    pub fn chained_to(self, parent: RecordId, parent_content: &Content) -> Self {
        Self {
            parent: Some(parent),
            content: self.content.with_parent_conversation(parent_content),
            chained: true,
            ..self
        }
    }

    /// Spec of the packet, and its content. Fails if the content is too large.
    pub fn into_spec(self, made_by: KeyId, now: Timestamp) -> Result<(PacketSpec, Content), TooLarge> {
        let content = self.content;
        let reference = content.reference();
        if reference.bytes > CONTENT_BYTES_MAX {
            return Err(TooLarge { bytes: reference.bytes, bytes_max: CONTENT_BYTES_MAX });
        }
        let human_first = content.hitl.as_ref().is_some_and(|hitl| hitl.required);
        let spec = PacketSpec {
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
            hitl_deadline: content.checkpoint_deadline(now).filter(|_| human_first),
            asks: None,
            expires_at: now.plus_ms(TTL_MS),
            content: reference,
            made_by,
        };
        Ok((spec, content))
    }
}

/// Request to claim a packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub by: AgentRef,
    pub lease_seconds: Option<u32>,
}

impl Claim {
    pub fn read(body: &Value) -> Result<Self, Vec<FieldError>> {
        BodyReader::read_body(body, read_claim)
    }

    /// Claim as JSON under the published field names, for the digest of the request.
    pub fn to_json(&self) -> Value {
        json!({"agent": self.by, "lease_seconds": self.lease_seconds})
    }

    pub fn act(&self) -> Act {
        Act::Claim { by: self.by.clone(), lease_seconds: self.lease_seconds }
    }
}

impl CheckpointAnswer {
    pub fn read(body: &Value) -> Result<Self, Vec<FieldError>> {
        BodyReader::read_body(body, |reader, body| {
            let members = reader.object(body)?;
            let response = reader.required(members, "response", |r, value| r.text_within(value, RESPONSE_CHARS_MAX));
            let by = reader.required(members, "responded_by", read_agent_text);
            let notes = reader.optional(members, "notes", |r, value| r.text_within(value, RESPONSE_CHARS_MAX));
            Some(Self { by: by?, response: response?, notes: notes? })
        })
    }
}

/// Packet of a batch, or its own field errors.
pub type BatchEntry = Result<NewPacket, Vec<FieldError>>;

/// Reads the body `{packets: […]}`. Each packet is valid or invalid separately, but has to be an object.
pub fn read_batch(body: &Value) -> Result<Vec<BatchEntry>, Vec<FieldError>> {
    BodyReader::read_body(body, |reader, body| {
        let members = reader.object(body)?;
        reader.required(members, "packets", |r, value| {
            let values = check_batch_size(r, value)?;
            r.list(values, |r, entry| r.object(entry).map(|_| NewPacket::read(entry)))
        })
    })
}

/// Reads the body `{packet_ids: […]}`.
pub fn read_batch_ids(body: &Value) -> Result<Vec<RecordId>, Vec<FieldError>> {
    BodyReader::read_body(body, |reader, body| {
        let members = reader.object(body)?;
        read_ids(reader, members)
    })
}

/// Request to claim several packets: `{packet_ids: […], agent_id, …}`.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchClaim {
    pub ids: Vec<RecordId>,
    pub claim: Claim,
}

impl BatchClaim {
    pub fn read(body: &Value) -> Result<Self, Vec<FieldError>> {
        BodyReader::read_body(body, |reader, body| {
            let members = reader.object(body)?;
            let (ids, claim) = (read_ids(reader, members), read_claim(reader, body));
            Some(Self { ids: ids?, claim: claim? })
        })
    }
}

fn read_packet(reader: &mut BodyReader, value: &Value) -> Option<NewPacket> {
    let members = reader.object(value)?;
    let parent = reader.optional(members, "parent_packet_id", BodyReader::id);
    let next = read_chained(reader, value);
    Some(NewPacket { parent: parent?, ..next? })
}

/// Reads all of a packet except `parent_packet_id`.
fn read_chained(reader: &mut BodyReader, value: &Value) -> Option<NewPacket> {
    let members = reader.object(value)?;
    let metadata = reader.required(members, "metadata", read_metadata);
    let context = reader.required(members, "context", read_context);
    let decisions = reader.or_default(members, "decisions", |r, value| r.list(value, read_prior_decision));
    let actions = reader.or_default(members, "actions", read_actions);
    let dependencies = reader.or_default(members, "dependencies", |r, value| r.list(value, read_dependency));
    let hitl = reader.optional(members, "hitl", |r, value| {
        let hitl = read_hitl(r, value)?;
        if hitl.is_answered() { r.error_at("response", ONLY_APPROVER_ANSWERS, "value_error") } else { Some(hitl) }
    });
    let schema_id = reader.optional(members, "schema_id", |r, value| r.text_within(value, SCHEMA_ID_CHARS_MAX));
    let content = Content {
        context: context?,
        decisions: decisions?,
        actions: actions?,
        dependencies: dependencies?,
        hitl: hitl?,
    };
    Some(NewPacket { schema_id: schema_id?, content, ..metadata? })
}

/// Reads `metadata` into a packet without content.
fn read_metadata(reader: &mut BodyReader, value: &Value) -> Option<NewPacket> {
    let members = reader.object(value)?;
    let source = reader.required(members, "source_agent", |r, value| read_agent(r, value, true));
    let target = reader.required(members, "target_agent", |r, value| read_agent(r, value, false));
    let stated_at = reader.optional(members, "created_at", BodyReader::time);
    let claimed_at = reader.optional(members, "claimed_at", BodyReader::time);
    let completed_at = reader.optional(members, "completed_at", BodyReader::time);
    let priority = reader.or_default(members, "priority", |r, value| r.one_of(value, Priority::ALL, Priority::name));
    let tags = reader.or_default(members, "tags", read_tags);
    Some(NewPacket {
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

/// Reads an agent. Only the source agent has a `version`.
fn read_agent(reader: &mut BodyReader, value: &Value, versioned: bool) -> Option<AgentRef> {
    let members = reader.object(value)?;
    let id = reader.required(members, "id", read_agent_text);
    let name = reader.required(members, "name", read_agent_text);
    let framework = reader.optional(members, "framework", read_agent_text);
    let version = if versioned { reader.optional(members, "version", read_agent_text) } else { Some(None) };
    Some(AgentRef { id: id?, name: name?, framework: framework?, version: version? })
}

fn read_agent_text(reader: &mut BodyReader, value: &Value) -> Option<String> {
    reader.text_within(value, AGENT_CHARS_MAX)
}

fn read_tags(reader: &mut BodyReader, value: &Value) -> Option<Vec<String>> {
    if value.as_array().is_some_and(|tags| tags.len() > TAGS_MAX) {
        return reader.error(format!("List should have at most {TAGS_MAX} items"), "too_long");
    }
    reader.list(value, |r, value| r.text_within(value, TAG_CHARS_MAX))
}

fn read_claim(reader: &mut BodyReader, value: &Value) -> Option<Claim> {
    let members = reader.object(value)?;
    let id = reader.required(members, "agent_id", read_agent_text);
    let name = reader.required(members, "agent_name", read_agent_text);
    let framework = reader.optional(members, "framework", read_agent_text);
    let lease_seconds = reader.optional(members, "lease_seconds", |r, value| {
        let seconds = r.integer(value)?;
        match u32::try_from(seconds).ok().filter(|seconds| (1..=LEASE_SECONDS_MAX).contains(seconds)) {
            Some(seconds) => Some(seconds),
            None => r.error(format!("Input should be from 1 to {LEASE_SECONDS_MAX}"), "value_error"),
        }
    });
    let by = AgentRef { id: id?, name: name?, framework: framework?, version: None };
    Some(Claim { by, lease_seconds: lease_seconds? })
}

fn check_batch_size<'v>(reader: &mut BodyReader, value: &'v Value) -> Option<&'v Value> {
    match value.as_array().map(Vec::len) {
        Some(0) => reader.error("List should have at least 1 item", "too_short"),
        Some(length) if length > BATCH_MAX => {
            reader.error(format!("List should have at most {BATCH_MAX} items"), "too_long")
        }
        // A value that is no list is reported by the caller, which reads the list.
        _ => Some(value),
    }
}

fn read_ids(reader: &mut BodyReader, members: &JsonObject) -> Option<Vec<RecordId>> {
    reader.required(members, "packet_ids", |r, value| {
        let values = check_batch_size(r, value)?;
        r.list(values, BodyReader::id)
    })
}
