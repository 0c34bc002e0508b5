//! `GET /api/v1/tenants/{id}`: returns a tenant. An admin sees only its own tenant.

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

use super::{TenantView, parse_tenant_id, tenant_problem};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-get",
    method: HttpMethod::Get,
    path: "/api/v1/tenants/{id}",
    auth: Auth::ApiKey(Scope::TenantsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadTenant],
    summary: "Get a tenant",
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
) -> Result<axum::Json<TenantView>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let tenant = tenants::find(&cx, &caller.rights(), parse_tenant_id(&id)?).await;
    Ok(axum::Json(TenantView::new(&tenant.map_err(|error| tenant_problem(error, &id))?)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, OPERATOR, TestApp, tenant};

    #[tokio::test]
    async fn admin_cannot_see_other_tenants() {
        let app = TestApp::new().await;
        let other = app.create_tenant("Other", Tier::Scale).await;
        let get_tenant =
            async |key: &str, id: String| app.call(ENDPOINT, &format!("/api/v1/tenants/{id}"), key, Value::Null).await;
        let response = get_tenant(OPERATOR, other.to_string()).await;
        assert_eq!((response.status.as_u16(), &response.json["tier"]), (200, &json!("business")));
        for foreign in [other.to_string(), "default".to_owned()] {
            let refused = get_tenant(ADMIN, foreign.clone()).await;
            assert_eq!(refused.error(), (404, format!("Tenant {foreign} not found").as_str()));
        }
        assert_eq!(
            get_tenant(ADMIN, tenant().to_string()).await.status.as_u16(),
            404,
            "the keys have no tenant record yet"
        );
        app.create_own_tenant(|_| {}).await;
        assert_eq!(get_tenant(ADMIN, tenant().to_string()).await.json["name"], "Own");
    }
}
