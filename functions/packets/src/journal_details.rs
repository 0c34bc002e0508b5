//! Journal details of a packet event. The details of the history entry are not stored, as they are derived from the event.

use handrail_domain::packet::{Packet, PacketEvent, State};
use handrail_records::journal::{EventContext, JournalDetails};

use serde_json::{Value, json};

use crate::history_entry::HistoryEntry;
use crate::view::Metadata;

/// Returns the journal details of an event, or `None` for a heartbeat, which neither the audit list nor live events show.
pub(crate) fn from_event(context: &EventContext<'_, Packet>) -> Option<JournalDetails> {
    let EventContext { record, previous_state_data: previous, entry } = context;
    let history = HistoryEntry::from_log_entry(record.id, entry);
    let live = live_event_name(&entry.event);
    if history.is_none() && live.is_none() {
        return None;
    }
    let age_ms = entry.at.ms_since(record.created_at);
    let was_awaiting = previous.is_some_and(|previous| previous.state == State::AwaitingHuman);
    let completes = matches!(entry.event, PacketEvent::Moved { to: State::Completed, .. });
    Some(JournalDetails {
        audit_info: history.map(|history| handrail_store::AuditInfo { action: history.action, actor: history.actor }),
        live_event: live.map(|name| live_event(name, context)),
        claimed_after_ms: matches!(entry.event, PacketEvent::Claimed { .. }).then_some(age_ms),
        completed_after_ms: completes.then_some(age_ms),
        opens_checkpoint: record.state() == State::AwaitingHuman && !was_awaiting,
    })
}

/// Returns the event's name in the live streams, or `None` if they omit the event.
fn live_event_name(event: &PacketEvent) -> Option<&'static str> {
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
        // After a lapsed lease any agent may claim the packet again.
        PacketEvent::Edited { edited: Some(_) } | PacketEvent::LeaseLapsed { .. } => "packet.updated",
        // A heartbeat; and a link to a child, whose own creation is an event.
        PacketEvent::Edited { edited: None } | PacketEvent::Chained { .. } => return None,
        PacketEvent::Answered { .. } => "hitl.response_ready",
        PacketEvent::Deleted { .. } | PacketEvent::Expired { .. } | PacketEvent::Unanswered => "packet.expired",
    })
}

/// Builds the live event from the packet as of the event, so that a resumed stream repeats the same data.
fn live_event(name: &str, context: &EventContext<'_, Packet>) -> Value {
    let record = context.record;
    let mut json = json!({"type": name, "status": record.state(), "metadata": Metadata::new(record)});
    if let Some(parent) = record.spec.parent {
        json["parent_packet_id"] = json!(parent);
    }
    json
}
