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

use handrail_web::operations;

operations! {
    /// All operations of the routes door.
    ENDPOINTS, DESCRIPTIONS, problem: errors::ErrorBody,
    route_handoff,
    handoff,
    handoff_list,
    agent_list,
    agent_get,
    agent_change,
    agent_remove,
    agent_heartbeat,
}
