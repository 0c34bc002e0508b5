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
mod requests;
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

use handrail_web::operations;

operations! {
    /// Operations of the packets API.
    ENDPOINTS, DESCRIPTIONS, problem: errors::ErrorBody,
    create,
    list,
    awaiting,
    search,
    get,
    patch,
    delete,
    claim,
    respond,
    history,
    chain,
    batch_create,
    batch_claim,
    batch_complete,
    events,
    audit,
    stats,
    system_health,
    health,
    ready,
    metrics,
    keys::create,
    keys::list,
    keys::revoke,
    keys::rotate,
    keys::usage,
    tenants::create,
    tenants::list,
    tenants::get,
    tenants::change,
    tenants::delete,
    tenants::keys,
    hooks::create,
    hooks::list,
    hooks::delete,
    hooks::deliveries,
    hooks::dlq,
    hooks::replay,
    hooks::retry_all,
    schemas::create,
    schemas::list,
    schemas::get,
}
