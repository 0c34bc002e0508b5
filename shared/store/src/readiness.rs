//! Checks that the table can be reached: at the start of a function, and for the operation that reports readiness.

use crate::attributes::s;
use crate::client::Store;
use crate::item_ops::partition_only_key;
use handrail_platform::fault::Fault;

/// Key of an item that never exists.
const PROBE_KEY: &str = "probe#ready";

impl Store {
    /// Opens the connection before the first request needs it. On AWS the TLS handshake then happens while the
    /// function starts, when the processor is fast and no request waits; see docs/performance.md.
    ///
    /// Returns `false` if the table could not be reached.
    pub async fn warm_up(&self) -> bool {
        let probe = self.db.get_item().table_name(&self.table).key("pk", s("warm")).key("sk", s("warm"));
        match probe.send().await {
            // Most functions may read only some items, and a refusal also comes over an open connection.
            Err(error) if error.as_service_error().is_none() => {
                tracing::warn!(
                    error = Fault::from_sdk("open the connection", error).with_causes(),
                    "could not reach the table yet"
                );
                false
            }
            _ => true,
        }
    }

    /// Checks that the table responds, by reading an item that does not exist.
    pub async fn check_ready(&self) -> Result<(), Fault> {
        self.get(partition_only_key(PROBE_KEY), "check the table").await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig};
    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    /// Connector that refuses access as DynamoDB does, or finds no server.
    #[derive(Clone, Copy, Debug)]
    enum FakeConnector {
        AccessDenied,
        Unreachable,
    }

    impl HttpConnector for FakeConnector {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            HttpConnectorFuture::ready(match self {
                Self::AccessDenied => {
                    let body = SdkBody::from(r#"{"__type":"com.amazon.coral.service#AccessDeniedException"}"#);
                    Ok(HttpResponse::new(400.try_into().unwrap(), body))
                }
                Self::Unreachable => Err(ConnectorError::io("connection refused".into())),
            })
        }
    }

    impl HttpClient for FakeConnector {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(*self)
        }
    }

    #[tokio::test]
    async fn access_denied_response_warms_the_connection() {
        let store = |connector: FakeConnector| {
            let config = Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("local"))
                .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
                .retry_config(RetryConfig::disabled())
                .http_client(connector);
            Store::new(Client::from_conf(config.build()), "handrail")
        };
        assert!(store(FakeConnector::AccessDenied).warm_up().await);
        assert!(!store(FakeConnector::Unreachable).warm_up().await);
    }
}
