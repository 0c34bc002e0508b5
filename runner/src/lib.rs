//! Handrail on one machine: the operations and workers of AWS in one process, on an embedded engine.
//!
//! Only the message queue, mail and the clock have local implementations. Their state is stored beside the records, so
//! a restart or a kill loses nothing.

pub mod accounts;
pub mod audit;
mod changes;
mod clock;
pub mod cors;
mod data;
mod delivery_slots;
pub mod demo;
mod drain_body;
mod due_groups;
mod endpoints;
pub mod external_dynamodb;
#[cfg(feature = "external-table")]
pub mod external_workers;
pub mod health;
mod listen;
mod local;
mod local_ports;
mod local_store;
mod pages;
pub mod receipt;
mod serve;
mod sockets;
#[cfg(feature = "external-table")]
mod stream_reader;
mod worker_loop;

pub use clock::MovableClock;
pub use data::{DataDir, TABLE};
pub use endpoints::{BINARIES, DESCRIPTIONS, endpoints};
pub use handrail_engine as engine;
pub use listen::Listen;
pub use local_store::LocalMail;
pub use serve::{ClockMode, LOCAL_EMAIL, Options, Running, Storage, start};
pub use worker_loop::PumpHandle;
