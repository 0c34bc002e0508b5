//! `PATCH /api/v1/tenants/{id}`: changes a tenant, for operators. New limits apply to all its keys within seconds.

use axum::extract::State;
use axum::routing::{MethodRouter, patch};
use handrail_access::tenants;
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;

use super::{TenantView, parse_tenant_id, tenant_params, tenant_problem};
use crate::body::Body;
use crate::door::DOOR;
use crate::requests;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-change",
    method: HttpMethod::Patch,
    path: "/api/v1/tenants/{id}",
    auth: Auth::ApiKey(Scope::TenantsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ClaimTenantName,
        DataAccess::UpdateTenant,
    ],
    summary: "Change a tenant",
    route,
};

fn route() -> MethodRouter<Cx> {
    patch(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409])
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::TenantsWrite>,
    PathParam(id): PathParam,
    body: Body<requests::TenantChanges>,
) -> Result<axum::Json<TenantView>, Problem> {
    let changes = body.read(&caller.key, tenant_params::read_change)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let changed = tenants::change(&cx, &caller.rights(), parse_tenant_id(&id)?, &changes).await;
    Ok(axum::Json(TenantView::new(&changed.map_err(|error| tenant_problem(error, &id))?)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::{Tenant, Tier};
    use handrail_store::ReplaceOutcome;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, NOON, OPERATOR, TestApp, WRITER, packet_body, tenant};

    fn own_tenant_path() -> String {
        format!("/api/v1/tenants/{}", tenant())
    }

    #[tokio::test]
    async fn patch_changes_only_given_tenant_fields() {
        let app = TestApp::new().await;
        app.create_own_tenant(|tenant| tenant.max_api_keys = Some(9)).await;
        app.advance(1);
        let changes = json!({"name": "Renamed", "tier": "business", "max_api_keys": null, "unknown": 1});
        let changed = app.call(ENDPOINT, &own_tenant_path(), OPERATOR, changes).await;
        let expected = json!({
            "id": tenant(), "name": "Renamed", "tier": "business", "handoffs_per_day": null, "max_api_keys": 9,
            "askers_may_answer": true, "created_at": NOON, "updated_at": NOON.plus_ms(1_000), "deleted_at": null,
        });
        assert_eq!((changed.status.as_u16(), &changed.json), (200, &expected));
        let response = app.call(crate::tenants::get::ENDPOINT, &own_tenant_path(), ADMIN, Value::Null).await;
        assert_eq!(response.json, expected);
        assert_eq!(app.call(ENDPOINT, &own_tenant_path(), ADMIN, json!({})).await.status.as_u16(), 403);
        let refused = app.call(ENDPOINT, &own_tenant_path(), OPERATOR, json!({"tier": "gold"})).await;
        assert_eq!(refused.json["field"], "tier");
    }

    #[tokio::test]
    async fn tenant_names_are_unique() {
        let app = TestApp::new().await;
        app.create_own_tenant(|_| {}).await;
        let created =
            |name: &str| app.call(crate::tenants::create::ENDPOINT, "/api/v1/tenants", OPERATOR, json!({"name": name}));
        created("Acme").await;
        let rename = async |name: &str| app.call(ENDPOINT, &own_tenant_path(), OPERATOR, json!({"name": name})).await;
        assert_eq!(rename("Acme").await.status.as_u16(), 409);
        assert_eq!(rename("Apex").await.status.as_u16(), 200);
        assert_eq!(created("Apex").await.status.as_u16(), 409);
        // A released name becomes available after a minute, when no rename can still be in progress.
        assert_eq!(rename("Zenith").await.status.as_u16(), 200);
        app.advance(60);
        assert_eq!(created("Apex").await.status.as_u16(), 201);
        assert_eq!(rename("Zenith").await.status.as_u16(), 200, "a tenant may keep its name");
    }

    #[tokio::test]
    async fn changed_tier_applies_to_every_key() {
        let app = TestApp::new().await;
        app.create_own_tenant(|_| {}).await;
        let create_packet = async || app.call(crate::create::ENDPOINT, "/api/v1/packets", WRITER, packet_body()).await;
        assert_eq!(create_packet().await.headers["x-ratelimit-tier"], "enterprise");
        app.call(ENDPOINT, &own_tenant_path(), OPERATOR, json!({"tier": "free"})).await;
        for _ in 0..5 {
            let created = create_packet().await;
            assert_eq!(
                (created.status.as_u16(), &created.headers["x-ratelimit-tier"]),
                (201, &"free".parse().unwrap())
            );
        }
        assert_eq!(create_packet().await.status.as_u16(), 429);
        app.call(ENDPOINT, &own_tenant_path(), OPERATOR, json!({"tier": "pro"})).await;
        assert_eq!(create_packet().await.status.as_u16(), 201);
    }

    /// Another process makes the change, and this process still caches the key.
    #[tokio::test]
    async fn change_by_another_process_applies_within_five_seconds() {
        let app = TestApp::new().await;
        app.create_own_tenant(|_| {}).await;
        let tier = async || {
            let response = app.call(crate::list::ENDPOINT, "/api/v1/packets", WRITER, Value::Null).await;
            response.headers["x-ratelimit-tier"].to_str().unwrap().to_owned()
        };
        assert_eq!(tier().await, "enterprise");
        let found = app.cx.store.find_tenant(tenant()).await.unwrap().unwrap();
        let pro = Tenant { tier: Tier::Pro, ..found.tenant.clone() };
        assert_eq!(app.cx.store.replace_tenant(&found, &pro).await.unwrap(), ReplaceOutcome::Done);
        assert_eq!(app.cx.store.replace_tenant(&found, &pro).await.unwrap(), ReplaceOutcome::Conflict);
        assert_eq!(tier().await, "enterprise");
        app.advance(5);
        assert_eq!(tier().await, "pro");
    }
}
