//! `GET /auth/me`: returns the account of the caller, its usage and its API keys.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::{api_keys, quota};
use handrail_access::{created_this_month, created_this_month_of_each, month_of};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::{Role, Scope};
use handrail_domain::account::Tenant;
use handrail_domain::ids::TenantId;
use handrail_domain::text::EmailAddress;
use handrail_platform::fault::Fault;
use handrail_secrets::keys::KeyPurpose;
use handrail_store::ApiKey;
use handrail_web::caller::{Principal, TenantAdmin, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use super::{KeyView, tenant_of};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-me",
    method: HttpMethod::Get,
    path: "/auth/me",
    auth: Auth::ApiKeyOrSession(Scope::AccountRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Callbacks)],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::ReadUsage,
        DataAccess::ReadUsageOfEach,
        DataAccess::ListKeys,
    ],
    summary: "See the account, its usage and the secret that signs its callbacks",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// An account, its usage and its API keys.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Account")]
struct AccountView {
    user: UserView,
    tier: &'static str,
    usage: UsageView,
    api_keys: Vec<KeyView>,
}

/// Owner of an account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccountUser")]
struct UserView {
    id: TenantId,
    email: Option<EmailAddress>,
    name: Option<String>,
}

/// Decisions of a month.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccountUsage")]
struct UsageView {
    /// Such as 2026-01.
    month: String,
    used: u64,
    /// Null without a limit.
    limit: Option<u32>,
}

/// Shows all keys of the tenant to the owner and to admins, and to other keys only themselves.
async fn handler(
    State(cx): State<Cx>,
    caller: TenantAdmin<scopes::AccountRead>,
) -> Result<axum::Json<AccountView>, Problem> {
    caller.check_limit(&cx).await?;
    let tenant = tenant_of(&cx, &caller).await?;
    let keys = match &caller.principal {
        Principal::ApiKey(key) if key.role != Role::Admin || !key.allows(Scope::KeysWrite) => vec![key.clone()],
        _ => api_keys::list(&cx, &caller.rights(), caller.tenant()).await?,
    };
    let (used, limit) = usage(&cx, &caller, &keys).await?;
    let api_keys = keys.iter().map(|key| KeyView::new(&cx, key)).collect::<Result<_, _>>()?;
    Ok(axum::Json(AccountView {
        user: UserView {
            id: caller.tenant(),
            email: tenant.as_ref().and_then(|tenant| tenant.email.clone()),
            name: tenant.map(|tenant| tenant.name),
        },
        tier: caller.tier().name(),
        usage: UsageView { month: month_of(cx.clock.now()), used, limit },
        api_keys,
    }))
}

/// Usage and quota: for an API key with a quota of its own those of the key, else those of the tenant.
async fn usage<R>(cx: &Cx, caller: &TenantAdmin<R>, keys: &[ApiKey]) -> Result<(u64, Option<u32>), Fault> {
    match &caller.principal {
        Principal::ApiKey(key) => match quota::usage(cx, key).await? {
            Some(usage) => Ok((usage.used, Some(usage.limit))),
            None => Ok((created_this_month(cx, key).await?, None)),
        },
        Principal::User(user) => tenant_usage(cx, &user.tenant, keys).await,
    }
}

pub(crate) async fn tenant_usage(cx: &Cx, tenant: &Tenant, keys: &[ApiKey]) -> Result<(u64, Option<u32>), Fault> {
    match quota::usage_of_tenant(cx, tenant.tenant, tenant.tier).await? {
        Some(usage) => Ok((usage.used, Some(usage.limit))),
        None => Ok((created_this_month_of_each(cx, keys).await?.iter().sum(), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_domain::account::Tier;
    use serde_json::{Value, json};

    use crate::testing::{ADMIN, AGENT, NOON, TestApp, api_key, decision_body, tenant};

    #[tokio::test]
    async fn key_sees_itself_and_its_usage() {
        let app = TestApp::new().await;
        app.create_decision().await;
        app.create_decision().await;
        let response = app.call(ENDPOINT, "/auth/me", AGENT, Value::Null).await;
        let agent = api_key(Role::Agent, AGENT);
        let expected = json!({
            "user": {"id": tenant(), "email": null, "name": null},
            "tier": "enterprise",
            "usage": {"month": "2026-09", "used": 2, "limit": null},
            "api_keys": [{
                "id": agent.id,
                "name": "the agent",
                "prefix": AGENT,
                "role": "agent",
                "scopes": Role::Agent.scopes(),
                "webhook_secret": app.cx.key(KeyPurpose::Callbacks).unwrap().webhook_secret(agent.id),
                "approvers": ["*"],
                "backup_approver": null,
                "requests_per_minute": 100,
                "rate_limit": {"requests": 100, "window_seconds": 60},
                "decisions_per_month": null,
                "escalation_stays_pending": false,
                "rules": [],
                "is_active": true,
                "created_at": NOON,
                "expires_at": null,
            }],
        });
        assert_eq!((response.status.as_u16(), response.json), (200, expected));
    }

    #[tokio::test]
    async fn admin_sees_every_key_of_the_tenant() {
        let app = TestApp::new().await;
        let response = app.call(ENDPOINT, "/auth/me", ADMIN, Value::Null).await;
        let roles: Vec<_> =
            response.json["api_keys"].as_array().unwrap().iter().map(|key| key["role"].clone()).collect();
        assert_eq!(roles, ["admin", "app", "agent"]);
    }

    #[tokio::test]
    async fn response_has_account_tier_and_limit() {
        let app = TestApp::new().await;
        app.create_tenant(Tier::Pro).await;
        let agent = app.create_key(Tier::Pro, Role::Agent, "ho_test_pro_agent").await;
        let created = app.call(crate::create::ENDPOINT, "/decisions", agent, decision_body()).await;
        assert_eq!(created.status.as_u16(), 201, "{}", created.text);
        let response = app.call(ENDPOINT, "/auth/me", agent, Value::Null).await.json;
        assert_eq!(response["user"], json!({"id": tenant(), "email": "you@example.com", "name": "You"}));
        assert_eq!(
            (&response["tier"], &response["usage"]["used"], &response["usage"]["limit"]),
            (&json!("pro"), &json!(1), &json!(100))
        );
    }
}
