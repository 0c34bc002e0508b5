//! `DELETE /auth/api-keys/{id}`: an admin or the owner revokes an API key. All processes refuse it a few seconds later.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_access::api_keys::revoke;
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::ids::KeyId;
use handrail_web::caller::{TenantAdmin, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use super::{KEY_NOT_FOUND, key_problem};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-revoke",
    method: HttpMethod::Delete,
    path: "/auth/api-keys/{id}",
    auth: Auth::ApiKeyOrSession(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::RevokeKey,
    ],
    summary: "Revoke an API key",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// Revoked API key.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RevokedApiKey")]
struct ResponseBody {
    id: KeyId,
    is_active: bool,
}

/// Revokes the key. A repeat returns an equal response.
async fn handler(
    State(cx): State<Cx>,
    caller: TenantAdmin<scopes::KeysWrite>,
    PathParam(id): PathParam,
) -> Result<axum::Json<ResponseBody>, Problem> {
    let id = id.parse().map_err(|_| KEY_NOT_FOUND)?;
    caller.check_limit(&cx).await?;
    revoke(&cx, &caller.rights(), caller.tenant(), id).await.map_err(key_problem)?;
    Ok(axum::Json(ResponseBody { id, is_active: false }))
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::key_hash::hash_of_key;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{ADMIN, AGENT, MINUTE_MS, NOON, TestApp, api_key};

    #[tokio::test]
    async fn revoked_key_is_refused_immediately_by_this_process() {
        let app = TestApp::new().await;
        let id = api_key(Role::Agent, AGENT).id;
        let path = format!("/auth/api-keys/{id}");
        app.advance(1);
        // This request puts the key into the cache of the process.
        app.create_decision().await;
        for _ in 0..2 {
            let response = app.call(ENDPOINT, &path, ADMIN, Value::Null).await;
            assert_eq!((response.status.as_u16(), response.json), (200, json!({"id": id, "is_active": false})));
            let refused = app.call(crate::auth::me::ENDPOINT, "/auth/me", AGENT, Value::Null).await;
            assert_eq!(refused.error(), (401, "INVALID_KEY"));
            app.advance(1);
        }
        // The first revocation sets the time.
        let stored = app.cx.store.key_by_hash(&hash_of_key(AGENT)).await.unwrap().unwrap();
        assert_eq!(stored.revoked_at, Some(NOON.plus_ms(MINUTE_MS)));
    }
}
