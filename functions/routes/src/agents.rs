//! The agents that conversations can be handed to: who is there, and how they are shown.

use handrail_domain::time::Timestamp;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::{AGENT_ID_BYTES_MAX, Agent};
use serde_json::{Value, json};

use crate::dialect::not_found;

/// An agent that is not heard of for so long is taken to be gone: three signs of life a minute apart may get lost.
pub(crate) const SILENT_MAX_MS: i64 = 3 * 60_000;
/// Words of this door's own addresses.
const RESERVED: [&str; 3] = ["handoff", "handoffs", "route-handoff"];

/// Can a conversation be handed to it now?
pub(crate) fn is_available(agent: &Agent, now: Timestamp) -> bool {
    agent.enabled && (agent.is_static || now.ms_since(agent.heard_at) < SILENT_MAX_MS)
}

/// No agent can be registered under another.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=AGENT_ID_BYTES_MAX).contains(&text.len()) && text.chars().count() <= ID_CHARS_MAX && !RESERVED.contains(&text)
}

/// As long as a packet's agent may be called.
pub(crate) const ID_CHARS_MAX: usize = handrail_domain::packet::AGENT_CHARS_MAX;

pub(crate) fn unknown(id: &str) -> Problem {
    not_found(format!("Agent '{id}' not found"))
}

pub(crate) fn shown(agent: &Agent, now: Timestamp) -> Value {
    json!({
        "id": agent.id,
        "name": agent.name,
        "enabled": agent.enabled,
        "static": agent.is_static,
        "maxOpen": agent.open_max,
        "available": is_available(agent, now),
        "lastHeartbeatAt": agent.heard_at,
        "createdAt": agent.created_at,
        "updatedAt": agent.updated_at,
    })
}
