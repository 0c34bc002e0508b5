//! The routes door: an agent platform hands a conversation over to another agent. The handoff becomes a packet for that
//! agent, which works on it through the packets door. Each operation has a file named after its URL.

pub mod agent_change;
pub mod agent_get;
pub mod agent_heartbeat;
pub mod agent_list;
pub mod agent_remove;
mod agents;
mod body;
mod datetime;
mod door;
mod errors;
pub mod handoff;
pub mod handoff_list;
pub mod route_handoff;
#[cfg(test)]
mod testing;

pub use door::DOOR;

use handrail_web::endpoint::Endpoint;

/// All operations of the routes door.
pub const ENDPOINTS: &[Endpoint] = &[
    route_handoff::ENDPOINT,
    handoff::ENDPOINT,
    handoff_list::ENDPOINT,
    agent_list::ENDPOINT,
    agent_get::ENDPOINT,
    agent_change::ENDPOINT,
    agent_remove::ENDPOINT,
    agent_heartbeat::ENDPOINT,
];
