//! What the operations' tests stand on: the desk, with a key of each role.

use axum::body::Body;
use handrail_domain::access::Role;
use handrail_domain::account::{Account, Tier};
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::record::Record;
use handrail_kernel::cx::Cx;
use handrail_kernel::door::Door;
use handrail_kernel::endpoint::Endpoint;
use handrail_kernel::master::MasterKey;
use handrail_kernel::settings::Settings;
use handrail_kernel::store::{Key, head_key_of, kind_of};
use handrail_test_desk::settings;
pub(crate) use handrail_test_desk::{Answer, NOON, tenant};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::PacketsDoor;

pub(crate) const READER: &str = "ho_test_reader";
pub(crate) const AGENT: &str = "ho_test_agent";
pub(crate) const WRITER: &str = "ho_test_writer";
pub(crate) const ADMIN: &str = "ho_test_admin";
/// Of an account of its own.
pub(crate) const OPERATOR: &str = "ho_test_operator";
const KEYS: [(Role, &str); 5] = [
    (Role::Reader, READER),
    (Role::Agent, AGENT),
    (Role::Writer, WRITER),
    (Role::Admin, ADMIN),
    (Role::Operator, OPERATOR),
];

pub(crate) struct Desk {
    pub cx: Cx,
    desk: handrail_test_desk::Desk,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let master_key = Some(MasterKey::new("the master key of these tests"));
        let desk = handrail_test_desk::Desk::new(Settings { master_key, ..settings() }).await;
        for (role, secret) in KEYS {
            desk.with_key(key(role), secret).await;
        }
        Self { cx: desk.cx.clone(), desk }
    }

    pub(crate) async fn with_key(&self, key: Key, secret: &str) {
        self.desk.with_key(key, secret).await;
    }

    pub(crate) async fn with_key_of<'a>(&self, tier: Tier, secret: &'a str) -> &'a str {
        let id = KeyId::new(NOON, [50 + tier as u8; 10]);
        self.with_key(Key { id, tier, ..key(Role::Agent) }, secret).await;
        secret
    }

    /// An account beside that of these tests.
    pub(crate) async fn has_tenant(&self, name: &str, tier: Tier) -> TenantId {
        let account = Account::new(self.cx.new_tenant_id(), name, tier, NOON);
        assert!(self.cx.store.put_account(&account).await.expect("an account can be put"));
        account.tenant
    }

    /// The account of these tests. Until then its keys have none.
    pub(crate) async fn has_own_account(&self, change: impl FnOnce(&mut Account)) {
        let mut account = Account::new(tenant(), "Own", Tier::Enterprise, NOON);
        change(&mut account);
        assert!(self.cx.store.put_account(&account).await.expect("an account can be put"));
    }

    /// What follows from everything that was done, the stream's own way; from the beginning each time, as a stream may.
    pub(crate) async fn dispatched(&self) {
        for (old, new) in self.desk.changes() {
            let Some(new) = new.filter(|new| head_key_of(new).is_some() && kind_of(new) == Some(Packet::KIND)) else {
                continue;
            };
            PacketsDoor.news(&self.cx, old.as_ref(), &new).await.expect("a change is understood");
        }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.desk.advance_ms(seconds * 1_000);
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
        self.desk.send(endpoint, path, request, body).await
    }

    /// To another process on the same table, or on none.
    pub(crate) async fn send_with(
        &self,
        cx: Cx,
        endpoint: Endpoint,
        path: &str,
        request: http::request::Builder,
        body: impl Into<Body>,
    ) -> Answer {
        self.desk.send_with(cx, endpoint, path, request, body).await
    }

    pub(crate) fn client(&self) -> aws_sdk_dynamodb::Client {
        self.desk.client()
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
        self.desk.record(id).await
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

pub(crate) fn key(role: Role) -> Key {
    let id = KeyId::new(NOON, [2 + role as u8; 10]);
    let tenant = if role == Role::Operator { TenantId::new(NOON, [2; 10]) } else { tenant() };
    Key { role, requests_per_minute: 1_000, ..Key::new(id, tenant, format!("the {}", role.name()), NOON) }
}
