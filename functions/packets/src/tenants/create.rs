//! `POST /api/v1/tenants`: creates a tenant, for operators. `/api/v1/keys` creates its API keys.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::tenants;
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::ids::RequestFormat;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::once::{CreatedOnce, OnceRequest, once};
use handrail_web::problem::Problem;

use super::{TenantView, tenant_params, tenant_problem};
use crate::body::Body;
use crate::door::DOOR;
use crate::requests;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-create",
    method: HttpMethod::Post,
    path: "/api/v1/tenants",
    auth: Auth::ApiKey(Scope::TenantsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ClaimTenantName,
        DataAccess::RunOnce,
    ],
    summary: "Create a tenant",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

const FORMAT: RequestFormat = RequestFormat { name: "packets.tenants.create", version: 1 };

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::TenantsWrite>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Body<requests::NewTenant>,
) -> Result<CreatedOnce<TenantView>, Problem> {
    let changes = body.read(&caller.key, tenant_params::read_new)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let request =
        OnceRequest::of_key(&caller.key, idempotency_key.as_deref(), FORMAT, tenant_params::to_json(&changes));
    once(&cx, request, async |ids| {
        let created = tenants::create(&cx, &ids, &changes).await;
        let tenant = created.map_err(|error| tenant_problem(error, ""))?;
        Ok(TenantView::new(&tenant))
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{ADMIN, NOON, OPERATOR, TestApp};

    #[tokio::test]
    async fn new_tenant_limits_default_to_its_tier() {
        let app = TestApp::new().await;
        let created = app.call(ENDPOINT, "/api/v1/tenants", OPERATOR, json!({"name": "Acme"})).await;
        let expected = json!({
            "id": created.json["id"], "name": "Acme", "tier": "free", "handoffs_per_day": 5, "max_api_keys": 5,
            "askers_may_answer": false, "created_at": NOON, "updated_at": NOON, "deleted_at": null,
        });
        assert_eq!((created.status.as_u16(), &created.json), (201, &expected));
        for (tier, shown_tier) in [("business", "business"), ("scale", "business"), ("enterprise", "enterprise")] {
            let body = json!({"name": format!("Acme {tier}"), "tier": tier, "handoffs_per_day": null});
            let created = app.call(ENDPOINT, "/api/v1/tenants", OPERATOR, body).await;
            let fields = (&created.json["tier"], &created.json["handoffs_per_day"], &created.json["max_api_keys"]);
            assert_eq!(fields, (&json!(shown_tier), &Value::Null, &json!(100)));
        }
        let body = json!({"name": "Own", "tier": "pro", "handoffs_per_day": 7, "max_api_keys": 2});
        let created = app.call(ENDPOINT, "/api/v1/tenants", OPERATOR, body).await;
        assert_eq!((&created.json["handoffs_per_day"], &created.json["max_api_keys"]), (&json!(7), &json!(2)));
        let body = json!({"name": "Trusting", "askers_may_answer": true});
        let created = app.call(ENDPOINT, "/api/v1/tenants", OPERATOR, body).await;
        assert_eq!(created.json["askers_may_answer"], true);
    }

    #[tokio::test]
    async fn invalid_tenant_fields_are_refused_by_name() {
        let app = TestApp::new().await;
        for (field, body) in [
            ("name", json!({})),
            ("name", json!({"name": ""})),
            ("name", json!({"name": "x".repeat(129)})),
            ("name", json!({"name": "a\u{0}b"})),
            ("tier", json!({"name": "x", "tier": "gold"})),
            ("tier", json!({"name": "x", "tier": 1})),
            ("handoffs_per_day", json!({"name": "x", "handoffs_per_day": -1})),
            ("handoffs_per_day", json!({"name": "x", "handoffs_per_day": "5"})),
            ("max_api_keys", json!({"name": "x", "max_api_keys": 101})),
            ("max_api_keys", json!({"name": "x", "max_api_keys": 1.5})),
            ("askers_may_answer", json!({"name": "x", "askers_may_answer": "no"})),
        ] {
            let refused = app.call(ENDPOINT, "/api/v1/tenants", OPERATOR, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{}", refused.json);
        }
        assert_eq!(app.cx.store.tenants(0, 10).await.unwrap(), []);
        let refused = app.call(ENDPOINT, "/api/v1/tenants", ADMIN, json!({"name": "x"})).await;
        assert!(refused.status.as_u16() == 403 && refused.json["detail"].as_str().unwrap().contains("operator"));
    }

    #[tokio::test]
    async fn tenant_name_is_reusable_after_deletion() {
        let app = TestApp::new().await;
        let create_tenant = async || app.call(ENDPOINT, "/api/v1/tenants", OPERATOR, json!({"name": "Acme"})).await;
        let first = create_tenant().await;
        assert_eq!(create_tenant().await.error(), (409, "Tenant with name 'Acme' already exists"));
        let path = format!("/api/v1/tenants/{}", first.json["id"].as_str().unwrap());
        app.call(crate::tenants::delete::ENDPOINT, &path, OPERATOR, Value::Null).await;
        let second = create_tenant().await;
        assert_eq!(second.status.as_u16(), 201);
        assert_ne!(second.json["id"], first.json["id"]);
    }

    /// A request that claimed a name may still create the tenant, or may have crashed.
    #[tokio::test]
    async fn abandoned_name_claim_expires() {
        let app = TestApp::new().await;
        let unused_id = app.cx.new_tenant_id();
        app.cx.store.claim_name("Acme", unused_id, NOON).await.unwrap();
        let create_tenant = async || app.call(ENDPOINT, "/api/v1/tenants", OPERATOR, json!({"name": "Acme"})).await;
        let refused = create_tenant().await;
        assert_eq!(refused.status.as_u16(), 503, "{}", refused.json);
        assert!(refused.headers.contains_key("retry-after"));
        app.advance(60);
        assert_eq!(create_tenant().await.status.as_u16(), 201);
        assert_eq!(create_tenant().await.status.as_u16(), 409);
    }
}
