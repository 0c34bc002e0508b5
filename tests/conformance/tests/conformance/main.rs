//! Handrail against parts that others made: the published client of its API, Amazon's DynamoDB Local, an independent AWS
//! emulator, `cargo lambda`, the published verifier of webhook signatures.
//!
//! The parts lie where `HANDRAIL_TOOLS` says; `./check` sets it. Without it these tests say that they were left out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what does not hold ends the test, wherever it is noticed")]

mod cloud;
mod dynamodb_local;
mod emulated_aws;
mod files_in_s3;
mod hooks;
mod lambda_watch;
mod ministack;
mod packets;
mod programs;
mod published_client;
mod tenants;
mod tools;
mod webhooks;
