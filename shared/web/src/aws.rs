//! Serves one operation as a Lambda function.

use aws_config::SdkConfig;
use std::sync::Arc;

use crate::endpoint::Endpoint;
use handrail_context::aws::{Error, context, sdk_config, start_tracing};
use handrail_context::cx::Cx;
use handrail_context::settings::{EnvReader, Settings};
use handrail_platform::blob_store::BlobStore;
use handrail_platform::clock::{SystemClock, SystemEntropy};
use handrail_store::Store;

/// Opens the file storage of a function. Passed by the binary, so that other binaries don't link the S3 client.
pub type OpenBlobStore = fn(&mut EnvReader<'_>, &SdkConfig) -> Arc<dyn BlobStore>;

/// Serves one operation. Takes its const and not a name, so the binary contains no code of other operations.
pub async fn serve(endpoint: Endpoint) -> Result<(), Error> {
    start_tracing();
    let settings = Settings::read(endpoint.required_settings, &|name| std::env::var(name).ok())?;
    let cx = context(settings).await;
    cx.store.warm_up().await;
    lambda_http::run(endpoint.router(cx)).await
}

/// Serves one operation that uses files.
pub async fn serve_with(endpoint: Endpoint, open: OpenBlobStore) -> Result<(), Error> {
    start_tracing();
    let lookup = |name: &str| std::env::var(name).ok();
    let mut environment = EnvReader::new(&lookup);
    let settings = Settings::from_env(&mut environment, endpoint.required_settings);
    let config = sdk_config().await;
    let blobs = open(&mut environment, &config);
    let settings = environment.finish(settings)?;
    let store = Store::new(aws_sdk_dynamodb::Client::new(&config), settings.table.clone());
    let cx = Cx::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy), settings).with_blob_store(blobs);
    cx.store.warm_up().await;
    lambda_http::run(endpoint.router(cx)).await
}
