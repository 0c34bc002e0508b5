//! What of a packet never changes once it is made.

use serde::{Deserialize, Serialize};

use super::asking::Asked;
use super::named::words;
use crate::ids::{KeyId, RecordId};
use crate::record::ContentRef;
use crate::time::Timestamp;

/// A packet that is not done by then expires.
pub const TTL_MS: i64 = 24 * 60 * 60 * 1000;

/// An agent as it names itself. Nobody checks that it is the one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRef {
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

words! {
    #[derive(Default)]
    pub enum Priority { Low = "low", #[default] Normal = "normal", High = "high", Critical = "critical" }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RecordId>,
    pub source: AgentRef,
    /// For whom it is meant. Whoever claims it is shown instead.
    pub target: AgentRef,
    /// The times that the sender stated, as they were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at_given: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at_given: Option<String>,
    #[serde(default)]
    pub priority: Priority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_id: Option<String>,
    /// It goes on from its parent. A parent may also be named without that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chained: bool,
    /// A person answers before any agent has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub human_first: bool,
    /// It came with a checkpoint, required or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_checkpoint: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hitl_deadline: Option<Timestamp>,
    /// The person who is asked before any agent has it, where the checkpoint names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Asked>,
    pub expires_at: Timestamp,
    /// The first version.
    pub content: ContentRef,
    pub made_by: KeyId,
}

impl Ask {
    /// The same, asking this person, if anybody comes before the agents.
    #[must_use]
    pub fn asking(self, asked: Option<Asked>) -> Self {
        Self { asks: asked.filter(|_| self.human_first), ..self }
    }
}
