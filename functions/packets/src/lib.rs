//! Packets API, by which an agent passes its context to another. Each operation has a file named after its URL.

mod agent_activity;
pub mod audit;
pub mod awaiting;
pub mod batch_claim;
pub mod batch_complete;
pub mod batch_create;
mod body;
pub mod chain;
mod checkpoint;
pub mod claim;
pub mod create;
mod daily_quota;
pub mod delete;
mod door;
mod errors;
pub mod events;
pub mod get;
pub mod health;
pub mod history;
mod history_entry;
pub mod hooks;
mod journal_details;
pub mod keys;
mod kind;
pub mod list;
pub mod live;
#[cfg(test)]
mod max_size_tests;
pub mod metrics;
mod names;
#[cfg(test)]
mod once_tests;
mod packet_error;
mod packet_ops;
mod page;
pub mod patch;
mod rate_limit_headers;
pub mod ready;
pub mod respond;
mod response_encoding;
pub mod schemas;
pub mod search;
pub mod stats;
pub mod system_health;
mod tenant_stats;
pub mod tenants;
#[cfg(test)]
mod testing;
mod view;

pub use door::DOOR;
pub use kind::KIND;

use handrail_web::endpoint::Endpoint;

/// Operations of the packets API.
pub const ENDPOINTS: &[Endpoint] = &[
    create::ENDPOINT,
    list::ENDPOINT,
    awaiting::ENDPOINT,
    search::ENDPOINT,
    get::ENDPOINT,
    patch::ENDPOINT,
    delete::ENDPOINT,
    claim::ENDPOINT,
    respond::ENDPOINT,
    history::ENDPOINT,
    chain::ENDPOINT,
    batch_create::ENDPOINT,
    batch_claim::ENDPOINT,
    batch_complete::ENDPOINT,
    events::ENDPOINT,
    audit::ENDPOINT,
    stats::ENDPOINT,
    system_health::ENDPOINT,
    health::ENDPOINT,
    ready::ENDPOINT,
    metrics::ENDPOINT,
    keys::create::ENDPOINT,
    keys::list::ENDPOINT,
    keys::revoke::ENDPOINT,
    keys::rotate::ENDPOINT,
    keys::usage::ENDPOINT,
    tenants::create::ENDPOINT,
    tenants::list::ENDPOINT,
    tenants::get::ENDPOINT,
    tenants::change::ENDPOINT,
    tenants::delete::ENDPOINT,
    tenants::keys::ENDPOINT,
    hooks::create::ENDPOINT,
    hooks::list::ENDPOINT,
    hooks::delete::ENDPOINT,
    hooks::deliveries::ENDPOINT,
    hooks::dlq::ENDPOINT,
    hooks::replay::ENDPOINT,
    hooks::retry_all::ENDPOINT,
    schemas::create::ENDPOINT,
    schemas::list::ENDPOINT,
    schemas::get::ENDPOINT,
];
