//! What the tests of operations stand on: an engine in memory, a clock that stands still, entropy that repeats, and one
//! account. Requests go through the operation's own router.
//!
//! Each door's `testing.rs` adds its keys, its words and what it begins with.

#![expect(clippy::expect_used, reason = "a test's own helpers fail the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use aws_sdk_dynamodb::Client;
use axum::body::Body;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::outbound::Reach;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_engine::{Engine, Item};
use handrail_kernel::clock::{Clock, Entropy};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::Endpoint;
use handrail_kernel::master::hash_of_key;
use handrail_kernel::settings::{Limits, Settings};
use handrail_kernel::slack::SlackSettings;
use handrail_kernel::store::{Key, Store, table};
use http::request::Builder;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

pub const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
/// Behind everything that tests make by hand.
const FIRST_DRAW: u8 = 100;
const TABLE: &str = "handrail";

pub fn tenant() -> TenantId {
    TenantId::new(NOON, [1; 10])
}

/// Those of an operation that needs nothing but the table.
pub fn settings() -> Settings {
    Settings {
        table: TABLE.to_owned(),
        master_key: None,
        origin: None,
        reach: Reach::PublicOnly,
        slack: SlackSettings::default(),
        limits: Limits::PUBLISHED,
    }
}

/// An item before and after a change.
pub type Changed = (Option<Item>, Option<Item>);

pub struct Desk {
    pub cx: Cx,
    engine: Engine,
    clock: Arc<StandingClock>,
}

impl Desk {
    pub async fn new(settings: Settings) -> Self {
        let engine = Engine::memory().expect("an engine opens in memory");
        table::create(&engine.client(), TABLE).await.expect("a table can be made");
        Self::on(engine, settings)
    }

    /// Every call to the database fails.
    pub fn without_a_table(settings: Settings) -> Self {
        Self::on(Engine::memory().expect("an engine opens in memory"), settings)
    }

    fn on(engine: Engine, settings: Settings) -> Self {
        let clock = Arc::new(StandingClock(AtomicI64::new(NOON.as_unix_ms())));
        let entropy = Arc::new(RepeatingEntropy(AtomicU8::new(FIRST_DRAW)));
        let store = Store::new(engine.client(), TABLE);
        Self { cx: Cx::new(store, Arc::clone(&clock) as Arc<dyn Clock>, entropy, settings), engine, clock }
    }

    pub async fn with_key(&self, key: Key, secret: &str) {
        assert!(self.cx.store.put_key(&hash_of_key(secret), &key).await.expect("a key can be put"));
    }

    pub fn advance_ms(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// The request gets the operation's method, and this path and body.
    pub async fn send(&self, endpoint: Endpoint, path: &str, request: Builder, body: impl Into<Body>) -> Answer {
        self.send_with(self.cx.clone(), endpoint, path, request, body).await
    }

    /// To another process, on the same table or on none.
    pub async fn send_with(
        &self,
        cx: Cx,
        endpoint: Endpoint,
        path: &str,
        request: Builder,
        body: impl Into<Body>,
    ) -> Answer {
        let request = request.method(endpoint.method.http()).uri(path).body(body.into()).expect("a request");
        let response = endpoint.router(cx).oneshot(request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("an answer ends").to_bytes().to_vec();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, body, json }
    }

    /// Everything that was written, from the beginning.
    pub fn changes(&self) -> Vec<Changed> {
        let changes = self.engine.changes_after(TABLE, None, 10_000).expect("the engine tells its changes");
        changes.into_iter().map(|change| (change.old, change.new)).collect()
    }

    pub fn client(&self) -> Client {
        self.engine.client()
    }

    pub async fn record<L: Lifecycle>(&self, id: RecordId) -> Record<L> {
        self.cx.store.record(tenant(), id).await.expect("the table can be read").expect("the record is there")
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Null when the body is not JSON.
    pub json: Value,
}

impl Answer {
    pub fn id(&self) -> RecordId {
        self.json["id"].as_str().and_then(|id| id.parse().ok()).expect("the answer names a record")
    }

    /// Status and detail of a refusal.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json["detail"].as_str().unwrap_or_default())
    }
}

struct StandingClock(AtomicI64);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }

    fn until(&self, _: Timestamp) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// Counts up: every draw differs, every run is the same.
struct RepeatingEntropy(AtomicU8);

impl Entropy for RepeatingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}
