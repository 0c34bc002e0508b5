//! Serves one operation as a Lambda function.

use aws_config::SdkConfig;
use std::sync::Arc;

use crate::endpoint::Endpoint;
use handrail_context::aws::{Error, context, sdk_config, start_tracing};
use handrail_context::cx::Cx;
use handrail_context::settings::{EnvReader, Settings};
use handrail_platform::blob_store::BlobStore;
use handrail_platform::clock::{SystemClock, SystemEntropy};
use handrail_records::kind::KindList;
use handrail_store::Store;

/// Opens the file storage of a function. Passed by the binary, so that other binaries don't link the S3 client.
pub type OpenBlobStore = fn(&mut EnvReader<'_>, &SdkConfig) -> Arc<dyn BlobStore>;

/// Serves one operation. Takes its const and not a name, so the binary contains no code of other operations.
pub async fn serve(endpoint: Endpoint) -> Result<(), Error> {
    start_tracing();
    let settings = Settings::read(endpoint.required_settings, &|name| std::env::var(name).ok())?;
    serve_in(endpoint, context(settings).await).await
}

/// Serves one operation that uses files.
pub async fn serve_with(endpoint: Endpoint, open: OpenBlobStore) -> Result<(), Error> {
    serve_in(endpoint, file_context(endpoint, open).await?).await
}

/// Serves one operation on records of every kind.
pub async fn serve_kinds(endpoint: Endpoint, kinds: KindList) -> Result<(), Error> {
    start_tracing();
    let settings = Settings::read(endpoint.required_settings, &|name| std::env::var(name).ok())?;
    serve_in(endpoint, context(settings).await.with_process_state(kinds)).await
}

/// Serves one operation on records of every kind that uses files.
pub async fn serve_kinds_with(endpoint: Endpoint, kinds: KindList, open: OpenBlobStore) -> Result<(), Error> {
    let cx = file_context(endpoint, open).await?;
    serve_in(endpoint, cx.with_process_state(kinds)).await
}

async fn serve_in(endpoint: Endpoint, cx: Cx) -> Result<(), Error> {
    cx.store.warm_up().await;
    lambda_http::run(endpoint.router(cx)).await
}

async fn file_context(endpoint: Endpoint, open: OpenBlobStore) -> Result<Cx, Error> {
    start_tracing();
    let lookup = |name: &str| std::env::var(name).ok();
    let mut environment = EnvReader::new(&lookup);
    let settings = Settings::from_env(&mut environment, endpoint.required_settings);
    let config = sdk_config().await;
    let blobs = open(&mut environment, &config);
    let settings = environment.finish(settings)?;
    let store = Store::new(aws_sdk_dynamodb::Client::new(&config), settings.table.clone());
    Ok(Cx::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy), settings).with_blob_store(blobs))
}
