//! How a function meets AWS: clients, tracing and panics are set up once, before the first event.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use std::sync::Arc;
use std::time::Duration;

use crate::blobs::Blobs;
use crate::clock::{SystemClock, SystemEntropy};
use crate::cx::Cx;
use crate::endpoint::Endpoint;
use crate::settings::{Environment, Settings};
use crate::store::Store;

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// How a function that touches files reaches them. Given by its binary, so that no other is built from it.
pub type OpenBlobs = fn(&mut Environment<'_>, &SdkConfig) -> Arc<dyn Blobs>;

/// Serves one operation. The const is passed, not a name: the binary then holds no other operation's code.
pub async fn serve(endpoint: Endpoint) -> Result<(), Error> {
    start_tracing();
    let settings = Settings::read(endpoint.needs, &|name| std::env::var(name).ok())?;
    let cx = context(settings).await;
    cx.store.warm().await;
    lambda_http::run(endpoint.router(cx)).await
}

/// The same for an operation that touches files.
pub async fn serve_with(endpoint: Endpoint, open: OpenBlobs) -> Result<(), Error> {
    start_tracing();
    let lookup = |name: &str| std::env::var(name).ok();
    let mut environment = Environment::new(&lookup);
    let settings = Settings::from(&mut environment, endpoint.needs);
    let config = sdk_config().await;
    let blobs = open(&mut environment, &config);
    let settings = environment.finish(settings)?;
    let store = Store::new(aws_sdk_dynamodb::Client::new(&config), settings.table.clone());
    let cx = Cx::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy), settings).with_blobs(blobs);
    cx.store.warm().await;
    lambda_http::run(endpoint.router(cx)).await
}

/// The context of a process on AWS.
pub async fn context(settings: Settings) -> Cx {
    let config = sdk_config().await;
    let store = Store::new(aws_sdk_dynamodb::Client::new(&config), settings.table.clone());
    Cx::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy), settings)
}

/// What every AWS client of this program shares.
///
/// `AWS_ENDPOINT_URL_DYNAMODB` and its siblings are honoured, so the same binaries talk to any compatible server.
pub async fn sdk_config() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        // A function has ten seconds: three attempts fit, and a hanging one does not eat them all.
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(1))
                .operation_attempt_timeout(Duration::from_millis(2_500))
                .operation_timeout(Duration::from_secs(7))
                .build(),
        )
        .load()
        .await
}

/// JSON lines on the standard output, and a line for a panic before the process ends.
pub fn start_tracing() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    // Fails only where tracing runs already, which is as good.
    let _ = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_ansi(false).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
