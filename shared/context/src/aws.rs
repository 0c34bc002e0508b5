//! How a process on AWS starts: its clients and its log.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Loads the configuration that all AWS clients share.
///
/// `AWS_ENDPOINT_URL_DYNAMODB` and similar variables apply, so the same binaries work with any compatible server.
pub async fn sdk_config() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        // A function has ten seconds: three attempts fit, and a hanging attempt leaves time for another.
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

/// Logs JSON lines to standard output, and logs a panic before the process ends.
pub fn start_tracing() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    // Fails only if tracing is set up already.
    let _ = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_ansi(false).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
