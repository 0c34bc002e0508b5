//! Approval requests of any record kind. All have the form of a decision
//! (docs/decisions/0018-a-checkpoint-is-seen-as-a-decision.md).

use handrail_domain::decision::Decision;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_secrets::link::{ApproverRole, Link};
use handrail_secrets::purpose_key::PurposeKey;

/// Approval request to a person, with its approvers and its state.
#[derive(Clone, Debug)]
pub struct ApprovalRequest {
    /// Decision, or a checkpoint converted to a decision.
    pub record: Record<Decision>,
    /// Distinguishes the checkpoints of a packet. `None` for a decision.
    pub checkpoint_seq: Option<u64>,
}

impl ApprovalRequest {
    pub fn from_decision(record: Record<Decision>) -> Self {
        Self { record, checkpoint_seq: None }
    }

    /// Returns the approval request at the time `now`, with due timers applied.
    #[must_use]
    pub fn as_of(&self, now: Timestamp) -> Self {
        Self { record: self.record.as_of(now), checkpoint_seq: self.checkpoint_seq }
    }

    /// Returns the token of the person's link.
    pub fn token(&self, master: &PurposeKey, role: ApproverRole, person: &EmailAddress) -> String {
        let link = Link::new(master, self.record.tenant, self.record.id, role, person);
        match self.checkpoint_seq {
            Some(number) => link.for_checkpoint(number, master, person).token(),
            None => link.token(),
        }
    }
}
