//! JSON view of a packet. Every field is present, and null when unset.

use handrail_context::cx::Cx;
use handrail_domain::packet::{AgentRef, Content, Packet, current_agent};
use handrail_domain::read_time::read_time;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_packet_records::PacketWithContent;
use serde_json::{Value, json};

/// Version of the packet format, not of this service.
const FORMAT_VERSION: &str = "1.0.0";

/// Builds the JSON view of a packet as of now.
pub(crate) fn current_packet_json(cx: &Cx, packet: &PacketWithContent) -> Value {
    packet_json(&packet.record.as_of(cx.clock.now()), &packet.content)
}

/// Builds the JSON view of a packet. The caller passes `record` as of now.
pub(crate) fn packet_json(record: &Record<Packet>, content: &Content) -> Value {
    let (spec, state_data) = (&record.spec, &record.state_data);
    json!({
        "id": record.id,
        "version": FORMAT_VERSION,
        "parent_packet_id": spec.parent,
        "metadata": metadata_json(record),
        "context": content.context,
        "decisions": content.decisions,
        "actions": content.actions,
        "dependencies": content.dependencies,
        "hitl": content.hitl,
        "status": record.state(),
        "schema_id": spec.schema_id,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "expires_at": spec.expires_at,
        "lease_expires_at": state_data.lease.map(|lease| lease.until),
    })
}

/// Builds the `metadata` of a packet: its agents and times.
pub(crate) fn metadata_json(record: &Record<Packet>) -> Value {
    let (spec, state_data) = (&record.spec, &record.state_data);
    let target = current_agent(record);
    let stated = |stated: &Option<String>| stated.as_deref().map(with_time_zone);
    json!({
        "source_agent": source_agent_json(&spec.source),
        "target_agent": {"id": target.id, "name": target.name, "framework": target.framework},
        // Clients do not accept null here.
        "created_at": stated(&spec.stated_at).unwrap_or_else(|| record.created_at.to_string()),
        "claimed_at": time_or_stated(state_data.claimed_at, stated(&spec.claimed_at_given)),
        "completed_at": time_or_stated(state_data.completed_at, stated(&spec.completed_at_given)),
        "priority": spec.priority,
        "tags": spec.tags,
    })
}

fn source_agent_json(agent: &AgentRef) -> Value {
    json!({"id": agent.id, "name": agent.name, "framework": agent.framework, "version": agent.version})
}

fn time_or_stated(recorded: Option<Timestamp>, stated: Option<String>) -> Option<String> {
    recorded.map(|at| at.to_string()).or(stated)
}

/// Returns the sender's time unchanged if it has a time zone, else in this service's format.
fn with_time_zone(text: &str) -> String {
    match Timestamp::parse(text) {
        Some(_) => text.to_owned(),
        None => read_time(text).map_or_else(|| text.to_owned(), |at| at.to_string()),
    }
}
