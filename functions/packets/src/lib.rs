//! The packets door: an agent hands its context to another. A file per operation, found by its URL.

pub mod audit;
pub mod awaiting;
pub mod batch_claim;
pub mod batch_complete;
pub mod batch_create;
mod body;
mod caller;
pub mod chain;
pub mod checkpoint;
pub mod claim;
pub mod create;
mod daily;
pub mod delete;
mod dialect;
mod door;
pub mod events;
mod figures;
pub mod get;
mod given_name;
mod headline;
pub mod health;
pub mod history;
pub mod hooks;
pub mod keys;
#[cfg(test)]
mod large;
mod limits;
pub mod list;
pub mod live;
mod members;
pub mod metrics;
mod packing;
mod page;
pub mod patch;
pub mod ready;
pub mod respond;
pub mod schemas;
pub mod search;
mod shelf;
pub mod stats;
pub mod system_health;
pub mod tenants;
#[cfg(test)]
mod testing;
mod told;
mod view;
mod words;

pub use dialect::DIALECT;
pub use door::PacketsDoor;
pub use given_name::{GivenName, made_before};
pub use shelf::{Held, create};

use handrail_kernel::endpoint::Endpoint;

/// Every operation of this door.
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
    hooks::dead::ENDPOINT,
    hooks::replay::ENDPOINT,
    hooks::retry_all::ENDPOINT,
    schemas::create::ENDPOINT,
    schemas::list::ENDPOINT,
    schemas::get::ENDPOINT,
];
