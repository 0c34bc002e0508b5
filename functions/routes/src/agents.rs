//! Agents that can receive handoffs: their ids, availability and JSON view.

use handrail_domain::time::Timestamp;
use handrail_store::{AGENT_ID_BYTES_MAX, Agent};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use crate::errors::not_found;

/// Time without a heartbeat after which an agent is unavailable. Three heartbeats a minute apart may get lost.
pub(crate) const HEARTBEAT_TIMEOUT_MS: i64 = 3 * 60_000;
/// Ids that collide with URLs of the routes API.
const RESERVED_IDS: [&str; 3] = ["handoff", "handoffs", "route-handoff"];

/// Returns `true` if the agent can receive a handoff now.
pub(crate) fn is_available(agent: &Agent, now: Timestamp) -> bool {
    agent.enabled && (agent.is_static || now.ms_since(agent.last_heartbeat_at) < HEARTBEAT_TIMEOUT_MS)
}

/// Returns `true` if an agent can be registered under this id.
pub(crate) fn is_valid_id(text: &str) -> bool {
    (1..=AGENT_ID_BYTES_MAX).contains(&text.len())
        && text.chars().count() <= AGENT_ID_CHARS_MAX
        && !RESERVED_IDS.contains(&text)
}

/// Longest agent id, equal to the limit of packets.
pub(crate) const AGENT_ID_CHARS_MAX: usize = handrail_domain::packet::AGENT_CHARS_MAX;

pub(crate) fn agent_not_found(id: &str) -> Problem {
    not_found(format!("Agent '{id}' not found"))
}

/// JSON view of an agent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Agent")]
pub(crate) struct AgentView {
    id: String,
    name: String,
    enabled: bool,
    /// Whether the agent is available without heartbeats.
    #[serde(rename = "static")]
    is_static: bool,
    /// Most packets that may be open for the agent; null without a limit.
    max_open: Option<u32>,
    /// Whether the agent takes a handoff now.
    available: bool,
    last_heartbeat_at: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl AgentView {
    pub(crate) fn new(agent: &Agent, now: Timestamp) -> Self {
        Self {
            id: agent.id.clone(),
            name: agent.name.clone(),
            enabled: agent.enabled,
            is_static: agent.is_static,
            max_open: agent.max_open_packets,
            available: is_available(agent, now),
            last_heartbeat_at: agent.last_heartbeat_at,
            created_at: agent.created_at,
            updated_at: agent.updated_at,
        }
    }
}
