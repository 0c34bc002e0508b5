//! Test app of the decisions API, with a master key, an origin and an API key of each role.

use handrail_context::cx::Cx;
use handrail_context::settings::Settings;
use handrail_domain::access::Role;
use handrail_domain::account::{Tenant, Tier};
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::decision::Decision;
use handrail_domain::effect::Effect;
use handrail_domain::ids::{KeyId, RecordId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_records::kind::{Kind, KindList};
use handrail_secrets::keys::{KeyPurpose, Keys};
use handrail_secrets::link::{ApproverRole, Link};
use handrail_store::ApiKey;
pub(crate) use handrail_test_app::{NOON, tenant};
use handrail_web::endpoint::Endpoint;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};

/// Record kinds whose links the pages open.
const KINDS: &[Kind] = &[crate::KIND, handrail_packets::KIND];

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const AGENT: &str = "ho_test_agent";
pub(crate) const APP: &str = "ho_test_app";
pub(crate) const ADMIN: &str = "ho_test_admin";

pub(crate) struct TestApp {
    pub cx: Cx,
    app: handrail_test_app::TestApp,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        let app = handrail_test_app::TestApp::new(settings()).await;
        let cx = app.cx.clone().with_process_state(KindList(KINDS));
        for (role, secret) in [(Role::Agent, AGENT), (Role::App, APP), (Role::Admin, ADMIN)] {
            app.with_key(api_key(role, secret), secret).await;
        }
        Self { cx, app }
    }

    /// Creates an app whose database calls all fail.
    pub(crate) fn with_broken_database() -> Self {
        let app = handrail_test_app::TestApp::with_broken_database(settings());
        let cx = app.cx.clone().with_process_state(KindList(KINDS));
        Self { cx, app }
    }

    /// Creates the tenant of these tests, with an owner.
    pub(crate) async fn create_tenant(&self, tier: Tier) -> Tenant {
        let email = EmailAddress::parse("you@example.com").expect("an address");
        let tenant = Tenant { email: Some(email), ..Tenant::new(tenant(), "You", tier, NOON) };
        assert!(self.cx.store.put_tenant(&tenant).await.expect("the tenant can be put"));
        tenant
    }

    /// Creates one more API key of the tenant, on a tier.
    pub(crate) async fn create_key<'a>(&self, tier: Tier, role: Role, secret: &'a str) -> &'a str {
        let id = KeyId::new(NOON, [50 + role as u8; 10]);
        let preset = tier.limits();
        let key = ApiKey { id, tier, requests_per_minute: preset.requests_per_minute, ..api_key(role, secret) };
        self.app.with_key(key, secret).await;
        secret
    }

    pub(crate) fn advance(&self, minutes: i64) {
        self.app.advance_ms(minutes * MINUTE_MS);
    }

    /// Sends a request with an API key. A null body sends no body.
    pub(crate) async fn call(&self, endpoint: Endpoint, path: &str, key: &str, body: Value) -> TestResponse {
        let request = Request::builder().header("authorization", format!("Bearer {key}"));
        self.send(endpoint, path, request, if body.is_null() { String::new() } else { body.to_string() }).await
    }

    /// Sends a request with an API key and an idempotency key.
    pub(crate) async fn call_idempotent(
        &self,
        endpoint: Endpoint,
        path: &str,
        key: &str,
        idempotency_key: &str,
        body: Value,
    ) -> TestResponse {
        let request = Request::builder()
            .header("authorization", format!("Bearer {key}"))
            .header("idempotency-key", idempotency_key);
        self.send(endpoint, path, request, body.to_string()).await
    }

    /// Sends a form as a browser does.
    pub(crate) async fn submit_form(&self, endpoint: Endpoint, path: &str, form: &str) -> TestResponse {
        let request = Request::builder().header("content-type", "application/x-www-form-urlencoded");
        self.send(endpoint, path, request, form.to_owned()).await
    }

    /// Sends a form with more headers.
    pub(crate) async fn send_with_headers(
        &self,
        endpoint: Endpoint,
        path: &str,
        headers: &[(&str, &str)],
        form: &str,
    ) -> TestResponse {
        let mut request = Request::builder()
            .header("content-type", "application/x-www-form-urlencoded")
            .header("host", "handrail.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(endpoint, path, request, form.to_owned()).await
    }

    async fn send(
        &self,
        endpoint: Endpoint,
        path: &str,
        request: http::request::Builder,
        body: String,
    ) -> TestResponse {
        let response = self.app.send(endpoint, path, request, body).await;
        let text = String::from_utf8(response.body).expect("responses are text");
        TestResponse { status: response.status, headers: response.headers, text, json: response.json }
    }

    /// Creates a pending decision.
    pub(crate) async fn create_decision(&self) -> RecordId {
        let created = self.call(crate::create::ENDPOINT, "/decisions", AGENT, decision_body()).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        created.id()
    }

    pub(crate) async fn record(&self, id: RecordId) -> Record<Decision> {
        self.app.record(id).await
    }

    /// Moves the events of a decision from its head to their items.
    pub(crate) async fn trim_log(&self, id: RecordId) {
        self.app.trim_log::<Decision>(id).await;
    }

    /// Path of the link in the approver's mail.
    pub(crate) fn approver_link(&self, id: RecordId) -> String {
        let master = self.cx.key(KeyPurpose::ApprovalLinks).expect("the app has every key");
        format!("/d/{}", Link::new(master, tenant(), id, ApproverRole::Approver, &ann()).token())
    }
}

fn settings() -> Settings {
    Settings {
        keys: Keys::from_master_secret("the master secret of these tests"),
        origin: Some("https://handrail.example".to_owned()),
        ..handrail_test_app::settings()
    }
}

/// Body that creates a decision with a callback URL.
pub(crate) fn decision_body() -> Value {
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

pub(crate) fn api_key(role: Role, secret: &str) -> ApiKey {
    ApiKey {
        prefix: secret.to_owned(),
        role,
        requests_per_minute: 100,
        approvers: vec![ApproverPattern::Anyone],
        ..ApiKey::new(KeyId::new(NOON, [2 + role as u8; 10]), tenant(), format!("the {}", role.name()), NOON)
    }
}

/// Effects of the newest event.
pub(crate) fn effects_of_newest_event(record: &Record<Decision>) -> Vec<Effect> {
    Decision::effects(&record.spec, record.newest().expect("a record has an event"))
}

pub(crate) struct TestResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    /// Null when the text is not JSON.
    pub json: Value,
}

impl TestResponse {
    pub(crate) fn id(&self) -> RecordId {
        self.json["id"].as_str().and_then(|id| id.parse().ok()).expect("the response has an id")
    }

    /// Status and code of an error response.
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json["code"].as_str().unwrap_or_default())
    }
}
