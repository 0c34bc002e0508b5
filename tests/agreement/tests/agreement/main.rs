//! Whatever says the same thing in two places is held equal here, in both directions: nothing missing, nothing extra.
//!
//! The registry in the code (`handrail_runner::endpoints()` and `handrail_workers::WORKERS`) is the authority. These tests
//! read files of the repository and replay examples; they never start a server that somebody else could reach.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test ends where something can't be")]

mod access;
mod binaries;
mod buckets;
mod calls;
mod examples;
mod functions;
mod grants;
mod hooks;
mod messages;
mod packets;
mod papers;
mod project;
mod replay;
mod routes;
mod samples;
mod stage;
mod stream;
mod table;
mod template;
mod tenants;
mod tree;
mod walls;
mod watch;
