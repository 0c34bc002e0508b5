//! What the operations' tests stand on: the desk, with a master key, an origin, and a key of each role.

use handrail_domain::access::Role;
use handrail_domain::account::{Account, Tier};
use handrail_domain::decision::Decision;
use handrail_domain::effect::Effect;
use handrail_domain::ids::{KeyId, RecordId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::Endpoint;
use handrail_kernel::link::{Link, Seat};
use handrail_kernel::master::MasterKey;
use handrail_kernel::settings::Settings;
use handrail_kernel::store::Key;
pub(crate) use handrail_test_desk::{NOON, tenant};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const AGENT: &str = "ho_test_agent";
pub(crate) const APP: &str = "ho_test_app";
pub(crate) const ADMIN: &str = "ho_test_admin";

pub(crate) struct Desk {
    pub cx: Cx,
    desk: handrail_test_desk::Desk,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let desk = handrail_test_desk::Desk::new(settings()).await;
        for (role, secret) in [(Role::Agent, AGENT), (Role::App, APP), (Role::Admin, ADMIN)] {
            desk.with_key(key(role, secret), secret).await;
        }
        Self { cx: desk.cx.clone(), desk }
    }

    /// Every call to the database fails.
    pub(crate) fn without_a_table() -> Self {
        let desk = handrail_test_desk::Desk::without_a_table(settings());
        Self { cx: desk.cx.clone(), desk }
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
        self.desk.with_key(key, secret).await;
        secret
    }

    pub(crate) fn advance(&self, minutes: i64) {
        self.desk.advance_ms(minutes * MINUTE_MS);
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
        let answer = self.desk.send(endpoint, path, request, body).await;
        let text = String::from_utf8(answer.body).expect("answers are text");
        Answer { status: answer.status, headers: answer.headers, text, json: answer.json }
    }

    /// A decision that waits for its approver.
    pub(crate) async fn asked(&self) -> RecordId {
        let made = self.call(crate::create::ENDPOINT, "/decisions", AGENT, ask()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.id()
    }

    pub(crate) async fn record(&self, id: RecordId) -> Record<Decision> {
        self.desk.record(id).await
    }

    /// The link in the approver's mail.
    pub(crate) fn link(&self, id: RecordId) -> String {
        let master = self.cx.master().expect("the desk has a master key");
        format!("/d/{}", Link::to(master, tenant(), id, Seat::Approver, &ann()).token())
    }
}

fn settings() -> Settings {
    Settings {
        master_key: Some(MasterKey::new("the master key of these tests")),
        origin: Some("https://handrail.example".to_owned()),
        ..handrail_test_desk::settings()
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
