//! The packets door: an agent hands its context to another. A file per operation, found by its URL.

pub mod awaiting;
pub mod batch_claim;
pub mod batch_complete;
pub mod batch_create;
mod body;
mod caller;
pub mod chain;
pub mod claim;
pub mod create;
pub mod delete;
mod dialect;
mod door;
pub mod get;
pub mod history;
pub mod hooks;
pub mod list;
mod page;
pub mod patch;
pub mod respond;
pub mod search;
mod shelf;
#[cfg(test)]
mod testing;
mod view;
mod words;

pub use dialect::DIALECT;
pub use door::PacketsDoor;
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
    hooks::create::ENDPOINT,
    hooks::list::ENDPOINT,
    hooks::delete::ENDPOINT,
    hooks::deliveries::ENDPOINT,
    hooks::dead::ENDPOINT,
    hooks::replay::ENDPOINT,
    hooks::retry_all::ENDPOINT,
];
