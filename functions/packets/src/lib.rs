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
#[cfg(test)]
mod large;
pub mod list;
mod packing;
mod page;
pub mod patch;
pub mod respond;
pub mod schemas;
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
    schemas::create::ENDPOINT,
    schemas::list::ENDPOINT,
    schemas::get::ENDPOINT,
];
