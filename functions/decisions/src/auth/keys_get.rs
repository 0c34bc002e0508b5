//! `GET /auth/api-keys/{id}`: returns an API key without its secret.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::api_keys::find;
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{TenantAdmin, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;

use super::{KEY_NOT_FOUND, KeyView, key_problem};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-get",
    method: HttpMethod::Get,
    path: "/auth/api-keys/{id}",
    auth: Auth::ApiKeyOrSession(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Callbacks)],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::ReadKey,
    ],
    summary: "Get an API key",
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
    caller: TenantAdmin<scopes::KeysWrite>,
    PathParam(id): PathParam,
) -> Result<axum::Json<KeyView>, Problem> {
    let id = id.parse().map_err(|_| KEY_NOT_FOUND)?;
    caller.check_limit(&cx).await?;
    let found = find(&cx, &caller.rights(), caller.tenant(), id).await.map_err(key_problem)?;
    Ok(axum::Json(KeyView::new(&cx, &found.key)?))
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use serde_json::Value;

    use super::*;
    use crate::testing::{ADMIN, AGENT, TestApp, api_key};

    #[tokio::test]
    async fn key_has_the_same_json_as_listed() {
        let app = TestApp::new().await;
        let path = format!("/auth/api-keys/{}", api_key(Role::Agent, AGENT).id);
        let response = app.call(ENDPOINT, &path, ADMIN, Value::Null).await;
        let listed = app.call(crate::auth::me::ENDPOINT, "/auth/me", AGENT, Value::Null).await;
        assert_eq!((response.status.as_u16(), &response.json), (200, &listed.json["api_keys"][0]));
    }
}
