//! Content of a packet. Each change writes a whole new version, as an item beside the record.
//!
//! Content is stored in its published form: every member under its published name, null if unset.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::priority::Priority;
use super::state::TTL_MS;
use super::string_enum::string_enum;
use crate::answer_origin::AnswerOrigin;
use crate::read_time::read_time;
use crate::record::ContentRef;
use crate::text::EmailAddress;
use crate::time::Timestamp;

/// Largest content. Edits and chained conversations add up, so the limit on one request body is not enough.
pub const CONTENT_BYTES_MAX: u64 = 1024 * 1024;

/// One version of a packet's content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Content {
    pub context: Context,
    #[serde(default)]
    pub decisions: Vec<PriorDecision>,
    #[serde(default)]
    pub actions: Actions,
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
    #[serde(default)]
    pub hitl: Option<Hitl>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Context {
    pub summary: String,
    #[serde(default)]
    pub conversation_state: Vec<Turn>,
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    #[serde(default)]
    pub custom: Map<String, Value>,
}

string_enum! {
    pub enum Speaker { User = "user", Agent = "agent", System = "system", Human = "human" }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Turn {
    pub role: Speaker,
    pub content: String,
    #[serde(default)]
    pub timestamp: Option<String>,
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Artifact {
    pub key: String,
    /// Text, object or list.
    pub value: Value,
    #[serde(default)]
    pub content_type: Option<String>,
}

/// Decision that an agent reports in a packet. Not a [`crate::decision::Decision`]: no approver is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PriorDecision {
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

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Actions {
    #[serde(default)]
    pub pending: Vec<PendingAction>,
    #[serde(default)]
    pub completed: Vec<CompletedAction>,
    #[serde(default)]
    pub failed: Vec<FailedAction>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PendingAction {
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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CompletedAction {
    pub id: String,
    pub description: String,
    pub result: String,
    #[serde(default)]
    pub completed_by: Option<String>,
    #[serde(default)]
    pub completed_at: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FailedAction {
    pub id: String,
    pub description: String,
    pub error: String,
    #[serde(default)]
    pub retries_remaining: Option<i64>,
}

string_enum! {
    pub enum DependencyKind {
        Data = "data",
        Api = "api",
        HumanApproval = "human_approval",
        ExternalEvent = "external_event",
        Resource = "resource",
    }
}

string_enum! {
    #[derive(Default)]
    pub enum DependencyStatus { Blocked = "blocked", Available = "available", #[default] Unknown = "unknown" }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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

/// Checkpoint: a question to a person and, once given, the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Hitl {
    // Absent in a request it is true.
    #[schemars(default = "is_required_by_default")]
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
    /// Approver who is asked by mail or in Slack. Omitted if `None`, so that older stored versions keep their digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<EmailAddress>,
    /// Channel of the answer, set by the server. Absent without an answer, and for answers from before this field.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub origin: Option<AnswerOrigin>,
}

fn is_required_by_default() -> bool {
    true
}

/// Answer to a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointAnswer {
    pub by: String,
    pub response: String,
    pub notes: Option<String>,
}

impl Content {
    pub fn reference(&self) -> ContentRef {
        ContentRef::of(self)
    }

    /// Deadline of the checkpoint, if it opens at `now`. Returns `None` without a timeout.
    ///
    /// The published API accepts zero and negative timeouts, which set no deadline. Timeouts are cut to the packet's
    /// time to live.
    pub fn checkpoint_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        let seconds = self.hitl.as_ref()?.timeout_seconds.filter(|seconds| *seconds > 0)?;
        Some(now.plus_ms(seconds.saturating_mul(1000).min(TTL_MS)))
    }

    /// Content with the answer in its checkpoint. Content without a checkpoint is returned unchanged.
    #[must_use]
    pub fn answered(&self, answer: &CheckpointAnswer, origin: Option<AnswerOrigin>, at: Timestamp) -> Self {
        let mut content = self.clone();
        if let Some(hitl) = &mut content.hitl {
            hitl.response = Some(answer.response.clone());
            hitl.responded_by = Some(answer.by.clone());
            hitl.responded_at = Some(at.to_string());
            hitl.origin = origin;
            // An answer without notes keeps the earlier notes.
            if let Some(notes) = answer.notes.as_deref().filter(|notes| !notes.is_empty()) {
                hitl.notes = Some(notes.to_owned());
            }
        }
        content
    }

    /// Prepends the parent's conversation. Nothing else is inherited.
    #[must_use]
    pub fn with_parent_conversation(mut self, parent: &Self) -> Self {
        let own = std::mem::take(&mut self.context.conversation_state);
        self.context.conversation_state = parent.context.conversation_state.iter().cloned().chain(own).collect();
        self
    }
}

impl Hitl {
    /// Returns `true` if the checkpoint contains any part of an answer.
    pub fn is_answered(&self) -> bool {
        self.response.is_some() || self.responded_at.is_some() || self.responded_by.is_some()
    }

    /// Removes the answer.
    #[must_use]
    pub fn unanswered(self) -> Self {
        Self { response: None, responded_at: None, responded_by: None, origin: None, ..self }
    }

    /// Returns `true` if both checkpoints have the same answer. Times are compared by value, because the published
    /// client sends back a time with more digits than it read.
    pub(super) fn has_answer_of(&self, other: &Self) -> bool {
        let at = |hitl: &Self| hitl.responded_at.as_deref().map(|text| read_time(text).ok_or(text.to_owned()));
        self.response == other.response && self.responded_by == other.responded_by && at(self) == at(other)
    }

    /// Returns `true` if both checkpoints have the same answer to the same request, with the same notes. The channel of
    /// the answer is not compared: no request sets it.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let (responded_at, origin) = (other.responded_at.clone(), other.origin.clone());
        self.has_answer_of(other) && Self { responded_at, origin, ..self.clone() } == *other
    }
}
