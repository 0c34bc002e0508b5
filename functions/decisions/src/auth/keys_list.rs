//! `GET /auth/api-keys`: lists the tenant's API keys, newest first.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::api_keys::list;
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{TenantAdmin, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use super::KeyView;
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-list",
    method: HttpMethod::Get,
    path: "/auth/api-keys",
    auth: Auth::ApiKeyOrSession(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Callbacks)],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::ListKeys,
    ],
    summary: "List the account's API keys",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// All API keys of an account, newest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiKeyList")]
struct ResponseBody {
    api_keys: Vec<KeyView>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: TenantAdmin<scopes::KeysWrite>,
) -> Result<axum::Json<ResponseBody>, Problem> {
    caller.check_limit(&cx).await?;
    let keys = list(&cx, &caller.rights(), caller.tenant()).await?;
    let api_keys = keys.iter().map(|key| KeyView::new(&cx, key)).collect::<Result<_, _>>()?;
    Ok(axum::Json(ResponseBody { api_keys }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, AGENT, TestApp};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn admin_sees_all_keys_without_secrets() {
        let app = TestApp::new().await;
        let listed = app.call(ENDPOINT, "/auth/api-keys", ADMIN, Value::Null).await;
        let roles: Vec<_> = listed.json["api_keys"].as_array().unwrap().iter().map(|key| key["role"].clone()).collect();
        assert_eq!((listed.status.as_u16(), roles), (200, vec![json!("admin"), json!("app"), json!("agent")]));
        assert_eq!(app.call(ENDPOINT, "/auth/api-keys", AGENT, Value::Null).await.error(), (403, "FORBIDDEN"));
    }
}
