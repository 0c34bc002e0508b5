//! `POST /auth/api-keys`: an admin or the owner creates an API key. Only this response shows the secret.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::AdminRights;
use handrail_access::key_creation::{KeyDefaults, KeyWithSecret, NewKey, create};
use handrail_access::key_settings::{KeySettings, Setting};
use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::{Role, Scope};
use handrail_domain::ids::RequestFormat;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::purpose_key::new_api_key;
use handrail_web::caller::{TenantAdmin, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::json_body::Json;
use handrail_web::once::{CreatedOnce, OnceRequest, once};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use super::key_params::KeyParams;
use super::{KeyView, key_problem};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-create",
    method: HttpMethod::Post,
    path: "/auth/api-keys",
    auth: Auth::ApiKeyOrSession(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::ApiKeys),
        RequiredSetting::Key(KeyPurpose::Callbacks),
        RequiredSetting::KeysPerHour,
    ],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::CreateKey,
        DataAccess::RunOnce,
    ],
    summary: "Create an API key",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

const FORMAT: RequestFormat = RequestFormat { name: "decisions.keys.create", version: 1 };

/// API key with its secret.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedApiKey")]
struct CreatedKey {
    #[serde(flatten)]
    view: KeyView,
    /// The secret, which no other response shows.
    key: String,
}

async fn handler(
    State(cx): State<Cx>,
    caller: TenantAdmin<scopes::KeysWrite>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(params): Json<KeyParams>,
) -> Result<CreatedOnce<CreatedKey>, Problem> {
    if idempotency_key.is_some() {
        // Without an idempotency key the hourly limit of new keys suffices. A repeat creates no key.
        caller.check_limit(&cx).await?;
    }
    let request = OnceRequest {
        format: FORMAT,
        tenant: caller.tenant(),
        caller: caller.caller(),
        idempotency_key: idempotency_key.as_deref(),
        content: params.to_json(),
        response_holds_secret: true,
    };
    once(&cx, request, async |ids| {
        let KeyWithSecret { key, secret } = create_key(&cx, &ids, &caller.rights(), params).await?;
        Ok(CreatedKey { view: KeyView::new(&cx, &key)?, key: secret })
    })
    .await
}

const DEFAULTS: KeyDefaults = KeyDefaults {
    role: Role::Agent,
    format_secret: new_api_key,
    // Operators create keys of operators on the command line.
    creates_operators: false,
};

/// Creates an API key, for a program or on the account page.
pub(crate) async fn create_key(
    cx: &Cx,
    ids: &EffectIds,
    caller: &AdminRights,
    params: KeyParams,
) -> Result<KeyWithSecret, Problem> {
    let KeyParams { grant, settings } = params;
    let Some(name) = settings.name.clone() else {
        return Err(Problem::invalid("name", "is required: approvers see it as the requester"));
    };
    // Absent approvers are applied too, because a tier may limit keys without approvers to the owner.
    let approvers = match settings.approvers {
        Setting::Unchanged => Setting::Default,
        requested => requested,
    };
    let settings = KeySettings { approvers, ..settings };
    let new_key = NewKey { name, tenant: None, grant, settings };
    create(cx, ids, caller, DEFAULTS, new_key).await.map_err(key_problem)
}

