//! State data of a decision: the state, with the data that exists only in that state.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::consumption::Consumption;
use crate::actor::Actor;
use crate::attachment::Attachment;
use crate::time::Timestamp;

/// State data of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateData {
    #[serde(flatten)]
    pub phase: Phase,
    /// Files that the requester's side attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Use of the approval. `None` until a program has used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumption: Option<Consumption>,
}

/// State with the data that exists only in that state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Phase {
    Pending,
    Escalated,
    Approved(Outcome),
    Denied(Outcome),
    Modified(Outcome),
    Scheduled(Outcome),
    Expired(Expiry),
}

/// Accepted answer and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub at: Timestamp,
    /// Author of the answer. `None` for answers that were stored before; their author is in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    #[serde(flatten)]
    pub answer: Answer,
}

/// End of a decision without an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// `None`: the time ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Cancelled>,
}

/// Cancellation of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl StateData {
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Approved(outcome)
            | Phase::Denied(outcome)
            | Phase::Modified(outcome)
            | Phase::Scheduled(outcome) => Some(outcome),
            Phase::Pending | Phase::Escalated | Phase::Expired(_) => None,
        }
    }

    pub fn cancelled(&self) -> Option<&Cancelled> {
        match &self.phase {
            Phase::Expired(expiry) => expiry.cancelled.as_ref(),
            _ => None,
        }
    }
}
