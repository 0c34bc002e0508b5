//! What the operations' tests stand on: an engine in memory, a clock that stands still, entropy that repeats, and one
//! account with a key of each role. Requests go through the operation's own router.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use axum::body::Body;
use handrail_domain::access::Role;
use handrail_domain::account::Tier;
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_domain::outbound::Reach;
use handrail_domain::packet::Packet;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_engine::Engine;
use handrail_kernel::clock::{Clock, Entropy};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::Endpoint;
use handrail_kernel::master::{MasterKey, hash_of_key};
use handrail_kernel::settings::{Limits, Settings};
use handrail_kernel::slack::SlackSettings;
use handrail_kernel::store::{Key, Store, table};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const READER: &str = "ho_test_reader";
pub(crate) const AGENT: &str = "ho_test_agent";
pub(crate) const WRITER: &str = "ho_test_writer";

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
            master_key: Some(MasterKey::new("the master key of the tests")),
            origin: None,
            reach: Reach::PublicOnly,
            slack: SlackSettings::default(),
            limits: Limits::PUBLISHED,
        };
        let store = Store::new(engine.client(), "handrail");
        let entropy = Arc::new(RepeatingEntropy(AtomicU8::new(0)));
        let desk = Self { cx: Cx::new(store, Arc::clone(&clock) as Arc<dyn Clock>, entropy, settings), clock };
        for (role, secret) in [(Role::Reader, READER), (Role::Agent, AGENT), (Role::Writer, WRITER)] {
            desk.with_key(key(role), secret).await;
        }
        desk
    }

    pub(crate) async fn with_key(&self, key: Key, secret: &str) {
        assert!(self.cx.store.put_key(&hash_of_key(secret), &key).await.expect("a key can be put"));
    }

    pub(crate) async fn with_key_of<'a>(&self, tier: Tier, secret: &'a str) -> &'a str {
        let id = KeyId::new(NOON, [50 + tier as u8; 10]);
        self.with_key(Key { id, tier, ..key(Role::Agent) }, secret).await;
        secret
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// A request with a key. Null: no body.
    pub(crate) async fn call(&self, endpoint: Endpoint, path: &str, key: &str, body: Value) -> Answer {
        let request = Request::builder().header("x-api-key", key);
        self.send(endpoint, path, request, if body.is_null() { String::new() } else { body.to_string() }).await
    }

    pub(crate) async fn send(
        &self,
        endpoint: Endpoint,
        path: &str,
        request: http::request::Builder,
        body: impl Into<Body>,
    ) -> Answer {
        let request = request.method(endpoint.method.http()).uri(path).body(body.into()).expect("a request");
        let response = endpoint.router(self.cx.clone()).oneshot(request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("an answer ends").to_bytes().to_vec();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, body, json }
    }

    /// A packet that lies there to be claimed.
    pub(crate) async fn made(&self) -> RecordId {
        self.made_of(packet()).await
    }

    pub(crate) async fn made_of(&self, packet: Value) -> RecordId {
        let made = self.call(crate::create::ENDPOINT, "/api/v1/packets", AGENT, packet).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
        made.id()
    }

    pub(crate) async fn claimed(&self) -> RecordId {
        let id = self.made().await;
        let path = format!("/api/v1/packets/{id}/claim");
        let claimed = self.call(crate::claim::ENDPOINT, &path, AGENT, claim("b-1")).await;
        assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.json);
        id
    }

    pub(crate) async fn record(&self, id: RecordId) -> Record<Packet> {
        self.cx.store.record(tenant(), id).await.expect("the table can be read").expect("the record is there")
    }
}

pub(crate) fn packet() -> Value {
    json!({
        "metadata": {
            "source_agent": {"id": "a-1", "name": "Sales"},
            "target_agent": {"id": "b-1", "name": "Billing"},
            "tags": ["upgrade"],
        },
        "context": {"summary": "Upgrade to Business"},
    })
}

/// The same, for a person first.
pub(crate) fn checkpoint() -> Value {
    let mut packet = packet();
    packet["hitl"] = json!({"reason": "Large sum", "timeout_seconds": 60});
    packet
}

pub(crate) fn claim(agent: &str) -> Value {
    json!({"agent_id": agent, "agent_name": format!("The {agent}")})
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new(NOON, [1; 10])
}

pub(crate) fn key(role: Role) -> Key {
    let id = KeyId::new(NOON, [2 + role as u8; 10]);
    Key { role, requests_per_minute: 1_000, ..Key::new(id, tenant(), format!("the {}", role.name()), NOON) }
}

pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Null when the body is not JSON.
    pub json: Value,
}

impl Answer {
    pub(crate) fn id(&self) -> RecordId {
        self.json["id"].as_str().and_then(|id| id.parse().ok()).expect("the answer names a packet")
    }

    /// Status and detail of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
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
