//! `POST /api/v1/keys`: creates an API key. Only this response shows its secret.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::api_keys::NAME_CHARS_MAX;
use handrail_access::key_creation::{KeyDefaults, KeyWithSecret, NewKey, create};
use handrail_access::key_grant::KeyGrant;
use handrail_access::key_settings::{KeySettings, Setting};
use handrail_access::{AdminRights, RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::{Role, Scope};
use handrail_domain::body_reader::BodyReader;
use handrail_domain::field_error::FieldError;
use handrail_domain::ids::RequestFormat;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::purpose_key::new_packets_api_key;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::once::{CreatedOnce, OnceRequest, once};
use handrail_web::problem::Problem;
use serde_json::{Value, json};

use super::{KeyView, TenantParam, key_fields};
use crate::body::Body;
use crate::door::DOOR;
use crate::names::read_name;
use crate::requests;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "keys-create",
    method: HttpMethod::Post,
    path: "/api/v1/keys",
    auth: Auth::ApiKey(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::ApiKeys),
        RequiredSetting::KeysPerHour,
    ],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::CreateKey, DataAccess::RunOnce],
    summary: "Create an API key of the packets API",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[404])
}

const DEFAULTS: KeyDefaults = KeyDefaults {
    // The published quick start creates a packet with a key without a role, which an agent must not do.
    role: Role::Writer,
    format_secret: new_packets_api_key,
    creates_operators: true,
};

struct NewKeyBody {
    name: String,
    tenant_id: Option<String>,
    approvers: Option<Vec<String>>,
    grant: KeyGrant,
}

impl NewKeyBody {
    fn read(body: &Value) -> Result<Self, Vec<FieldError>> {
        BodyReader::read_body(body, |reader, body| {
            let members = reader.object(body)?;
            let name = reader.required(members, "name", |r, value| read_name(r, value, NAME_CHARS_MAX));
            let tenant_id = reader.optional(members, "tenant_id", BodyReader::text);
            let approvers = reader.optional(members, "approvers", BodyReader::strings);
            let grant = key_fields::read(reader, members);
            Some(Self { name: name?, tenant_id: tenant_id?, approvers: approvers?, grant: grant? })
        })
    }

    fn to_json(&self) -> Value {
        let KeyGrant { role, scopes, expires_at, rate_limit } = &self.grant;
        let mut json = json!({
            "name": self.name,
            "tenant_id": self.tenant_id,
            "role": role,
            "scopes": scopes,
            "expires_at": expires_at,
            "rate_limit": rate_limit,
        });
        // Absent unless requested, so that the digests of earlier requests stay as they are.
        if let (Some(approvers), Value::Object(members)) = (&self.approvers, &mut json) {
            members.insert("approvers".to_owned(), json!(approvers));
        }
        json
    }
}

const FORMAT: RequestFormat = RequestFormat { name: "packets.keys.create", version: 1 };

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::KeysWrite>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Body<requests::NewKey>,
) -> Result<CreatedOnce<KeyView>, Problem> {
    let new_key = body.read(&caller.key, NewKeyBody::read)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let request = OnceRequest::of_key(&caller.key, idempotency_key.as_deref(), FORMAT, new_key.to_json());
    once(&cx, request.with_secret_response(), |ids| create_key(&cx, ids, caller.rights(), new_key)).await
}

