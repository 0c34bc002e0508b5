//! App for tests of single operations: an in-memory engine, a fixed clock, repeating entropy and one tenant. Requests
//! go through the operation's own router.
//!
//! Each door's `testing.rs` adds its API keys and fixtures.

#![expect(clippy::expect_used, reason = "a test's own helpers fail the test")]

mod fixed;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use handrail_context::cx::Cx;
use handrail_context::settings::{PublicRateLimits, Settings};
use handrail_context::slack::SlackSettings;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::key_hash::hash_of_key;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_engine::{Engine, Item};
use handrail_platform::clock::Clock;
use handrail_store::{ApiKey, HeadKey, Store, table};
use handrail_web::endpoint::Endpoint;
use http::request::Builder;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

pub use self::fixed::{CountingEntropy, FixedClock, RepeatingEntropy};

pub const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
/// First entropy byte; tests use smaller bytes for ids that they make themselves.
const FIRST_ENTROPY_BYTE: u8 = 100;
const TABLE: &str = "handrail";

pub fn tenant() -> TenantId {
    TenantId::new(NOON, [1; 10])
}

/// Settings of an operation that needs only the table.
pub fn settings() -> Settings {
    Settings {
        table: TABLE.to_owned(),
        keys: handrail_secrets::keys::Keys::default(),
        origin: None,
        address_policy: AddressPolicy::PublicOnly,
        slack: SlackSettings::default(),
        public_rate_limits: PublicRateLimits::PRODUCTION,
        metrics_network: None,
    }
}

/// An item before and after a change.
pub type Changed = (Option<Item>, Option<Item>);

pub struct TestApp {
    pub cx: Cx,
    engine: Engine,
    clock: Arc<FixedClock>,
}

impl TestApp {
    pub async fn new(settings: Settings) -> Self {
        let engine = Engine::in_memory().expect("an engine opens in memory");
        table::create(&engine.client(), TABLE).await.expect("a table can be made");
        Self::with_engine(engine, settings)
    }

    /// Returns an app whose table does not exist, so every database call fails.
    pub fn with_broken_database(settings: Settings) -> Self {
        Self::with_engine(Engine::in_memory().expect("an engine opens in memory"), settings)
    }

    fn with_engine(engine: Engine, settings: Settings) -> Self {
        let clock = FixedClock::at(NOON);
        let entropy = Arc::new(RepeatingEntropy::from(FIRST_ENTROPY_BYTE));
        let store = Store::new(engine.client(), TABLE);
        Self { cx: Cx::new(store, Arc::clone(&clock) as Arc<dyn Clock>, entropy, settings), engine, clock }
    }

    pub async fn with_key(&self, key: ApiKey, secret: &str) {
        assert!(self.cx.store.put_key(&hash_of_key(secret), &key).await.expect("a key can be put"));
    }

    pub fn advance_ms(&self, ms: i64) {
        self.clock.advance(ms);
    }

    /// Sends a request to the operation, with the operation's method and this path and body.
    pub async fn send(&self, endpoint: Endpoint, path: &str, request: Builder, body: impl Into<Body>) -> TestResponse {
        self.send_with(self.cx.clone(), endpoint, path, request, body).await
    }

    /// Sends a request as [`TestApp::send`] does, with another context, as in another process.
    pub async fn send_with(
        &self,
        cx: Cx,
        endpoint: Endpoint,
        path: &str,
        request: Builder,
        body: impl Into<Body>,
    ) -> TestResponse {
        let request = request.method(endpoint.method.to_http()).uri(path).body(body.into()).expect("a request");
        let response = endpoint.router(cx).oneshot(request).await.expect("a router always responds");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a response body ends").to_bytes().to_vec();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        TestResponse { status: parts.status, headers: parts.headers, body, json }
    }

    /// Returns all changes of the table, oldest first.
    pub fn changes(&self) -> Vec<Changed> {
        let changes = self.engine.changes_after(TABLE, None, 10_000).expect("the engine lists its changes");
        changes.into_iter().map(|change| (change.old, change.new)).collect()
    }

    /// Moves all events of a record from its head to their items, as if the record had many newer events.
    pub async fn trim_log<L: Lifecycle>(&self, id: RecordId) {
        let record = self.record::<L>(id).await;
        for entry in &record.log {
            let key = HeadKey { tenant: tenant(), id };
            self.cx.store.put_event(key, entry).await.expect("an event can be put");
        }
        let client = self.client();
        let update = client.update_item().table_name(TABLE);
        let update = update.key("pk", AttributeValue::S(format!("{}#{id}", tenant())));
        let update = update.key("sk", AttributeValue::S("head".to_owned()));
        let update = update.update_expression("SET #log = :empty").expression_attribute_names("#log", "log");
        update.expression_attribute_values(":empty", AttributeValue::L(Vec::new())).send().await.expect("an update");
    }

    pub fn client(&self) -> Client {
        self.engine.client()
    }

    pub async fn record<L: Lifecycle>(&self, id: RecordId) -> Record<L> {
        self.cx.store.record(tenant(), id).await.expect("the table can be read").expect("the record is there")
    }
}

pub struct TestResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// `Null` if the body is not JSON.
    pub json: Value,
}

impl TestResponse {
    pub fn id(&self) -> RecordId {
        self.json["id"].as_str().and_then(|id| id.parse().ok()).expect("the response has a record id")
    }

    /// Returns status and `detail` of an error response.
    pub fn error(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json["detail"].as_str().unwrap_or_default())
    }
}
