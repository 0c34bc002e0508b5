//! `POST /api/v1/keys/{id}/rotate`: replaces an API key with a new one that has equal permissions.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::key_creation::KeyWithSecret;
use handrail_access::key_rotation::rotate;
use handrail_access::{AdminRights, RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::ids::RequestFormat;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{IdempotencyKey, PathParam};
use handrail_web::once::{CreatedOnce, OnceRequest, once};
use handrail_web::problem::Problem;
use serde_json::json;

use super::{KeyView, TenantParam, parse_key_id};
use crate::body::QueryString;
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "keys-rotate",
    method: HttpMethod::Post,
    path: "/api/v1/keys/{id}/rotate",
    auth: Auth::ApiKey(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::ApiKeys),
        RequiredSetting::KeysPerHour,
    ],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::CreateKey,
        DataAccess::RevokeKey,
        DataAccess::RunOnce,
    ],
    summary: "Replace an API key with a new one",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[404])
}

const FORMAT: RequestFormat = RequestFormat { name: "packets.keys.rotate", version: 1 };

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::KeysWrite>,
    PathParam(id): PathParam,
    QueryString(params): QueryString<TenantParam>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
) -> Result<CreatedOnce<KeyView>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let content = json!({"id": id, "tenant_id": params.tenant_id});
    let request = OnceRequest::of_key(&caller.key, idempotency_key.as_deref(), FORMAT, content);
    once(&cx, request.with_secret_response(), |ids| rotate_key(&cx, ids, caller.rights(), params, id)).await
}

async fn rotate_key(
    cx: &Cx,
    ids: EffectIds,
    caller: AdminRights,
    params: TenantParam,
    id: String,
) -> Result<KeyView, Problem> {
    let rotated = rotate(cx, &ids, &caller, params.tenant(&caller)?, parse_key_id(&id)?).await;
    let KeyWithSecret { key, secret } = rotated.map_err(|error| params.key_problem(error, &id))?;
    Ok(KeyView::with_secret(&key, secret))
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::ids::KeyId;
    use handrail_domain::key_hash::hash_of_key;
    use handrail_store::ApiKey;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, AGENT, NOON, TestApp, api_key, tenant};

    fn rotate_path(role: Role) -> String {
        format!("/api/v1/keys/{}/rotate", api_key(role).id)
    }

    #[tokio::test]
    async fn rotated_key_keeps_permissions_and_old_key_stops() {
        let app = TestApp::new().await;
        let rotated = app.call(ENDPOINT, &rotate_path(Role::Agent), ADMIN, Value::Null).await;
        assert_eq!(
            (rotated.status.as_u16(), &rotated.json["name"]),
            (201, &json!("the agent (rotated)")),
            "{}",
            rotated.json
        );
        let secret = rotated.json["key"].as_str().unwrap();
        assert!(secret.starts_with("hr_") && secret.len() == 46, "{secret}");
        let stored = app.cx.store.key_by_hash(&hash_of_key(secret)).await.unwrap().unwrap();
        assert_eq!((stored.role, stored.requests_per_minute), (Role::Agent, api_key(Role::Agent).requests_per_minute));
        let accepted = app.call(crate::list::ENDPOINT, "/api/v1/packets", secret, Value::Null).await;
        assert_eq!(accepted.status.as_u16(), 200);
        let refused = app.call(crate::list::ENDPOINT, "/api/v1/packets", AGENT, Value::Null).await;
        assert_eq!(refused.error(), (403, "API key has been revoked"));
        let repeat = app.call(ENDPOINT, &rotate_path(Role::Agent), ADMIN, Value::Null).await;
        assert_eq!(repeat.error(), (409, "API key is already revoked"));
    }

    #[tokio::test]
    async fn retried_rotation_returns_the_same_key() {
        let app = TestApp::new().await;
        let old = app.cx.store.find_key(tenant(), api_key(Role::Agent).id).await.unwrap().unwrap();
        let secret = app.cx.key(KeyPurpose::ApiKeys).unwrap().rotated_secret(old.hash());
        let new_key = ApiKey { name: "half".to_owned(), id: KeyId::new(NOON, [77; 10]), ..api_key(Role::Agent) };
        app.add_key(new_key, &secret).await;
        let finished = app.call(ENDPOINT, &rotate_path(Role::Agent), ADMIN, Value::Null).await;
        assert_eq!((finished.status.as_u16(), &finished.json["key"]), (201, &json!(secret)), "{}", finished.json);
        let count = app.cx.store.keys(tenant()).await.unwrap().iter().filter(|key| key.name == "half").count();
        assert_eq!((count, &finished.json["name"]), (1, &json!("half")), "no second new key is created");
    }

    #[tokio::test]
    async fn rotation_works_at_the_key_limit() {
        let app = TestApp::new().await;
        app.create_own_tenant(|tenant| tenant.max_api_keys = Some(1)).await;
        let rotated = app.call(ENDPOINT, &rotate_path(Role::Agent), ADMIN, Value::Null).await;
        assert_eq!(rotated.status.as_u16(), 201, "{}", rotated.json);
        let refused = app.call(super::super::create::ENDPOINT, "/api/v1/keys", ADMIN, json!({"name": "x"})).await;
        assert_eq!(refused.status.as_u16(), 409);
    }

    #[tokio::test]
    async fn rotation_keeps_scopes_and_gives_no_more_than_the_caller_has() {
        let app = TestApp::new().await;
        let create = async |body| {
            let created = app.call(super::super::create::ENDPOINT, "/api/v1/keys", ADMIN, body).await.json;
            let rotate = format!("/api/v1/keys/{}/rotate", created["id"].as_str().unwrap());
            (rotate, created["key"].as_str().unwrap().to_owned(), created)
        };
        let end = "2027-01-01T00:00:00Z";
        let (own, secret, created) = create(json!({"name": "few", "scopes": ["keys:write"], "expires_at": end})).await;
        let refused = app.call(ENDPOINT, &rotate_path(Role::Agent), &secret, Value::Null).await;
        assert_eq!(refused.status.as_u16(), 403, "{}", refused.json);
        let rotated = app.call(ENDPOINT, &own, &secret, Value::Null).await;
        assert_eq!(rotated.status.as_u16(), 201, "{}", rotated.json);
        for field in ["role", "scopes", "expires_at", "rate_limit"] {
            assert_eq!(rotated.json[field], created[field], "{field}");
        }
    }

    #[tokio::test]
    async fn admin_cannot_rotate_operator_key() {
        let app = TestApp::new().await;
        let operator_key = ApiKey { tenant: tenant(), id: KeyId::new(NOON, [88; 10]), ..api_key(Role::Operator) };
        let path = format!("/api/v1/keys/{}/rotate", operator_key.id);
        app.add_key(operator_key, "ho_test_operator_here").await;
        assert_eq!(app.call(ENDPOINT, &path, ADMIN, Value::Null).await.status.as_u16(), 404);
    }
}