async fn create_key(cx: &Cx, ids: EffectIds, caller: AdminRights, request: NewKeyBody) -> Result<KeyView, Problem> {
    let params = TenantParam { tenant_id: request.tenant_id };
    let tenant = Some(params.tenant(&caller)?);
    let names_approvers = request.approvers.is_some();
    let approvers = request.approvers.map_or(Setting::Unchanged, Setting::Value);
    let settings = KeySettings { approvers, ..KeySettings::default() };
    let new_key = NewKey { name: request.name, tenant, grant: request.grant, settings };
    let created = create(cx, &ids, &caller, DEFAULTS, new_key).await;
    let KeyWithSecret { key, secret } = created.map_err(|error| params.key_problem(error, ""))?;
    let approvers = names_approvers.then(|| key.approvers.clone());
    Ok(KeyView { approvers, ..KeyView::with_secret(&key, secret) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, NOON, OPERATOR, TestApp, WRITER, packet_body, tenant};

    #[tokio::test]
    async fn new_key_is_shown_once_and_works() {
        let app = TestApp::new().await;
        let created = app.call(ENDPOINT, "/api/v1/keys", ADMIN, json!({"name": "Sales", "role": "writer"})).await;
        let secret = created.json["key"].as_str().unwrap().to_owned();
        let expected = json!({
            "id": created.json["id"], "name": "Sales", "key_prefix": secret[..8], "tenant_id": tenant(),
            "role": "writer", "scopes": Role::Writer.scopes(), "revoked": false, "expires_at": null,
            "rate_limit": {"requests": 600, "window_seconds": 60}, "created_at": NOON, "key": secret,
        });
        assert_eq!((created.status.as_u16(), &created.json), (201, &expected));
        assert!(secret.starts_with("hr_") && secret.len() == 46, "{secret}");
        let packet = app.call(crate::create::ENDPOINT, "/api/v1/packets", &secret, packet_body()).await;
        assert_eq!(packet.status.as_u16(), 201, "{}", packet.json);
        let listed = app.call(super::super::list::ENDPOINT, "/api/v1/keys", ADMIN, Value::Null).await;
        let first = &listed.json[0];
        assert_eq!((&first["id"], &first["key"]), (&created.json["id"], &Value::Null));
        assert!(!String::from_utf8_lossy(&listed.body).contains(&secret));
    }

    #[tokio::test]
    async fn key_without_role_creates_packets() {
        let app = TestApp::new().await;
        for body in [json!({"name": "x"}), json!({"name": "x", "role": null, "tenant_id": null, "unknown": 1})] {
            let created = app.call(ENDPOINT, "/api/v1/keys", ADMIN, body).await;
            assert_eq!((created.status.as_u16(), &created.json["role"]), (201, &json!("writer")), "{}", created.json);
            let secret = created.json["key"].as_str().unwrap();
            let packet = app.call(crate::create::ENDPOINT, "/api/v1/packets", secret, packet_body()).await;
            assert_eq!(packet.status.as_u16(), 201, "{}", packet.json);
        }
    }

    #[tokio::test]
    async fn invalid_key_fields_are_refused_by_name() {
        let app = TestApp::new().await;
        for (field, body) in [
            ("name", json!({})),
            ("name", json!({"name": " "})),
            ("name", json!({"name": "two\nlines"})),
            ("name", json!({"name": "x".repeat(101)})),
            ("name", json!({"name": 5})),
            ("role", json!({"name": "x", "role": "root"})),
            ("role", json!({"name": "x", "role": "app"})),
            ("role", json!({"name": "x", "role": "operator"})),
            ("role", json!({"name": "x", "role": ["admin"]})),
            ("tenant_id", json!({"name": "x", "tenant_id": 5})),
            ("approvers", json!({"name": "x", "approvers": "*"})),
            ("approvers.1", json!({"name": "x", "approvers": ["*@example.com", "*@example"]})),
            ("scopes", json!({"name": "x", "scopes": "packets:read"})),
            ("scopes", json!({"name": "x", "scopes": []})),
            ("scopes", json!({"name": "x", "scopes": ["packets:fly"]})),
            ("scopes", json!({"name": "x", "scopes": ["tenants:write"]})),
            ("scopes", json!({"name": "x", "role": "reader", "scopes": ["packets:write"]})),
            ("expires_at", json!({"name": "x", "expires_at": 1})),
            ("expires_at", json!({"name": "x", "expires_at": "yesterday"})),
            ("expires_at", json!({"name": "x", "expires_at": NOON})),
            ("rate_limit.window_seconds", json!({"name": "x", "rate_limit": {"requests": 5}})),
            ("rate_limit.window_seconds", json!({"name": "x", "rate_limit": {"requests": 5, "window_seconds": 5}})),
            ("rate_limit.requests", json!({"name": "x", "rate_limit": {"requests": -1, "window_seconds": 60}})),
            ("rate_limit", json!({"name": "x", "rate_limit": 5})),
        ] {
            let refused = app.call(ENDPOINT, "/api/v1/keys", ADMIN, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{}", refused.json);
        }
        let refused = app.call(ENDPOINT, "/api/v1/keys", WRITER, json!({"name": "x"})).await;
        assert_eq!(refused.status.as_u16(), 403);
    }

    #[tokio::test]
    async fn key_with_scopes_does_only_what_they_allow() {
        let app = TestApp::new().await;
        let body = json!({"name": "x", "scopes": ["packets:read", "keys:write"]});
        let created = app.call(ENDPOINT, "/api/v1/keys", ADMIN, body).await;
        assert_eq!((created.status.as_u16(), &created.json["role"]), (201, &json!("admin")), "{}", created.json);
        assert_eq!(created.json["scopes"], json!(["keys:write", "packets:read"]));
        let secret = created.json["key"].as_str().unwrap();
        let listed = app.call(crate::list::ENDPOINT, "/api/v1/packets", secret, Value::Null).await;
        assert_eq!(listed.status.as_u16(), 200);
        let refused = app.call(crate::create::ENDPOINT, "/api/v1/packets", secret, packet_body()).await;
        assert_eq!(refused.error(), (403, "Insufficient permissions. Required scope: packets:write"));
        // The key creates keys with its own scopes, and none with more.
        for (body, field) in [
            (json!({"name": "y"}), "role"),
            (json!({"name": "y", "role": "admin"}), "role"),
            (json!({"name": "y", "scopes": ["packets:write"]}), "scopes"),
        ] {
            let refused = app.call(ENDPOINT, "/api/v1/keys", secret, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{}", refused.json);
        }
        let narrow = app.call(ENDPOINT, "/api/v1/keys", secret, json!({"name": "y", "scopes": ["packets:read"]})).await;
        assert_eq!((narrow.status.as_u16(), &narrow.json["role"]), (201, &json!("reader")), "{}", narrow.json);
    }

    #[tokio::test]
    async fn key_stops_at_its_expiry_even_if_cached() {
        let app = TestApp::new().await;
        let expires_at = NOON.plus_ms(3_000);
        let created = app.call(ENDPOINT, "/api/v1/keys", ADMIN, json!({"name": "x", "expires_at": expires_at})).await;
        assert_eq!((created.status.as_u16(), &created.json["expires_at"]), (201, &json!(expires_at)));
        let secret = created.json["key"].as_str().unwrap();
        app.advance(2);
        let list_packets = || app.call(crate::list::ENDPOINT, "/api/v1/packets", secret, Value::Null);
        assert_eq!(list_packets().await.status.as_u16(), 200);
        app.advance(1);
        assert_eq!(list_packets().await.error(), (401, "API key has expired"));
        let unknown = app.call(crate::list::ENDPOINT, "/api/v1/packets", "hr_unknown", Value::Null).await;
        assert_eq!(unknown.error(), (401, "Invalid API key"));
        let listed = app.call(super::super::list::ENDPOINT, "/api/v1/keys", ADMIN, Value::Null).await;
        assert_eq!((&listed.json[0]["expires_at"], &listed.json[0]["revoked"]), (&json!(expires_at), &json!(false)));
    }

    #[tokio::test]
    async fn key_rate_limit_has_its_own_window() {
        let app = TestApp::new().await;
        let body = json!({"name": "x", "rate_limit": {"requests": 2, "window_seconds": 600}});
        let created = app.call(ENDPOINT, "/api/v1/keys", ADMIN, body.clone()).await;
        assert_eq!(created.json["rate_limit"], body["rate_limit"]);
        let secret = created.json["key"].as_str().unwrap();
        let list_packets = || app.call(crate::list::ENDPOINT, "/api/v1/packets", secret, Value::Null);
        for remaining in ["1", "0"] {
            let listed = list_packets().await;
            let header = |name: &str| listed.headers[name].to_str().unwrap();
            assert_eq!((listed.status.as_u16(), header("x-ratelimit-remaining")), (200, remaining));
            assert_eq!(header("x-ratelimit-limit"), "2");
        }
        // The window began at a multiple of 600 seconds, 200 seconds before noon.
        let refused = list_packets().await;
        assert_eq!((refused.status.as_u16(), refused.headers["retry-after"].to_str().unwrap()), (429, "400"));
        app.advance(399);
        assert_eq!(list_packets().await.status.as_u16(), 429);
        app.advance(1);
        assert_eq!(list_packets().await.status.as_u16(), 200);
    }

    #[tokio::test]
    async fn admin_creates_keys_only_in_its_tenant() {
        let app = TestApp::new().await;
        let other = app.create_tenant("Other", handrail_domain::account::Tier::Pro).await;
        let create_key = |key, tenant: String| {
            app.call(ENDPOINT, "/api/v1/keys", key, json!({"name": "x", "role": "admin", "tenant_id": tenant}))
        };
        assert_eq!(create_key(ADMIN, tenant().to_string()).await.status.as_u16(), 201);
        for foreign in [other.to_string(), "default".to_owned(), String::new()] {
            let refused = create_key(ADMIN, foreign.clone()).await;
            assert_eq!(refused.error(), (404, format!("Tenant {foreign} not found").as_str()));
        }
        let created = create_key(OPERATOR, other.to_string()).await;
        assert_eq!((created.status.as_u16(), &created.json["tenant_id"]), (201, &json!(other)));
        let absent = handrail_domain::ids::TenantId::new(NOON, [99; 10]).to_string();
        assert_eq!(create_key(OPERATOR, absent).await.status.as_u16(), 404);
    }

    #[tokio::test]
    async fn operator_keys_require_operator_of_same_tenant() {
        let app = TestApp::new().await;
        let other = app.create_tenant("Other", handrail_domain::account::Tier::Pro).await;
        let body = json!({"name": "x", "role": "operator"});
        assert_eq!(app.call(ENDPOINT, "/api/v1/keys", OPERATOR, body.clone()).await.status.as_u16(), 201);
        let mut in_other_tenant = body;
        in_other_tenant["tenant_id"] = json!(other);
        assert_eq!(app.call(ENDPOINT, "/api/v1/keys", OPERATOR, in_other_tenant).await.json["field"], "role");
    }

    #[tokio::test]
    async fn expired_key_makes_room_for_a_new_key() {
        let app = TestApp::new().await;
        let other = app.create_tenant("Other", handrail_domain::account::Tier::Free).await;
        let body = json!({"name": "x", "tenant_id": other});
        let mut expiring = body.clone();
        expiring["expires_at"] = json!(NOON.plus_ms(60_000));
        let create_key = async |body: &Value| app.call(ENDPOINT, "/api/v1/keys", OPERATOR, body.clone()).await;
        assert_eq!(create_key(&expiring).await.status.as_u16(), 201);
        for _ in 0..4 {
            assert_eq!(create_key(&body).await.status.as_u16(), 201);
        }
        assert_eq!(create_key(&body).await.status.as_u16(), 409);
        app.advance(60);
        assert_eq!(create_key(&body).await.status.as_u16(), 201);
        assert_eq!(create_key(&body).await.status.as_u16(), 409);
    }

    #[tokio::test]
    async fn tenant_key_limit_is_enforced() {
        let app = TestApp::new().await;
        let other = app.create_tenant("Other", handrail_domain::account::Tier::Free).await;
        let body = json!({"name": "x", "tenant_id": other});
        let mut ids = Vec::new();
        for _ in 0..5 {
            let created = app.call(ENDPOINT, "/api/v1/keys", OPERATOR, body.clone()).await;
            assert_eq!(created.status.as_u16(), 201, "{}", created.json);
            ids.push(created.json["id"].as_str().unwrap().to_owned());
        }
        let refused = app.call(ENDPOINT, "/api/v1/keys", OPERATOR, body.clone()).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (409, &json!("max_api_keys")));
        let path = format!("/api/v1/keys/{}?tenant_id={other}", ids[0]);
        let revoked = app.call(super::super::revoke::ENDPOINT, &path, OPERATOR, Value::Null).await;
        assert_eq!(revoked.status.as_u16(), 204);
        assert_eq!(app.call(ENDPOINT, "/api/v1/keys", OPERATOR, body).await.status.as_u16(), 201);
    }
}
