//! What follows in the world from each event of a packet: whoever is named at a checkpoint is asked.

use super::ask::Ask;
use super::asking::Asked;
use super::event::{Edited, PacketEvent};
use super::rules::Packet;
use super::state::State::AwaitingHuman;
use crate::decision::reminders;
use crate::effect::{Effect, Purpose};
use crate::record::Entry;
use crate::time::Timestamp;

pub(super) fn what_follows(ask: &Ask, entry: &Entry<Packet>) -> Vec<Effect> {
    if let Some((_, answer_until)) = asked_by(&entry.event) {
        let reminders = reminders(entry.at, ends_at(ask, answer_until));
        return std::iter::once(Effect::Mail(Purpose::AskApprover)).chain(reminders).collect();
    }
    // An end does not say whether there was anything in Slack to edit: whoever edits finds out.
    if ends_question(&entry.event) { vec![Effect::Slack(Purpose::UpdateSlack)] } else { Vec::new() }
}

/// Whom an event asks, and until when if that is sooner than the packet's end.
pub(super) fn asked_by(event: &PacketEvent) -> Option<(&Asked, Option<Timestamp>)> {
    match event {
        PacketEvent::Created { asks, answer_until, .. } => Some((asks.as_ref()?, *answer_until)),
        PacketEvent::Moved { edited: Some(Edited { asks, answer_until, .. }), .. }
        | PacketEvent::Edited { edited: Some(Edited { asks, answer_until, .. }) } => {
            Some((asks.as_ref()?, *answer_until))
        }
        _ => None,
    }
}

/// After that nobody waits for a person any more.
pub(super) fn ends_question(event: &PacketEvent) -> bool {
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

/// When a question's time is over: a packet that ends takes its question along.
pub(super) fn ends_at(ask: &Ask, answer_until: Option<Timestamp>) -> Timestamp {
    answer_until.map_or(ask.expires_at, |until| until.min(ask.expires_at))
}
