//! `GET /api/v1/tenants/{id}/keys`: lists the API keys of a tenant, newest first. An admin sees only its own
//! tenant.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
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

use super::{parse_tenant_id, tenant_problem};
use crate::door::DOOR;
use crate::keys::KeyView;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-keys",
    method: HttpMethod::Get,
    path: "/api/v1/tenants/{id}/keys",
    auth: Auth::ApiKey(Scope::TenantsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadTenant, DataAccess::ListKeys],
    summary: "List a tenant's API keys",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::TenantsRead>,
    PathParam(id): PathParam,
) -> Result<axum::Json<Vec<KeyView>>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let keys = tenants::keys(&cx, &caller.rights(), parse_tenant_id(&id)?).await;
    let keys = keys.map_err(|error| tenant_problem(error, &id))?;
    Ok(axum::Json(keys.iter().map(KeyView::new).collect()))
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use serde_json::Value;

    use super::*;
    use crate::testing::{ADMIN, OPERATOR, TestApp, tenant};

    #[tokio::test]
    async fn operator_lists_all_tenant_keys_admin_only_own() {
        let app = TestApp::new().await;
        app.create_own_tenant(|_| {}).await;
        let other = app.create_tenant("Other", Tier::Pro).await;
        let list_keys = async |key: &str, tenant: String| {
            app.call(ENDPOINT, &format!("/api/v1/tenants/{tenant}/keys"), key, Value::Null).await
        };
        assert_eq!(list_keys(OPERATOR, other.to_string()).await.json, serde_json::json!([]));
        assert_eq!(list_keys(ADMIN, other.to_string()).await.status.as_u16(), 404);
        let response = list_keys(OPERATOR, tenant().to_string()).await;
        assert_eq!(response.json, list_keys(ADMIN, tenant().to_string()).await.json);
        assert_eq!(response.json.as_array().unwrap().len(), 4, "{}", response.json);
    }
}
