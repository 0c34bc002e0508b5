//! Serves operations as Lambda functions.
//!
//! Each crate in `functions/` is one binary, and each of its functions on AWS is that binary with another
//! `HANDRAIL_FUNCTION`. So a deployment builds few programs, and each operation keeps its own role and limits.

use aws_config::SdkConfig;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::endpoint::{Endpoint, service};
use handrail_context::aws::{Error, sdk_config, start_tracing};
use handrail_context::aws_secrets::fetch_secrets;
use handrail_context::cx::Cx;
use handrail_context::served_functions::select_functions;
use handrail_context::settings::{EnvReader, RequiredSetting, Settings};
use handrail_platform::blob_store::BlobStore;
use handrail_platform::clock::{SystemClock, SystemEntropy};
use handrail_records::kind::KindList;
use handrail_store::Store;

/// Opens the file storage of a function. Passed by the binary, so that other binaries don't link the S3 client.
pub type OpenBlobStore = fn(&mut EnvReader<'_>, &SdkConfig) -> Arc<dyn BlobStore>;

/// Operations of one binary, and what some of them need besides the table.
pub struct Binary {
    endpoints: &'static [Endpoint],
    kinds: Option<KindList>,
    open_blob_store: Option<OpenBlobStore>,
}

impl Binary {
    pub const fn new(endpoints: &'static [Endpoint]) -> Self {
        Self { endpoints, kinds: None, open_blob_store: None }
    }

    /// Sets the kinds of records, for operations on records of every kind.
    #[must_use]
    pub const fn with_kinds(self, kinds: KindList) -> Self {
        Self { kinds: Some(kinds), ..self }
    }

    /// Sets the file storage, for operations that use files.
    #[must_use]
    pub const fn with_blob_store(self, open: OpenBlobStore) -> Self {
        Self { open_blob_store: Some(open), ..self }
    }

    /// Serves the operation that `HANDRAIL_FUNCTION` names, and ends with an error if this binary does not have it.
    pub async fn serve(self) -> Result<(), Error> {
        start_tracing();
        let lookup = |name: &str| std::env::var(name).ok();
        let endpoints = select_functions(self.endpoints, |endpoint| endpoint.function, &lookup)?;
        let cx = self.context(endpoints, &lookup).await?;
        let door = endpoints.first().ok_or("this binary has no operations")?.door;
        lambda_http::run(service(endpoints, door, cx)).await
    }

    async fn context(&self, endpoints: &[Endpoint], lookup: &dyn Fn(&str) -> Option<String>) -> Result<Cx, Error> {
        let required: BTreeSet<RequiredSetting> =
            endpoints.iter().flat_map(|endpoint| endpoint.required_settings).copied().collect();
        let required: Vec<RequiredSetting> = required.into_iter().collect();
        let (cx, ()) = start_function(&required, lookup, self.open_blob_store, |_, _| ()).await?;
        Ok(match self.kinds {
            Some(kinds) => cx.with_process_state(kinds),
            None => cx,
        })
    }
}

/// Builds the context of a function: reads its environment, fetches its secrets and opens its connections.
///
/// `open_more` opens what else the function needs, and all errors of the environment are reported together.
pub async fn start_function<T>(
    required: &[RequiredSetting],
    lookup: &dyn Fn(&str) -> Option<String>,
    open_blob_store: Option<OpenBlobStore>,
    open_more: impl FnOnce(&mut EnvReader<'_>, &SdkConfig) -> T,
) -> Result<(Cx, T), Error> {
    let config = sdk_config().await;
    // Two servers, so both connections are opened at once.
    let store = Store::new(aws_sdk_dynamodb::Client::new(&config), lookup("HANDRAIL_TABLE").unwrap_or_default());
    let (secrets, _) = tokio::join!(fetch_secrets(&config, required, lookup), store.warm_up());
    let secrets = secrets?;
    let lookup = |name: &str| secrets.lookup(lookup, name);
    let mut environment = EnvReader::new(&lookup);
    let settings = Settings::from_env(&mut environment, required);
    let blobs = open_blob_store.map(|open| open(&mut environment, &config));
    let more = open_more(&mut environment, &config);
    let settings = environment.finish(settings)?;
    let cx = Cx::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy), settings);
    let cx = match blobs {
        Some(blobs) => cx.with_blob_store(blobs),
        None => cx,
    };
    Ok((cx, more))
}
