//! Test app of the packets API, with an API key for each role.

use axum::body::Body;
use handrail_context::cx::Cx;
use handrail_context::settings::Settings;
use handrail_domain::access::Role;
use handrail_domain::account::{Tenant, Tier};
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::record::Record;
use handrail_secrets::keys::Keys;
use handrail_store::{ApiKey, head_key_of, kind_of};
use handrail_test_app::settings;
pub(crate) use handrail_test_app::{NOON, TestResponse, tenant};
use handrail_web::endpoint::Endpoint;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::KIND;

pub(crate) const READER: &str = "ho_test_reader";
pub(crate) const AGENT: &str = "ho_test_agent";
pub(crate) const WRITER: &str = "ho_test_writer";
pub(crate) const ADMIN: &str = "ho_test_admin";
/// Key of an operator, which belongs to another tenant.
pub(crate) const OPERATOR: &str = "ho_test_operator";
const KEYS: [(Role, &str); 5] = [
    (Role::Reader, READER),
    (Role::Agent, AGENT),
    (Role::Writer, WRITER),
    (Role::Admin, ADMIN),
    (Role::Operator, OPERATOR),
];

pub(crate) struct TestApp {
    pub cx: Cx,
    app: handrail_test_app::TestApp,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        let keys = Keys::from_master_secret("the master secret of these tests");
        let app = handrail_test_app::TestApp::new(Settings { keys, ..settings() }).await;
        for (role, secret) in KEYS {
            app.with_key(api_key(role), secret).await;
        }
        Self { cx: app.cx.clone(), app }
    }

    pub(crate) async fn add_key(&self, key: ApiKey, secret: &str) {
        self.app.with_key(key, secret).await;
    }

    pub(crate) async fn create_key<'a>(&self, tier: Tier, secret: &'a str) -> &'a str {
        let id = KeyId::new(NOON, [50 + tier as u8; 10]);
        self.add_key(ApiKey { id, tier, ..api_key(Role::Writer) }, secret).await;
        secret
    }

    /// Creates another tenant.
    pub(crate) async fn create_tenant(&self, name: &str, tier: Tier) -> TenantId {
        let new_tenant = Tenant::new(self.cx.new_tenant_id(), name, tier, NOON);
        assert!(self.cx.store.put_tenant(&new_tenant).await.expect("tenant is stored"));
        new_tenant.tenant
    }

    /// Creates the tenant record of the test keys, which have none before.
    pub(crate) async fn create_own_tenant(&self, change: impl FnOnce(&mut Tenant)) {
        let mut own_tenant = Tenant::new(tenant(), "Own", Tier::Enterprise, NOON);
        change(&mut own_tenant);
        assert!(self.cx.store.put_tenant(&own_tenant).await.expect("tenant is stored"));
    }

    /// Runs the follow-ups of all changes so far, again from the first change, as a stream may deliver a change twice.
    pub(crate) async fn run_dispatcher(&self) {
        for (old, new) in self.app.changes() {
            let Some(new) = new.filter(|new| head_key_of(new).is_some() && kind_of(new) == Some(Packet::KIND)) else {
                continue;
            };
            (KIND.follow_ups)(&self.cx, old.as_ref(), &new).await.expect("follow-ups succeed");
        }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.app.advance_ms(seconds * 1_000);
    }

    /// Sends a request with an API key. A null body is sent as no body.
    pub(crate) async fn call(&self, endpoint: Endpoint, path: &str, key: &str, body: Value) -> TestResponse {
        let request = Request::builder().header("x-api-key", key);
        self.send(endpoint, path, request, if body.is_null() { String::new() } else { body.to_string() }).await
    }

    pub(crate) async fn send(
        &self,
        endpoint: Endpoint,
        path: &str,
        request: http::request::Builder,
        body: impl Into<Body>,
    ) -> TestResponse {
        self.app.send(endpoint, path, request, body).await
    }

    /// Sends a request to another process, whose table may be missing.
    pub(crate) async fn send_with_cx(
        &self,
        cx: Cx,
        endpoint: Endpoint,
        path: &str,
        request: http::request::Builder,
        body: impl Into<Body>,
    ) -> TestResponse {
        self.app.send_with(cx, endpoint, path, request, body).await
    }

    pub(crate) fn client(&self) -> aws_sdk_dynamodb::Client {
        self.app.client()
    }

    /// Creates a packet without a checkpoint.
    pub(crate) async fn create_packet(&self) -> RecordId {
        self.create_packet_with(packet_body()).await
    }

    pub(crate) async fn create_packet_with(&self, packet: Value) -> RecordId {
        let created = self.call(crate::create::ENDPOINT, "/api/v1/packets", WRITER, packet).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.json);
        created.id()
    }

    pub(crate) async fn create_claimed_packet(&self) -> RecordId {
        let id = self.create_packet().await;
        let path = format!("/api/v1/packets/{id}/claim");
        let claimed = self.call(crate::claim::ENDPOINT, &path, AGENT, claim_body("b-1")).await;
        assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.json);
        id
    }

    pub(crate) async fn get_record(&self, id: RecordId) -> Record<Packet> {
        self.app.record(id).await
    }
}

pub(crate) fn packet_body() -> Value {
    json!({
        "metadata": {
            "source_agent": {"id": "a-1", "name": "Sales"},
            "target_agent": {"id": "b-1", "name": "Billing"},
            "tags": ["upgrade"],
        },
        "context": {"summary": "Upgrade to Business"},
    })
}

/// Body of a packet with a checkpoint.
pub(crate) fn checkpoint_body() -> Value {
    let mut packet = packet_body();
    packet["hitl"] = json!({"reason": "Large sum", "timeout_seconds": 60});
    packet
}

pub(crate) fn claim_body(agent: &str) -> Value {
    json!({"agent_id": agent, "agent_name": format!("The {agent}")})
}

pub(crate) fn api_key(role: Role) -> ApiKey {
    let id = KeyId::new(NOON, [2 + role as u8; 10]);
    let tenant = if role == Role::Operator { TenantId::new(NOON, [2; 10]) } else { tenant() };
    let approvers = vec![ApproverPattern::Anyone];
    ApiKey {
        role,
        approvers,
        requests_per_minute: 1_000,
        ..ApiKey::new(id, tenant, format!("the {}", role.name()), NOON)
    }
}
