//! `GET /api/v1/tenants`: lists all tenants for an operator, newest first, and an admin's own tenant.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::tenants;
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::field_error::RequestPart;
use handrail_store::TENANTS_OFFSET_MAX;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Deserialize;

use super::TenantView;
use crate::body::QueryString;
use crate::door::DOOR;
use crate::errors::field_error;
use crate::page::PageParams;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-list",
    method: HttpMethod::Get,
    path: "/api/v1/tenants",
    auth: Auth::ApiKey(Scope::TenantsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ReadTenant,
        DataAccess::ListTenants,
    ],
    summary: "List tenants, newest first",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// Entries of the page.
    limit: Option<String>,
    /// Entries to leave out.
    offset: Option<String>,
}

/// The published client sends no limit and expects all tenants in one response.
const LIMIT_DEFAULT: &str = "200";

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::TenantsRead>,
    QueryString(params): QueryString<QueryParams>,
) -> Result<axum::Json<Vec<TenantView>>, Problem> {
    let limit = params.limit.as_deref().unwrap_or(LIMIT_DEFAULT);
    let page_params = PageParams::parse(Some(limit), params.offset.as_deref())?;
    if page_params.offset > TENANTS_OFFSET_MAX {
        let message = format!("Input should be at most {TENANTS_OFFSET_MAX}");
        return Err(field_error(RequestPart::Query, "offset", message, "less_than_equal"));
    }
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let found = tenants::list(&cx, &caller.rights(), page_params.offset, page_params.limit).await?;
    Ok(axum::Json(found.iter().map(TenantView::new).collect()))
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use serde_json::Value;

    use super::*;
    use crate::testing::{ADMIN, OPERATOR, READER, TestApp, tenant};

    async fn list_tenant_names(app: &TestApp, key: &str, query: &str) -> Vec<String> {
        let response = app.call(ENDPOINT, &format!("/api/v1/tenants{query}"), key, Value::Null).await;
        let tenants = response.json.as_array().unwrap_or_else(|| panic!("{}", response.json)).clone();
        tenants.iter().map(|tenant| tenant["name"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn operator_lists_all_tenants_admin_only_own() {
        let app = TestApp::new().await;
        assert_eq!(list_tenant_names(&app, ADMIN, "").await, Vec::<String>::new());
        app.create_own_tenant(|_| {}).await;
        for name in ["Other", "Third"] {
            app.create_tenant(name, Tier::Pro).await;
        }
        assert_eq!(list_tenant_names(&app, OPERATOR, "").await, ["Third", "Other", "Own"]);
        assert_eq!(list_tenant_names(&app, OPERATOR, "?limit=1&offset=1").await, ["Other"]);
        assert_eq!(list_tenant_names(&app, OPERATOR, "?offset=3").await, Vec::<String>::new());
        assert_eq!(list_tenant_names(&app, ADMIN, "").await, ["Own"]);
        assert_eq!(app.call(ENDPOINT, "/api/v1/tenants", READER, Value::Null).await.status.as_u16(), 403);
        let path = format!("/api/v1/tenants/{}", tenant());
        app.call(crate::tenants::delete::ENDPOINT, &path, OPERATOR, Value::Null).await;
        assert_eq!(list_tenant_names(&app, OPERATOR, "").await, ["Third", "Other"]);
        for query in ["?limit=0", "?limit=201", "?offset=-1", "?offset=10001"] {
            let refused = app.call(ENDPOINT, &format!("/api/v1/tenants{query}"), OPERATOR, Value::Null).await;
            assert_eq!(refused.status.as_u16(), 400, "{query}");
        }
    }
}
