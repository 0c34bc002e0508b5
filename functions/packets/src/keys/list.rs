//! `GET /api/v1/keys`: lists the tenant's API keys, newest first, including revoked ones.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::api_keys;
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;

use super::KeyView;
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "keys-list",
    method: HttpMethod::Get,
    path: "/api/v1/keys",
    auth: Auth::ApiKey(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ListKeys],
    summary: "List the account's API keys of the packets API",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

async fn handler(State(cx): State<Cx>, caller: Caller<scopes::KeysWrite>) -> Result<axum::Json<Vec<KeyView>>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let keys = api_keys::list(&cx, &caller.rights(), caller.key.tenant).await?;
    Ok(axum::Json(keys.iter().map(KeyView::new).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, AGENT, OPERATOR, TestApp, tenant};

    #[tokio::test]
    async fn key_list_hides_secrets_and_operator_keys() {
        let app = TestApp::new().await;
        let listed = app.call(ENDPOINT, "/api/v1/keys", ADMIN, Value::Null).await;
        let keys = listed.json.as_array().unwrap();
        assert!(keys.iter().all(|key| key["key"].is_null() && key["tenant_id"] == json!(tenant())), "{}", listed.json);
        let roles: Vec<_> = keys.iter().map(|key| key["role"].as_str().unwrap()).collect();
        assert!(roles.contains(&"admin") && !roles.contains(&"operator"), "{roles:?}");
        assert_eq!(app.call(ENDPOINT, "/api/v1/keys", AGENT, Value::Null).await.status.as_u16(), 403);
        let own = app.call(ENDPOINT, "/api/v1/keys", OPERATOR, Value::Null).await;
        assert_eq!(own.json.as_array().unwrap().len(), 1);
    }
}
