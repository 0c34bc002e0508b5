//! The one table. Every read and write that the service makes is a function in this folder.
//!
//! A `Store` is a struct over the DynamoDB client and not a trait: AWS and the embedded engine speak the same API, so the
//! code that runs in the tests is the code that runs in production.

mod accounts;
mod agents;
mod bodies;
mod calls;
mod deliveries;
mod events;
mod facets;
mod feed;
mod feed_search;
mod find;
mod hooks;
mod item;
mod key_places;
mod keys;
mod lists;
mod newest;
mod notes;
mod outcome;
mod parts;
mod quotas;
mod records;
mod schemas;
mod search;
mod sessions;
mod single;
mod spending;
mod strands;
pub mod table;
mod tenants;
mod workspaces;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::time::Timestamp;

pub use agents::{AGENT_ID_BYTES_MAX, AGENTS_LISTED_MAX, Agent, AgentSaid};
pub use bodies::{Body, BodyName, PutBody, Whole};
pub use calls::{CALLS_BEHIND_MAX, Call, CallState};
pub use deliveries::{Attempt, Delivery, DeliveryKey, DeliveryStatus, Posting, REPLAYS_MAX, replay_asked};
pub use facets::Filter;
pub use feed::{FeedEntry, FeedKey, Numbered, Told};
pub use feed_search::{FoundEntries, ToldFilter};
pub use find::{Found, Order, Page};
pub use hooks::{Closed, HOOKS_MAX, Hook};
pub use item::{AskFrom, HeadKey, due_of, head_key_of, kind_of, read_head, seq_of, standing_of};
pub use keys::{FoundKey, Key, Replaced, Revoked, Terms};
pub use lists::{Listing, ListingCursor, Overdue};
pub use parts::BODY_PACKED_BYTES_MAX;
pub use quotas::Quota;
pub use records::{Commit, Put};
pub use schemas::{PutSchema, SCHEMA_BYTES_MAX, SCHEMAS_MAX, Schema};
pub use search::Hits;
pub use sessions::Session;
pub use spending::{Lease, LeaseAsked};
pub use tenants::{ACCOUNTS_SKIPPED_MAX, FoundAccount, NameTaken};
pub use workspaces::Workspace;

use crate::fault::Fault;

pub type Item = HashMap<String, AttributeValue>;

#[derive(Clone)]
pub struct Store {
    db: Client,
    table: String,
}

impl Store {
    pub fn new(db: Client, table: impl Into<String>) -> Self {
        Self { db, table: table.into() }
    }

    /// Opens the connection before the first request needs it. On AWS the TLS handshake happens while the function
    /// starts, when the processor is fast and nobody waits; see docs/performance.md.
    ///
    /// `false`: nobody answered.
    pub async fn warm(&self) -> bool {
        let nothing = self.db.get_item().table_name(&self.table).key("pk", s("warm")).key("sk", s("warm"));
        match nothing.send().await {
            // Most functions may read only some items, and a refusal comes over an open connection too.
            Err(error) if error.as_service_error().is_none() => {
                tracing::warn!(error = Fault::from_sdk("warm", error).chain(), "could not reach the table yet");
                false
            }
            _ => true,
        }
    }
}

/// Nothing ever lies there.
const PROBE: &str = "probe#ready";

impl Store {
    /// Does the table answer? One read of nothing.
    pub async fn answers(&self) -> Result<(), Fault> {
        self.get(single::alone(PROBE), "ask whether the table is there").await.map(drop)
    }
}

pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Reading an item that this program or an older one wrote. What can't be read is a fault, never a guess.
pub(crate) trait ReadItem {
    fn text(&self, name: &str) -> Result<&str, Fault>;
    fn text_if_any(&self, name: &str) -> Option<&str>;
    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Fault>;
    fn time(&self, name: &str) -> Result<Timestamp, Fault>;
    fn time_if_any(&self, name: &str) -> Result<Option<Timestamp>, Fault>;
    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Fault>;
}

impl ReadItem for Item {
    fn text(&self, name: &str) -> Result<&str, Fault> {
        self.text_if_any(name).ok_or_else(|| Fault::broken(format!("an item has no text attribute {name}")))
    }

    fn text_if_any(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Fault> {
        self.get(name)
            .and_then(|value| value.as_n().ok())
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Fault::broken(format!("an item has no number attribute {name}")))
    }

    fn time(&self, name: &str) -> Result<Timestamp, Fault> {
        self.number(name).map(Timestamp::from_unix_ms)
    }

    fn time_if_any(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        self.contains_key(name).then(|| self.time(name)).transpose()
    }

    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Fault> {
        serde_json::from_str(self.text(name)?)
            .map_err(|error| Fault::broken_by(format!("the attribute {name} of an item can't be read"), error))
    }
}

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::broken_by("a value can't be written as JSON", error))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig};
    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    /// Answers as DynamoDB does to a function that may not read, or is not there.
    #[derive(Clone, Copy, Debug)]
    enum Far {
        Refuses,
        IsAway,
    }

    impl HttpConnector for Far {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            HttpConnectorFuture::ready(match self {
                Self::Refuses => {
                    let body = SdkBody::from(r#"{"__type":"com.amazon.coral.service#AccessDeniedException"}"#);
                    Ok(HttpResponse::new(400.try_into().unwrap(), body))
                }
                Self::IsAway => Err(ConnectorError::io("nobody is there".into())),
            })
        }
    }

    impl HttpClient for Far {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(*self)
        }
    }

    #[tokio::test]
    async fn a_function_that_may_not_read_is_warmed_by_the_refusal() {
        let store = |far: Far| {
            let config = Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("local"))
                .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
                .retry_config(RetryConfig::disabled())
                .http_client(far);
            Store::new(Client::from_conf(config.build()), "handrail")
        };
        assert!(store(Far::Refuses).warm().await);
        assert!(!store(Far::IsAway).warm().await);
    }
}
