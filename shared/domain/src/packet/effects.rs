//! Effects of each event of a packet: mails to the approver of a checkpoint, and updates of the Slack message.

use super::checkpoint_request::CheckpointRequest;
use super::event::{Edited, PacketEvent};
use super::spec::PacketSpec;
use super::state::State::AwaitingHuman;
use crate::approval_purpose::ApprovalPurpose;
use crate::decision::{mail, reminders};
use crate::effect::{Effect, Purpose};
use crate::time::Timestamp;

/// Returns the effects of an event that happened at this time.
pub(super) fn effects_of(spec: &PacketSpec, event: &PacketEvent, at: Timestamp) -> Vec<Effect> {
    if let Some((_, answer_until)) = checkpoint_opened_by(event) {
        let reminders = reminders(at, checkpoint_ends_at(spec, answer_until));
        return std::iter::once(mail(ApprovalPurpose::AskApprover)).chain(reminders).collect();
    }
    // The event does not say whether the checkpoint was posted in Slack. The worker that updates the message finds out.
    if closes_checkpoint(event) { vec![Effect::Slack(Purpose::UPDATE_SLACK)] } else { Vec::new() }
}

/// Request and deadline of the checkpoint that the event opened. Returns `None` if the event asked no approver.
pub(super) fn checkpoint_opened_by(event: &PacketEvent) -> Option<(&CheckpointRequest, Option<Timestamp>)> {
    match event {
        PacketEvent::Created { asks, answer_until, .. } => Some((asks.as_ref()?, *answer_until)),
        PacketEvent::Moved { edited: Some(Edited { asks, answer_until, .. }), .. }
        | PacketEvent::Edited { edited: Some(Edited { asks, answer_until, .. }) } => {
            Some((asks.as_ref()?, *answer_until))
        }
        _ => None,
    }
}

/// Returns `true` if the event ends the packet's wait for a person.
pub(super) fn closes_checkpoint(event: &PacketEvent) -> bool {
    match event {
        PacketEvent::Answered { .. } | PacketEvent::Unanswered => true,
        PacketEvent::Moved { from, .. } | PacketEvent::Deleted { from } | PacketEvent::Expired { from } => {
            *from == AwaitingHuman
        }
        PacketEvent::Created { .. }
        | PacketEvent::Claimed { .. }
        | PacketEvent::Edited { .. }
        | PacketEvent::Chained { .. }
        | PacketEvent::LeaseLapsed { .. } => false,
    }
}

/// Time at which a checkpoint ends: its own deadline, or at the latest when the packet expires.
pub(super) fn checkpoint_ends_at(spec: &PacketSpec, answer_until: Option<Timestamp>) -> Timestamp {
    answer_until.map_or(spec.expires_at, |until| until.min(spec.expires_at))
}
