//! Spec of a packet: the part that never changes after the packet was created.

use serde::{Deserialize, Serialize};

use super::checkpoint_request::CheckpointRequest;
use super::priority::Priority;
use crate::ids::{KeyId, RecordId};
use crate::record::ContentRef;
use crate::time::Timestamp;

/// Agent as described by the client. The description is not verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRef {
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Immutable part of a packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PacketSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RecordId>,
    pub source: AgentRef,
    /// Agent that the packet is meant for. Once claimed, the packet shows the agent that holds the claim instead.
    pub target: AgentRef,
    /// `created_at` from the request, as written. `claimed_at_given` and `completed_at_given` are from the request too.
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
    /// `true` if the packet was chained to its parent. A request can also name a parent without chaining.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chained: bool,
    /// `true` if a person has to answer before any agent can claim the packet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub human_first: bool,
    /// `true` if the packet was created with a checkpoint, required or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_checkpoint: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hitl_deadline: Option<Timestamp>,
    /// Request to the approver, if the packet was created with an open checkpoint that names an approver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<CheckpointRequest>,
    pub expires_at: Timestamp,
    /// First version of the content.
    pub content: ContentRef,
    pub made_by: KeyId,
}

impl PacketSpec {
    /// Adds the request to the spec. The request is dropped unless a person has to answer before any agent.
    #[must_use]
    pub fn with_checkpoint_request(self, request: Option<CheckpointRequest>) -> Self {
        Self { asks: request.filter(|_| self.human_first), ..self }
    }
}