#[cfg(test)]
mod tests {
    use handrail_access::api_keys::KEY_PREFIX_CHARS;
    use handrail_domain::account::Tier;
    use handrail_domain::ids::CommandId;
    use handrail_domain::key_hash::hash_of_key;
    use handrail_domain::text::EmailAddress;
    use handrail_store::{ApiKey, OnceKey};
    use handrail_web::json_body::JsonBody;
    use http::StatusCode;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, NOON, TestApp, api_key, decision_body, tenant};

    #[tokio::test]
    async fn new_key_is_shown_once_and_stored_hashed() {
        let app = TestApp::new().await;
        let body = json!({"name": "Refunds", "approvers": ["ann@example.com"], "backup_approver": "bob@example.com"});
        let created = app.call(ENDPOINT, "/auth/api-keys", ADMIN, body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        let secret = created.json["key"].as_str().unwrap();
        let stored = app.cx.store.key_by_hash(&hash_of_key(secret)).await.unwrap().unwrap();
        let expected = ApiKey {
            prefix: secret[..KEY_PREFIX_CHARS].to_owned(),
            approvers: vec![EmailAddress::parse("ann@example.com").unwrap().into()],
            backup_approver: Some(EmailAddress::parse("bob@example.com").unwrap()),
            ..ApiKey::new(stored.id, tenant(), "Refunds", NOON)
        };
        assert_eq!(stored, expected);
        assert!(!serde_json::to_string(&stored).unwrap().contains(secret));
        assert_eq!(
            created.json["webhook_secret"],
            json!(app.cx.key(KeyPurpose::Callbacks).unwrap().webhook_secret(stored.id))
        );

        // The key works, and only for its approvers.
        let decision = app.call(crate::create::ENDPOINT, "/decisions", secret, decision_body()).await;
        assert_eq!(decision.status, StatusCode::CREATED, "{}", decision.text);
        let mut other = decision_body();
        other["approver"] = "mallory@example.com".into();
        let other = app.call(crate::create::ENDPOINT, "/decisions", secret, other).await;
        assert_eq!(other.error(), (403, "APPROVER_NOT_ALLOWED"));
    }

    #[tokio::test]
    async fn repeated_key_creation_returns_the_same_key() {
        let app = TestApp::new().await;
        let create = async |body| app.call_idempotent(ENDPOINT, "/auth/api-keys", ADMIN, "agent-1", body).await;
        let first = create(json!({"name": "Refunds"})).await;
        assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
        app.advance(60);
        let repeat = create(json!({"name": "Refunds", "rules": null})).await;
        assert_eq!((repeat.status, &repeat.text), (first.status, &first.text));
        assert_eq!(create(json!({"name": "Sales"})).await.error(), (409, "IDEMPOTENCY_KEY_REUSED"));
        assert_eq!(app.cx.store.keys(tenant()).await.unwrap().len(), 4);
    }

    #[tokio::test]
    async fn key_creation_in_progress_is_not_repeated() {
        let app = TestApp::new().await;
        let body = json!({"name": "Refunds"});
        let params = KeyParams::read_all(&body).unwrap();
        let command = CommandId::from_request("agent-1", FORMAT, &params.to_json());
        let caller = api_key(Role::Admin, ADMIN).id.to_string();
        let key = OnceKey { tenant: tenant(), operation: FORMAT.name, caller: &caller, idempotency_key: "agent-1" };
        app.cx.store.begin_run(key, &command, "a run of another process", NOON, 3_600).await.unwrap();
        let create = || app.call_idempotent(ENDPOINT, "/auth/api-keys", ADMIN, "agent-1", body.clone());
        let refused = create().await;
        assert_eq!((refused.error(), &refused.headers["retry-after"]), ((409, "IN_PROGRESS"), &"1".parse().unwrap()));
        app.advance(1);
        assert_eq!(create().await.status, StatusCode::CREATED);
        assert_eq!(app.cx.store.keys(tenant()).await.unwrap().len(), 4);
    }

    #[tokio::test]
    async fn invalid_key_params_are_refused_by_field() {
        let app = TestApp::new().await;
        for (field, body) in [
            ("name", json!({})),
            ("name", json!({"name": "two\nlines"})),
            ("role", json!({"name": "x", "role": "root"})),
            ("role", json!({"name": "x", "role": "operator"})),
            ("approvers[1]", json!({"name": "x", "approvers": ["ann@example.com", "nobody"]})),
            ("approvers[0]", json!({"name": "x", "approvers": ["*@example"]})),
            ("backup_approver", json!({"name": "x", "backup_approver": "*"})),
            ("requests_per_minute", json!({"name": "x", "requests_per_minute": 0})),
            ("decisions_per_month", json!({"name": "x", "decisions_per_month": 0})),
            ("escalation_stays_pending", json!({"name": "x", "escalation_stays_pending": "yes"})),
            ("scopes", json!({"name": "x", "scopes": ["decisions:fly"]})),
            ("scopes", json!({"name": "x", "scopes": ["tenants:write"]})),
            ("scopes[0]", json!({"name": "x", "scopes": [1]})),
            ("expires_at", json!({"name": "x", "expires_at": "never"})),
            ("rate_limit.window_seconds", json!({"name": "x", "rate_limit": {"requests": 1, "window_seconds": 1}})),
            (
                "requests_per_minute",
                json!({"name": "x", "requests_per_minute": 9, "rate_limit": {"requests": 1, "window_seconds": 60}}),
            ),
        ] {
            let response = app.call(ENDPOINT, "/auth/api-keys", ADMIN, body).await;
            assert_eq!(response.error(), (400, "VALIDATION_ERROR"), "{}", response.text);
            assert_eq!(response.json["field"], field, "{}", response.text);
        }
        assert_eq!(app.cx.store.keys(tenant()).await.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn key_with_scopes_works_until_its_expiry() {
        let app = TestApp::new().await;
        let expires_at = NOON.plus_ms(60_000);
        let body = json!({
            "name": "Reports", "scopes": ["decisions:read", "account:read"], "expires_at": expires_at,
            "rate_limit": {"requests": 90, "window_seconds": 10},
        });
        let created = app.call(ENDPOINT, "/auth/api-keys", ADMIN, body.clone()).await;
        assert_eq!(
            (created.status, &created.json["role"]),
            (StatusCode::CREATED, &json!("reader")),
            "{}",
            created.text
        );
        for field in ["scopes", "expires_at", "rate_limit"] {
            assert_eq!(created.json[field], body[field], "{field}");
        }
        assert_eq!(created.json["requests_per_minute"], 540);
        let secret = created.json["key"].as_str().unwrap();
        let refused = app.call(crate::create::ENDPOINT, "/decisions", secret, decision_body()).await;
        assert_eq!(refused.error(), (403, "FORBIDDEN"));
        let list = || app.call(crate::list::ENDPOINT, "/decisions", secret, Value::Null);
        assert_eq!(list().await.status, StatusCode::OK);
        app.advance(1);
        let expired = list().await;
        assert_eq!(
            (expired.error(), &expired.json["error"]),
            ((401, "INVALID_KEY"), &json!("This API key has expired"))
        );
    }

    /// The role of such a key allows it to cancel the decisions of other keys, but its scopes don't.
    #[tokio::test]
    async fn key_without_answer_scope_cannot_cancel_for_others() {
        let app = TestApp::new().await;
        let body = json!({"name": "x", "role": "app", "scopes": ["decisions:write"]});
        let created = app.call(ENDPOINT, "/auth/api-keys", ADMIN, body).await;
        assert_eq!((created.status, &created.json["role"]), (StatusCode::CREATED, &json!("app")), "{}", created.text);
        let path = format!("/decisions/{}/cancel", app.create_decision().await);
        let refused = app.call(crate::cancel::ENDPOINT, &path, created.json["key"].as_str().unwrap(), json!({})).await;
        assert_eq!(refused.error(), (403, "FORBIDDEN"));
    }

    #[tokio::test]
    async fn tier_limits_approvers_and_request_rate() {
        let app = TestApp::new().await;
        app.create_tenant(Tier::Free).await;
        let free = app.create_key(Tier::Free, Role::Admin, "ho_test_free_admin").await;
        let created = app.call(ENDPOINT, "/auth/api-keys", free, json!({"name": "mine"})).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        assert_eq!(
            (&created.json["approvers"], &created.json["requests_per_minute"]),
            (&json!(["you@example.com"]), &json!(30))
        );
        for (field, more) in [
            ("approvers", json!({"name": "x", "approvers": ["ann@example.com"]})),
            ("approvers", json!({"name": "x", "approvers": ["*"]})),
            ("backup_approver", json!({"name": "x", "backup_approver": "ann@example.com"})),
            ("requests_per_minute", json!({"name": "x", "requests_per_minute": 31})),
        ] {
            let response = app.call(ENDPOINT, "/auth/api-keys", free, more).await;
            assert_eq!((response.error(), &response.json["field"]), ((400, "VALIDATION_ERROR"), &json!(field)));
        }
    }

    #[tokio::test]
    async fn tenant_has_a_maximum_of_active_keys() {
        let app = TestApp::new().await;
        app.create_tenant(Tier::Free).await;
        // Test entropy repeats, so only the time makes new ids differ from old ones.
        app.advance(1);
        let create_key = || app.call(ENDPOINT, "/auth/api-keys", ADMIN, json!({"name": "one of few"}));
        // The three keys of the test app were created without a slot and count too.
        let first = create_key().await;
        assert_eq!((first.status, create_key().await.status), (StatusCode::CREATED, StatusCode::CREATED));
        assert_eq!(create_key().await.error(), (409, "TOO_MANY_KEYS"));
        let path = format!("/auth/api-keys/{}", first.json["id"].as_str().unwrap());
        app.call(crate::auth::keys_revoke::ENDPOINT, &path, ADMIN, Value::Null).await;
        assert_eq!(create_key().await.status, StatusCode::CREATED);
        assert_eq!(create_key().await.error(), (409, "TOO_MANY_KEYS"));
    }

    #[tokio::test]
    async fn key_creation_is_limited_per_hour() {
        let app = TestApp::new().await;
        for _ in 0..10 {
            let created = app.call(ENDPOINT, "/auth/api-keys", ADMIN, json!({"name": "one of many"})).await;
            assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
            // An invalid request does not count.
            assert_eq!(app.call(ENDPOINT, "/auth/api-keys", ADMIN, json!({})).await.error(), (400, "VALIDATION_ERROR"));
        }
        let refused = app.call(ENDPOINT, "/auth/api-keys", ADMIN, json!({"name": "too many"})).await;
        assert_eq!(refused.error(), (429, "RATE_LIMIT"));
        let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{wait}");
        app.advance(60);
        let created = app.call(ENDPOINT, "/auth/api-keys", ADMIN, json!({"name": "one more"})).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    }
}
