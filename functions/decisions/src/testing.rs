//! What the operations' tests stand on: an engine in memory, a clock that stands still, entropy that repeats, and one
//! account with a key of each role. Requests go through the operation's own router.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use axum::body::Body;
use handrail_domain::access::Role;
use handrail_domain::account::{Account, Tier};
use handrail_domain::decision::Decision;
use handrail_domain::effect::Effect;
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::outbound::Reach;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_engine::Engine;
use handrail_kernel::clock::{Clock, Entropy};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::Endpoint;
use handrail_kernel::link::{Link, Seat};
use handrail_kernel::master::{MasterKey, hash_of_key};
use handrail_kernel::settings::{Limits, Settings};
use handrail_kernel::slack::SlackSettings;
use handrail_kernel::store::{Key, Store, table};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const AGENT: &str = "ho_test_agent";
pub(crate) const APP: &str = "ho_test_app";
pub(crate) const ADMIN: &str = "ho_test_admin";

pub(crate) struct Desk {
    pub cx: Cx,
    clock: Arc<StandingClock>,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let desk = Self::without_a_table();
        let engine = Engine::memory().expect("an engine opens in memory");
        table::create(&engine.client(), "handrail").await.expect("a table can be made");
        let store = Store::new(engine.client(), "handrail");
        let entropy = Arc::new(RepeatingEntropy(AtomicU8::new(0)));
        let clock = Arc::clone(&desk.clock) as Arc<dyn Clock>;
        let desk = Self { cx: Cx::new(store, clock, entropy, desk.cx.settings.clone()), ..desk };
        for (role, secret) in [(Role::Agent, AGENT), (Role::App, APP), (Role::Admin, ADMIN)] {
            assert!(desk.cx.store.put_key(&hash_of_key(secret), &key(role, secret)).await.expect("a key can be put"));
        }
        desk
    }

    /// Every call to the database fails.
    pub(crate) fn without_a_table() -> Self {
        let clock = Arc::new(StandingClock(AtomicI64::new(NOON.as_unix_ms())));
        let engine = Engine::memory().expect("an engine opens in memory");
        let settings = Settings {
            table: "handrail".to_owned(),
            master_key: Some(MasterKey::new("the master key of these tests")),
            origin: Some("https://handrail.example".to_owned()),
            reach: Reach::PublicOnly,
            slack: SlackSettings::default(),
            limits: Limits::PUBLISHED,
        };
        let store = Store::new(engine.client(), "handrail");
        let entropy = Arc::new(RepeatingEntropy(AtomicU8::new(0)));
        Self { cx: Cx::new(store, Arc::clone(&clock) as Arc<dyn Clock>, entropy, settings), clock }
    }

    /// The account of these tests, held by a person.
    pub(crate) async fn has_account(&self, tier: Tier) -> Account {
        let email = EmailAddress::parse("you@example.com").expect("an address");
        let account = Account { email: Some(email), ..Account::new(tenant(), "You", tier, NOON) };
        assert!(self.cx.store.put_account(&account).await.expect("an account can be put"));
        account
    }

    /// One more key of the account, under a tier.
    pub(crate) async fn with_key_of<'a>(&self, tier: Tier, role: Role, secret: &'a str) -> &'a str {
        let id = KeyId::new(NOON, [50 + role as u8; 10]);
        let preset = tier.preset();
        let key = Key { id, tier, requests_per_minute: preset.requests_per_minute, ..key(role, secret) };
        assert!(self.cx.store.put_key(&hash_of_key(secret), &key).await.expect("a key can be put"));
        secret
    }

    pub(crate) fn advance(&self, minutes: i64) {
        self.clock.0.fetch_add(minutes * MINUTE_MS, Ordering::SeqCst);
    }

    /// A request with a key, to a path of this operation. Null: no body.
    pub(crate) async fn call(&self, endpoint: Endpoint, path: &str, key: &str, body: Value) -> Answer {
        let request = Request::builder().header("authorization", format!("Bearer {key}"));
        self.send(endpoint, path, request, if body.is_null() { String::new() } else { body.to_string() }).await
    }

    /// The same under an idempotency key.
    pub(crate) async fn call_once(&self, endpoint: Endpoint, path: &str, key: &str, name: &str, body: Value) -> Answer {
        let request =
            Request::builder().header("authorization", format!("Bearer {key}")).header("idempotency-key", name);
        self.send(endpoint, path, request, body.to_string()).await
    }

    /// A person's browser. Empty: no form.
    pub(crate) async fn browse(&self, endpoint: Endpoint, path: &str, form: &str) -> Answer {
        let request = Request::builder().header("content-type", "application/x-www-form-urlencoded");
        self.send(endpoint, path, request, form.to_owned()).await
    }

    /// The same with headers of its own.
    pub(crate) async fn visit(&self, endpoint: Endpoint, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let mut request = Request::builder()
            .header("content-type", "application/x-www-form-urlencoded")
            .header("host", "handrail.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(endpoint, path, request, form.to_owned()).await
    }

    async fn send(&self, endpoint: Endpoint, path: &str, request: http::request::Builder, body: String) -> Answer {
        let request = request.method(endpoint.method.http()).uri(path).body(Body::from(body)).expect("a request");
        let response = endpoint.router(self.cx.clone()).oneshot(request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("an answer ends").to_bytes();
        let text = String::from_utf8(body.to_vec()).expect("answers are text");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    /// A decision that waits for its approver.
    pub(crate) async fn asked(&self) -> RecordId {
        let made = self.call(crate::create::ENDPOINT, "/decisions", AGENT, ask()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.id()
    }

    pub(crate) async fn record(&self, id: RecordId) -> Record<Decision> {
        self.cx.store.record(tenant(), id).await.expect("the table can be read").expect("the record is there")
    }

    /// The link in the approver's mail.
    pub(crate) fn link(&self, id: RecordId) -> String {
        let master = self.cx.master().expect("the desk has a master key");
        format!("/d/{}", Link::to(master, tenant(), id, Seat::Approver, &ann()).token())
    }
}

/// What a whole request looks like, with somebody to call back.
pub(crate) fn ask() -> Value {
    json!({
        "action": "Refund order 1234",
        "approver": "ann@example.com",
        "context": "Wrong size, twice.",
        "callback_url": "https://agent.example/hook",
    })
}

pub(crate) fn ann() -> EmailAddress {
    EmailAddress::parse("ann@example.com").expect("an address")
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new(NOON, [1; 10])
}

pub(crate) fn key(role: Role, secret: &str) -> Key {
    Key {
        prefix: secret.to_owned(),
        role,
        requests_per_minute: 100,
        ..Key::new(KeyId::new(NOON, [2 + role as u8; 10]), tenant(), format!("the {}", role.name()), NOON)
    }
}

/// What follows in the world from the newest event.
pub(crate) fn effects(record: &Record<Decision>) -> Vec<Effect> {
    Decision::effects(&record.ask, record.newest().expect("a record has an event"))
}

pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    /// Null when the text is not JSON.
    pub json: Value,
}

impl Answer {
    pub(crate) fn id(&self) -> RecordId {
        self.json["id"].as_str().and_then(|id| id.parse().ok()).expect("the answer names a decision")
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json["code"].as_str().unwrap_or_default())
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
