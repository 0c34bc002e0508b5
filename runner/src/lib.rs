//! Handrail on one machine: the same operations and the same workers as on AWS, in one process, on an embedded engine.
//!
//! Only three things have a form of their own here: where messages wait, where mail goes, and whose clock it is. All
//! three are kept beside the records, so a restart or a kill loses nothing.

pub mod accounts;
mod changes;
mod clock;
pub mod cors;
mod data;
pub mod demo;
mod desk;
pub mod emulated;
mod local;
mod outlets;
mod pages;
mod pump;
mod serve;
mod sockets;
mod unread;

pub use clock::MovableClock;
pub use data::{DataDir, TABLE};
pub use desk::LocalMail;
pub use handrail_engine as engine;
pub use pump::PumpHandle;
pub use serve::{LOCAL_EMAIL, Options, Running, Storage, Time, endpoints, start};
