//! Events of a decision, the acts that cause them, and the refusals of acts.

use serde::{Deserialize, Serialize};

use super::answer::{Answer, SubmittedAnswer};
use super::consumption::{ConsumeRequest, Consumption, ExecutionEnd, ExecutionOutcome};
use super::spec::Choice;
use super::state::State;
use crate::answer_origin::AnswerOrigin;
use crate::attachment::Attachment;
use crate::field_error::FieldError;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum DecisionEvent {
    #[serde(rename = "decision.created")]
    Created {
        /// Digest of the spec, so that the hash chain of the log covers the spec too.
        ask_sha256: String,
    },
    #[serde(rename = "decision.approved")]
    Approved(Answer),
    #[serde(rename = "decision.denied")]
    Denied(Answer),
    #[serde(rename = "decision.modified")]
    Modified(Answer),
    #[serde(rename = "decision.scheduled")]
    Scheduled(Answer),
    #[serde(rename = "decision.attached")]
    Attached { files: Vec<Attachment> },
    #[serde(rename = "decision.cancelled")]
    Cancelled {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    #[serde(rename = "decision.consumed")]
    Consumed {
        execution_id: String,
        /// Name of the API key, whose id is that of the entry's author.
        key_name: String,
    },
    #[serde(rename = "decision.executed")]
    Executed {
        execution_id: String,
        outcome: ExecutionOutcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    #[serde(rename = "decision.escalated")]
    Escalated,
    #[serde(rename = "decision.expired")]
    Expired,
}

impl DecisionEvent {
    /// Pointers to the personal values of the event, in the log entry that holds it. Also the digest of the spec: the
    /// spec names the approver, and whoever knows the rest could find the address by trying.
    pub(super) const fn personal_values(&self) -> &'static [&'static str] {
        match self {
            Self::Created { .. } => &["/event/ask_sha256"],
            Self::Approved(_) | Self::Denied(_) | Self::Modified(_) | Self::Scheduled(_) => {
                &["/event/resolved_by", "/event/notes", "/event/response_data", "/event/files"]
            }
            Self::Attached { .. } => &["/event/files"],
            Self::Cancelled { .. } => &["/event/reason"],
            // What a program reports may name a person.
            Self::Executed { .. } => &["/event/detail"],
            Self::Consumed { .. } | Self::Escalated | Self::Expired => &[],
        }
    }

    /// Returns the answer, if the event records one.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Approved(answer) | Self::Denied(answer) | Self::Modified(answer) | Self::Scheduled(answer) => {
                Some(answer)
            }
            Self::Created { .. }
            | Self::Attached { .. }
            | Self::Cancelled { .. }
            | Self::Consumed { .. }
            | Self::Executed { .. }
            | Self::Escalated
            | Self::Expired => None,
        }
    }

    /// Returns `true` if the event settles the decision by an answer or a cancellation, and not because time passed.
    pub fn closes(&self) -> bool {
        self.answer().is_some() || matches!(self, Self::Cancelled { .. })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Answer(Choice, SubmittedAnswer),
    /// Adds files from the requester's side.
    Attach(Vec<Attachment>),
    /// Cancels the decision.
    Cancel {
        reason: Option<String>,
    },
    /// Uses the approval for an execution.
    Consume(ConsumeRequest),
    /// Reports the end of the execution.
    Finish {
        execution_id: String,
        outcome: ExecutionOutcome,
        detail: Option<String>,
    },
    Escalate,
    Expire,
}

/// Reason to refuse a command on a decision. Retrying never helps, because each reason stays true; only an approval for
/// later can be used later.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Another answer, by `by`, was accepted earlier.
    AlreadyAnswered { state: State, by: String, at: Timestamp, origin: Option<AnswerOrigin> },
    /// The time to answer is over.
    Expired { at: Timestamp },
    /// The choice is not among the decision's options.
    NotOffered { choice: Choice, offered: Vec<Choice> },
    /// The actor is not the current approver. The approver may have been replaced by the backup.
    NotCurrentApprover,
    /// The API key created the decision, and its tenant does not let keys answer what they asked.
    AskerMayNotAnswer,
    /// The decision was cancelled.
    Cancelled { at: Timestamp },
    /// The answer does not match the spec: the invalid field and the reason.
    AnswerMismatch(FieldError),
    /// The API key neither created the decision nor may resolve decisions, so it may not cancel this decision.
    NotRequester,
    /// The API key neither asked nor consumed, nor may it resolve decisions, so it may not use this approval.
    NotExecutor,
    /// The decision is not approved, so there is nothing to use.
    NotApproved { state: State },
    /// The approval counts only from a later time on.
    NotYetApproved { from: Timestamp },
    /// The program is about to do something else than what was approved.
    ActionMismatch { approved: String },
    /// Another execution has used the approval.
    AlreadyConsumed(Box<Consumption>),
    /// The time to use the approval is over.
    ApprovalExpired { at: Timestamp },
    /// No execution with this name has used the approval.
    UnknownExecution,
    /// The execution has ended with another outcome.
    AlreadyFinished(ExecutionEnd),
    /// The decision would have more than [`crate::attachment::ATTACHMENTS_MAX`] attachments.
    TooManyAttachments { have: usize, more: usize },
}
