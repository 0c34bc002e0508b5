//! What the service's design rests on, shown with the SDK that the service uses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod expiry;
mod folder;
mod protocol;
mod queries;
mod stream;
mod table;
mod writes;
