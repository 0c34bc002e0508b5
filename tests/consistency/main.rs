//! Consistency tests: the code, the template and the documents describe the same operations, in both directions.
//!
//! The registry in the code (`handrail_runner::endpoints()` and `handrail_effects::WORKERS`) is the authority. These
//! tests read files of the repository and run examples in process, without a public server.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "an unexpected value fails the test")]

mod access;
mod binaries;
mod buckets;
mod calls;
mod crate_dependencies;
mod docs;
mod every_endpoint;
mod examples;
mod functions;
mod hooks;
mod imports;
mod limits;
mod messages;
mod nested_stacks;
mod openapi;
mod packets;
mod permissions;
mod project;
mod release;
mod replay;
mod replay_app;
mod responses;
mod routes;
mod samples;
mod source_rules;
mod stream;
mod table;
mod template;
mod tenants;
mod watch;
