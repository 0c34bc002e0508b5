//! Conformance with independent software: the published clients, Amazon's DynamoDB Local, an AWS emulator, `cargo
//! lambda`, and the published verifier of webhook signatures.
//!
//! `HANDRAIL_TOOLS` names their folder; `./check` sets it. Without it `build.rs` marks these tests as ignored. With it, a
//! missing tool fails its test.
#![expect(clippy::unwrap_used, clippy::panic, reason = "an unexpected value fails the test")]

mod cloud;
mod dynamodb_local;
mod emulated_aws;
mod files_in_s3;
mod hooks;
mod journal;
mod lambda_watch;
mod ministack;
mod openapi;
mod packets;
mod programs;
mod published_client;
mod receipts;
mod tenants;
mod tools;
mod webhooks;
