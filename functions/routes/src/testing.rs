//! What the operations' tests stand on: an engine in memory, a clock that stands still, entropy that repeats, and one
//! account with an agent's key. Requests go through the operation's own router.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use axum::body::Body;
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_domain::outbound::Reach;
use handrail_domain::time::Timestamp;
use handrail_engine::Engine;
use handrail_kernel::clock::{Clock, Entropy};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::Endpoint;
use handrail_kernel::master::hash_of_key;
use handrail_kernel::settings::{Limits, Settings};
use handrail_kernel::slack::SlackSettings;
use handrail_kernel::store::{Key, Store, table};
use handrail_packets::Held;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

pub(crate) const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const AGENT: &str = "ho_test_agent";

pub(crate) struct Desk {
    pub cx: Cx,
    clock: Arc<StandingClock>,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(StandingClock(AtomicI64::new(NOON.as_unix_ms())));
        let engine = Engine::memory().expect("an engine opens in memory");
        table::create(&engine.client(), "handrail").await.expect("a table can be made");
        let settings = Settings {
            table: "handrail".to_owned(),
            master_key: None,
            origin: None,
            reach: Reach::PublicOnly,
            slack: SlackSettings::default(),
            limits: Limits::PUBLISHED,
        };
        let store = Store::new(engine.client(), "handrail");
        let entropy = Arc::new(RepeatingEntropy(AtomicU8::new(0)));
        let cx = Cx::new(store, Arc::clone(&clock) as Arc<dyn Clock>, entropy, settings);
        assert!(cx.store.put_key(&hash_of_key(AGENT), &key()).await.expect("a key can be put"));
        Self { cx, clock }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// A request with a key. Null: no body. An empty key: none.
    pub(crate) async fn call(&self, endpoint: Endpoint, path: &str, key: &str, body: Value) -> Answer {
        self.send_text(endpoint, path, key, &if body.is_null() { String::new() } else { body.to_string() }).await
    }

    pub(crate) async fn send_text(&self, endpoint: Endpoint, path: &str, key: &str, body: &str) -> Answer {
        let mut request = Request::builder().method(endpoint.method.http()).uri(path);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        let response = endpoint.router(self.cx.clone()).oneshot(request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("an answer ends").to_bytes();
        Answer { status: parts.status, json: serde_json::from_slice(&body).unwrap_or_default() }
    }

    pub(crate) async fn packet(&self, id: RecordId) -> Held {
        let whole = self.cx.store.whole(tenant(), id).await.expect("the table can be read");
        Held::of(whole.expect("the packet is there")).expect("it can be read")
    }
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new(NOON, [1; 10])
}

fn key() -> Key {
    Key { requests_per_minute: 1_000, ..Key::new(KeyId::new(NOON, [2; 10]), tenant(), "the agent", NOON) }
}

pub(crate) struct Answer {
    pub status: StatusCode,
    /// Null when the body is not JSON.
    pub json: Value,
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
