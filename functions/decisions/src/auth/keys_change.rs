//! `PUT /auth/api-keys/{id}`: changes the settings of an API key. All processes use them a few seconds later.

use axum::extract::State;
use axum::routing::{MethodRouter, put};
use handrail_access::key_settings::change;
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{TenantAdmin, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::json_body::Json;
use handrail_web::problem::Problem;

use super::key_params::KeyParams;
use super::{KEY_NOT_FOUND, KeyView, key_problem};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-change",
    method: HttpMethod::Put,
    path: "/auth/api-keys/{id}",
    auth: Auth::ApiKeyOrSession(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Callbacks)],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::ReadKey,
        DataAccess::UpdateKey,
    ],
    summary: "Change the settings of an API key",
    route,
};

fn route() -> MethodRouter<Cx> {
    put(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409])
}

async fn handler(
    State(cx): State<Cx>,
    caller: TenantAdmin<scopes::KeysWrite>,
    PathParam(id): PathParam,
    Json(params): Json<KeyParams>,
) -> Result<axum::Json<KeyView>, Problem> {
    let id = id.parse().map_err(|_| KEY_NOT_FOUND)?;
    caller.check_limit(&cx).await?;
    let key = change(&cx, &caller.rights(), id, &params.grant, &params.settings).await.map_err(key_problem)?;
    Ok(axum::Json(KeyView::new(&cx, &key)?))
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::account::Tier;
    use handrail_domain::key_hash::hash_of_key;
    use handrail_store::ReplaceOutcome;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, AGENT, TestApp, api_key, decision_body};

    fn agent_key_path() -> String {
        format!("/auth/api-keys/{}", api_key(Role::Agent, AGENT).id)
    }

    #[tokio::test]
    async fn update_changes_only_the_given_fields() {
        let app = TestApp::new().await;
        let settings = json!({
            "name": "Refunds", "approvers": ["ann@example.com"], "backup_approver": "bob@example.com",
            "requests_per_minute": 7, "decisions_per_month": 3, "escalation_stays_pending": true, "unknown": 1,
            "rules": [{"name": "small", "match": {"amount_lt": 50}, "effect": "approve"}], "trust_stated_amounts": true,
        });
        let changed = app.call(ENDPOINT, &agent_key_path(), ADMIN, settings.clone()).await;
        assert_eq!(changed.status.as_u16(), 200, "{}", changed.text);
        for (field, value) in settings.as_object().unwrap().iter().filter(|(field, _)| *field != "unknown") {
            assert_eq!(&changed.json[field], value, "{field}");
        }
        let stored = app.cx.store.key_by_hash(&hash_of_key(AGENT)).await.unwrap().unwrap();
        assert_eq!((stored.role, stored.prefix.as_str()), (Role::Agent, AGENT));
        // The process that made the change uses it immediately.
        let mut other = decision_body();
        other["approver"] = "mallory@example.com".into();
        let refused = app.call(crate::create::ENDPOINT, "/decisions", AGENT, other).await;
        assert_eq!(refused.error(), (403, "APPROVER_NOT_ALLOWED"));

        let reset = json!({"approvers": null, "backup_approver": null, "requests_per_minute": null, "decisions_per_month": null,
            "trust_stated_amounts": null});
        let changed = app.call(ENDPOINT, &agent_key_path(), ADMIN, reset).await.json;
        assert_eq!((&changed["approvers"], &changed["backup_approver"]), (&json!([]), &Value::Null));
        assert_eq!((&changed["requests_per_minute"], &changed["decisions_per_month"]), (&json!(600), &Value::Null));
        assert_eq!(changed["trust_stated_amounts"], Value::Null);
        assert_eq!((&changed["name"], &changed["escalation_stays_pending"]), (&json!("Refunds"), &json!(true)));
    }

    #[tokio::test]
    async fn invalid_update_names_field_and_changes_nothing() {
        let app = TestApp::new().await;
        let before = app.cx.store.key_by_hash(&hash_of_key(AGENT)).await.unwrap();
        for (field, body) in [
            ("name", json!({"name": " "})),
            ("approvers[0]", json!({"approvers": ["nobody"]})),
            ("backup_approver", json!({"name": "fine", "backup_approver": "nobody"})),
            ("requests_per_minute", json!({"requests_per_minute": 1_000_001})),
            ("decisions_per_month", json!({"decisions_per_month": -1})),
            ("rules[0]", json!({"rules": [{"name": "all", "match": {}, "effect": "approve"}]})),
            ("rules[0].effect", json!({"rules": [{"name": "all", "match": {"amount_lt": 1}, "effect": "allow"}]})),
            ("trust_stated_amounts", json!({"trust_stated_amounts": "yes"})),
            ("role", json!({"role": "admin"})),
            ("scopes", json!({"scopes": ["decisions:read"]})),
            ("expires_at", json!({"expires_at": "2027-01-01T00:00:00Z"})),
            ("rate_limit.window_seconds", json!({"rate_limit": {"requests": 9, "window_seconds": 600}})),
            ("rate_limit.requests", json!({"rate_limit": {"requests": 0, "window_seconds": 60}})),
        ] {
            let response = app.call(ENDPOINT, &agent_key_path(), ADMIN, body).await;
            assert_eq!((response.error(), &response.json["field"]), ((400, "VALIDATION_ERROR"), &json!(field)));
        }
        assert_eq!(app.cx.store.key_by_hash(&hash_of_key(AGENT)).await.unwrap(), before);
    }

    #[tokio::test]
    async fn revoked_key_cannot_be_changed() {
        let app = TestApp::new().await;
        app.call(crate::auth::keys_revoke::ENDPOINT, &agent_key_path(), ADMIN, Value::Null).await;
        let refused = app.call(ENDPOINT, &agent_key_path(), ADMIN, json!({"name": "again"})).await;
        assert_eq!(refused.error(), (409, "KEY_REVOKED"));
        let stored = app.cx.store.key_by_hash(&hash_of_key(AGENT)).await.unwrap().unwrap();
        assert!(stored.revoked_at.is_some() && stored.name == "the agent");
    }

    /// The write itself is conditional; a read before it would not be enough.
    #[tokio::test]
    async fn concurrently_revoked_key_stays_revoked() {
        let app = TestApp::new().await;
        let (tenant, id) = (crate::testing::tenant(), api_key(Role::Agent, AGENT).id);
        let found = app.cx.store.find_key(tenant, id).await.unwrap().unwrap();
        app.cx.store.revoke_key(tenant, id, app.cx.clock.now()).await.unwrap();
        let replaced = app.cx.store.replace_key(&found, &found.key).await.unwrap();
        assert_eq!(replaced, ReplaceOutcome::Conflict);
        assert!(app.cx.store.find_key(tenant, id).await.unwrap().unwrap().key.revoked_at.is_some());
    }

    #[tokio::test]
    async fn tier_limits_apply_to_key_updates() {
        let app = TestApp::new().await;
        app.create_tenant(Tier::Pro).await;
        let admin = app.create_key(Tier::Pro, Role::Admin, "ho_test_pro_admin").await;
        let agent = app.create_key(Tier::Pro, Role::Agent, "ho_test_pro_agent").await;
        let id = app.cx.store.key_by_hash(&hash_of_key(agent)).await.unwrap().unwrap().id;
        let path = format!("/auth/api-keys/{id}");
        let many = json!({"approvers": ["a@example.com", "b@example.com", "c@example.com"]});
        let refused = app.call(ENDPOINT, &path, admin, many).await;
        assert_eq!((refused.error(), &refused.json["field"]), ((400, "VALIDATION_ERROR"), &json!("approvers")));
        let two = json!({"approvers": ["a@example.com", "b@example.com"]});
        assert_eq!(app.call(ENDPOINT, &path, admin, two).await.status.as_u16(), 200);
    }
}
