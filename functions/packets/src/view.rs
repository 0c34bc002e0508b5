//! A packet as clients see it: every member, null when unset.

use handrail_domain::packet::{AgentRef, Content, Packet, read_time, target};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::{Value, json};

/// The format of the document, not of this service.
const VERSION: &str = "1.0.0";

/// `record` as it is seen at the moment.
pub(crate) fn whole(record: &Record<Packet>, content: &Content) -> Value {
    let (ask, standing) = (&record.ask, &record.standing);
    json!({
        "id": record.id,
        "version": VERSION,
        "parent_packet_id": ask.parent,
        "metadata": metadata(record),
        "context": content.context,
        "decisions": content.decisions,
        "actions": content.actions,
        "dependencies": content.dependencies,
        "hitl": content.hitl,
        "status": record.state(),
        "schema_id": ask.schema_id,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "expires_at": ask.expires_at,
        "lease_expires_at": standing.lease.map(|lease| lease.until),
    })
}

/// Who hands over to whom, and when.
pub(crate) fn metadata(record: &Record<Packet>) -> Value {
    let (ask, standing) = (&record.ask, &record.standing);
    let target = target(record);
    let stated = |stated: &Option<String>| stated.as_deref().map(zoned);
    json!({
        "source_agent": source(&ask.source),
        "target_agent": {"id": target.id, "name": target.name, "framework": target.framework},
        // Clients read no null here.
        "created_at": stated(&ask.stated_at).unwrap_or_else(|| record.created_at.to_string()),
        "claimed_at": time_or(standing.claimed_at, stated(&ask.claimed_at_given)),
        "completed_at": time_or(standing.completed_at, stated(&ask.completed_at_given)),
        "priority": ask.priority,
        "tags": ask.tags,
    })
}

fn source(agent: &AgentRef) -> Value {
    json!({"id": agent.id, "name": agent.name, "framework": agent.framework, "version": agent.version})
}

fn time_or(ours: Option<Timestamp>, stated: Option<String>) -> Option<String> {
    ours.map(|at| at.to_string()).or(stated)
}

/// A sender's time as it was written, if it says its zone; else as we write it.
fn zoned(text: &str) -> String {
    match Timestamp::parse(text) {
        Some(_) => text.to_owned(),
        None => read_time(text).map_or_else(|| text.to_owned(), |at| at.to_string()),
    }
}
