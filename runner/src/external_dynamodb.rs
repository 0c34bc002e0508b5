//! The table on another DynamoDB-compatible server, for `cargo lambda watch` and for an installation on AWS.

use anyhow::Context;
use handrail_store::{Store, table};

/// Runs `handrail table create`. Also creates the files bucket if `AWS_ENDPOINT_URL_S3` names a local server.
pub async fn create_table(name: &str) -> anyhow::Result<bool> {
    let config = handrail_context::aws::sdk_config().await;
    let db = aws_sdk_dynamodb::Client::new(&config);
    if std::env::var("AWS_ENDPOINT_URL_S3").is_ok() {
        create_bucket(&config).await?;
    }
    table::create(&db, name).await.context("could not create the table: check AWS_ENDPOINT_URL_DYNAMODB")
}

#[cfg(feature = "external-table")]
async fn create_bucket(config: &aws_config::SdkConfig) -> anyhow::Result<()> {
    let Some(files) = crate::external_workers::files(config) else { return Ok(()) };
    files.create_bucket().await.context("could not create the files bucket: check AWS_ENDPOINT_URL_S3")
}

#[cfg(not(feature = "external-table"))]
#[expect(clippy::unused_async, reason = "the build with the feature waits for the bucket")]
async fn create_bucket(_config: &aws_config::SdkConfig) -> anyhow::Result<()> {
    anyhow::bail!("this build has no S3 client. Build with: --features external-table")
}

/// Opens the table for `handrail account create` and `handrail key create`.
pub async fn open_store(table: &str) -> Store {
    let config = handrail_context::aws::sdk_config().await;
    Store::new(aws_sdk_dynamodb::Client::new(&config), table)
}
