//! The routes door: one agent platform moves a conversation to another agent. What is handed over becomes a packet for that
//! agent, which works on it by the packets door. A file per operation, found by its URL.

pub mod agent_change;
pub mod agent_get;
pub mod agent_heartbeat;
pub mod agent_list;
pub mod agent_remove;
mod agents;
mod body;
mod dialect;
pub mod handoff;
pub mod handoff_list;
pub mod route_handoff;
#[cfg(test)]
mod testing;
mod times;

pub use dialect::DIALECT;

use handrail_kernel::endpoint::Endpoint;

/// Every operation of this door.
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
