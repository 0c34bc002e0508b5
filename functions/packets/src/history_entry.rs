//! History entry of a packet event, in published terms. The packet's history and the audit list show the same entries.

use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Packet, PacketEvent, State, answer_origin_of_entry};
use handrail_domain::record::LogEntry;
use handrail_domain::time::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HistoryEntry {
    pub packet_id: RecordId,
    pub seq: u64,
    pub action: &'static str,
    pub actor: String,
    pub details: Value,
    pub at: Timestamp,
}

/// Entry in the history of a packet.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HistoryEntry")]
pub(crate) struct HistoryView {
    id: String,
    packet_id: RecordId,
    event_type: &'static str,
    actor: String,
    /// Data of the event.
    #[schemars(with = "Map<String, Value>")]
    details: Value,
    timestamp: Timestamp,
}

/// Entry in the list of all events.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
pub(crate) struct AuditView {
    id: String,
    packet_id: RecordId,
    actor: String,
    action: &'static str,
    resource: &'static str,
    /// Data of the event.
    #[schemars(with = "Map<String, Value>")]
    details: Value,
    timestamp: Timestamp,
}

impl HistoryEntry {
    /// Returns `None` if the history omits the event, such as an edit of the content.
    pub(crate) fn from_log_entry(packet: RecordId, entry: &LogEntry<Packet>) -> Option<Self> {
        let expired = State::Expired.name();
        let (action, actor, details) = match &entry.event {
            PacketEvent::Created { source, chained_to, .. } => {
                let details = match chained_to {
                    Some(parent) => json!({"parent_packet_id": parent, "chain": true}),
                    None => json!({}),
                };
                ("created", agent_actor(source), details)
            }
            PacketEvent::Claimed { by, .. } => {
                ("claimed", agent_actor(&by.id), json!({"agent_name": by.name, "framework": by.framework}))
            }
            PacketEvent::Moved { from, to, in_batch: true, .. } => {
                (to.name(), "system:batch_complete".to_owned(), json!({"from_status": from}))
            }
            PacketEvent::Moved { from, to, agent: holder, .. } => {
                (to.name(), agent_actor(holder), json!({"from_status": from, "to_status": to}))
            }
            PacketEvent::Edited { .. } => return None,
            PacketEvent::Answered { by, response, notes, .. } => {
                let mut details = json!({"response": response, "notes": notes, "transition_to": State::Claimed});
                if let (Some(origin), Value::Object(members)) = (answer_origin_of_entry(entry), &mut details) {
                    origin.insert_into(members);
                }
                ("hitl_responded", format!("human:{by}"), details)
            }
            PacketEvent::Deleted { from } => {
                (expired, "system:soft_delete".to_owned(), json!({"previous_status": from, "reason": "soft_delete"}))
            }
            PacketEvent::Chained { child, child_source } => {
                ("chained", agent_actor(child_source), json!({"child_packet_id": child}))
            }
            PacketEvent::Expired { from } => {
                (expired, "system:expiry_task".to_owned(), json!({"previous_status": from, "reason": "ttl_exceeded"}))
            }
            PacketEvent::Unanswered => {
                let details = json!({"previous_status": State::AwaitingHuman, "reason": "hitl_timeout"});
                (expired, "system:expiry_task".to_owned(), details)
            }
            PacketEvent::LeaseLapsed { from, holder } => {
                let details = json!({"from_status": from, "to_status": State::Created, "agent_id": holder});
                ("lease_lapsed", "system:lease".to_owned(), details)
            }
        };
        Some(Self { packet_id: packet, seq: entry.seq, action, actor, details, at: entry.at })
    }

    pub(crate) fn into_history_view(self) -> HistoryView {
        HistoryView {
            id: self.id(),
            packet_id: self.packet_id,
            event_type: self.action,
            actor: self.actor,
            details: self.details,
            timestamp: self.at,
        }
    }

    pub(crate) fn into_audit_view(self) -> AuditView {
        AuditView {
            id: self.id(),
            packet_id: self.packet_id,
            actor: self.actor,
            action: self.action,
            resource: "packet",
            details: self.details,
            timestamp: self.at,
        }
    }

    fn id(&self) -> String {
        format!("{}.{}", self.packet_id, self.seq)
    }
}

fn agent_actor(id: &str) -> String {
    format!("agent:{id}")
}
