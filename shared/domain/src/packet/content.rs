//! What a packet carries. It changes by whole versions; each is written once, beside the record's head.
//!
//! The stored form is the published one: every member, null when unset, under its published name.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ask::{Priority, TTL_MS};
use super::named::words;
use super::time::read_time;
use crate::record::ContentRef;
use crate::text::EmailAddress;
use crate::time::Timestamp;

/// Edits and chains add up, so the body limit of one request is not enough.
pub const CONTENT_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    pub context: Context,
    #[serde(default)]
    pub decisions: Vec<Decided>,
    #[serde(default)]
    pub actions: Actions,
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
    #[serde(default)]
    pub hitl: Option<Hitl>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    pub summary: String,
    #[serde(default)]
    pub conversation_state: Vec<Turn>,
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    #[serde(default)]
    pub custom: Map<String, Value>,
}

words! {
    pub enum Speaker { User = "user", Agent = "agent", System = "system", Human = "human" }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    pub role: Speaker,
    pub content: String,
    #[serde(default)]
    pub timestamp: Option<String>,
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    pub key: String,
    /// A text, an object or a list.
    pub value: Value,
    #[serde(default)]
    pub content_type: Option<String>,
}

/// What the agents decided so far. Nothing is asked here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    pub id: String,
    pub decision: String,
    pub rationale: String,
    #[serde(default)]
    pub alternatives: Vec<String>,
    #[serde(default)]
    pub decided_by: Option<String>,
    #[serde(default)]
    pub timestamp: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Actions {
    #[serde(default)]
    pub pending: Vec<Pending>,
    #[serde(default)]
    pub completed: Vec<Completed>,
    #[serde(default)]
    pub failed: Vec<Failed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    pub id: String,
    pub description: String,
    pub assignee: String,
    #[serde(default)]
    pub priority: Option<Priority>,
    #[serde(default)]
    pub depends_on: Vec<String>,
    #[serde(default)]
    pub deadline: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    pub id: String,
    pub description: String,
    pub result: String,
    #[serde(default)]
    pub completed_by: Option<String>,
    #[serde(default)]
    pub completed_at: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    pub id: String,
    pub description: String,
    pub error: String,
    #[serde(default)]
    pub retries_remaining: Option<i64>,
}

words! {
    pub enum DependencyKind {
        Data = "data",
        Api = "api",
        HumanApproval = "human_approval",
        ExternalEvent = "external_event",
        Resource = "resource",
    }
}

words! {
    #[derive(Default)]
    pub enum DependencyStatus { Blocked = "blocked", Available = "available", #[default] Unknown = "unknown" }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: DependencyKind,
    pub description: String,
    #[serde(default)]
    pub status: DependencyStatus,
    #[serde(default)]
    pub source: Option<String>,
}

/// A question to a person, and their answer once there is one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hitl {
    pub required: bool,
    pub reason: String,
    #[serde(default)]
    pub question: Option<String>,
    #[serde(default)]
    pub options: Option<Vec<String>>,
    #[serde(default)]
    pub response: Option<String>,
    #[serde(default)]
    pub responded_at: Option<String>,
    #[serde(default)]
    pub responded_by: Option<String>,
    #[serde(default)]
    pub notes: Option<String>,
    #[serde(default)]
    pub timeout_seconds: Option<i64>,
    /// Who is asked by mail or in Slack. Not written where nobody is: versions from before it was known keep their digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<EmailAddress>,
}

impl Content {
    pub fn reference(&self) -> ContentRef {
        ContentRef::of(self)
    }

    /// When the checkpoint's time is over, if it is raised now.
    ///
    /// Zero and less are published as valid and set no limit. More than a packet lives sets none that could matter.
    pub fn answer_until(&self, now: Timestamp) -> Option<Timestamp> {
        let seconds = self.hitl.as_ref()?.timeout_seconds.filter(|seconds| *seconds > 0)?;
        Some(now.plus_ms(seconds.saturating_mul(1000).min(TTL_MS)))
    }

    /// With the checkpoint answered. Without a checkpoint nothing changes.
    #[must_use]
    pub fn answered(&self, response: &str, by: &str, notes: Option<&str>, at: Timestamp) -> Self {
        let mut content = self.clone();
        if let Some(hitl) = &mut content.hitl {
            hitl.response = Some(response.to_owned());
            hitl.responded_by = Some(by.to_owned());
            hitl.responded_at = Some(at.to_string());
            // Notes that were there stay when none came.
            if let Some(notes) = notes.filter(|notes| !notes.is_empty()) {
                hitl.notes = Some(notes.to_owned());
            }
        }
        content
    }

    /// Going on from a parent: its conversation comes first, and nothing else is inherited.
    #[must_use]
    pub fn after_parent(mut self, parent: &Self) -> Self {
        let own = std::mem::take(&mut self.context.conversation_state);
        self.context.conversation_state = parent.context.conversation_state.iter().cloned().chain(own).collect();
        self
    }
}

impl Hitl {
    /// A person answered it.
    pub fn is_answered(&self) -> bool {
        self.response.is_some() || self.responded_at.is_some() || self.responded_by.is_some()
    }

    /// The same question, not answered.
    #[must_use]
    pub fn unanswered(self) -> Self {
        Self { response: None, responded_at: None, responded_by: None, ..self }
    }

    /// The published client writes the time that it read in more digits.
    pub(super) fn has_answer_of(&self, other: &Self) -> bool {
        let at = |hitl: &Self| hitl.responded_at.as_deref().map(|text| read_time(text).ok_or(text.to_owned()));
        self.response == other.response && self.responded_by == other.responded_by && at(self) == at(other)
    }
}
