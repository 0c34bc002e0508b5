//! What of a packet's event goes into the account's feed. Its details are not copied: they follow from the event.

use handrail_domain::packet::{Packet, PacketEvent, State};
use handrail_kernel::feed::{Happened, Headline};
use handrail_kernel::store;
use serde_json::{Value, json};

use crate::told::Told;
use crate::view;

/// `None`: a sign of life, which is nobody's news.
pub(crate) fn of(happened: &Happened<'_, Packet>) -> Option<Headline> {
    let Happened { record, before, entry } = happened;
    let told = Told::of(record.id, entry);
    let live = live_name(&entry.event);
    if told.is_none() && live.is_none() {
        return None;
    }
    let age_ms = entry.at.ms_since(record.created_at);
    let waited = before.is_some_and(|before| before.state == State::AwaitingHuman);
    let completes = matches!(entry.event, PacketEvent::Moved { to: State::Completed, .. });
    Some(Headline {
        told: told.map(|told| store::Told { action: told.action, actor: told.actor }),
        live: live.map(|name| shown(name, happened)),
        claimed_after_ms: matches!(entry.event, PacketEvent::Claimed { .. }).then_some(age_ms),
        completed_after_ms: completes.then_some(age_ms),
        raises_checkpoint: record.state() == State::AwaitingHuman && !waited,
    })
}

/// As the live streams call it. `None`: they leave it out.
fn live_name(event: &PacketEvent) -> Option<&'static str> {
    Some(match event {
        PacketEvent::Created { chained_to: None, .. } => "packet.created",
        PacketEvent::Created { chained_to: Some(_), .. } => "packet.chained",
        PacketEvent::Claimed { .. } => "packet.claimed",
        PacketEvent::Moved { to, .. } => match to {
            State::Created => "packet.updated",
            State::Claimed => "packet.claimed",
            State::InProgress => "packet.in_progress",
            State::AwaitingHuman => "packet.awaiting_human",
            State::Completed => "packet.completed",
            State::Failed => "packet.failed",
            State::Expired => "packet.expired",
        },
        // It lies there again for everybody.
        PacketEvent::Edited { edited: Some(_) } | PacketEvent::LeaseLapsed { .. } => "packet.updated",
        // A sign of life; and a chain, which the child's own event tells.
        PacketEvent::Edited { edited: None } | PacketEvent::Chained { .. } => return None,
        PacketEvent::Answered { .. } => "hitl.response_ready",
        PacketEvent::Deleted { .. } | PacketEvent::Expired { .. } | PacketEvent::Unanswered => "packet.expired",
    })
}

/// The packet as it was just after the event, so that whoever resumes reads the same again.
fn shown(name: &str, happened: &Happened<'_, Packet>) -> Value {
    let record = happened.record;
    let mut shown = json!({"type": name, "status": record.state(), "metadata": view::metadata(record)});
    if let Some(parent) = record.ask.parent {
        shown["parent_packet_id"] = json!(parent);
    }
    shown
}
