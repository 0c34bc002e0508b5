//! Tests of the DynamoDB features that the service relies on, through the AWS SDK.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod expiry;
mod folder_blob_store;
mod protocol;
mod queries;
mod stream;
mod table;
mod writes;
