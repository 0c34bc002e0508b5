//! `DELETE /api/v1/keys/{id}`: revokes an API key. This process refuses the key at once, others after a few seconds.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_access::api_keys;
use handrail_access::{KeyError, RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::json_response::NoContent;
use handrail_web::problem::Problem;

use super::{TenantParam, parse_key_id};
use crate::body::QueryString;
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "keys-revoke",
    method: HttpMethod::Delete,
    path: "/api/v1/keys/{id}",
    auth: Auth::ApiKey(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::RevokeKey],
    summary: "Revoke an API key of the packets API",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409])
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::KeysWrite>,
    PathParam(id): PathParam,
    QueryString(params): QueryString<TenantParam>,
) -> Result<NoContent, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let rights = caller.rights();
    let revoked = api_keys::revoke(&cx, &rights, params.tenant(&rights)?, parse_key_id(&id)?).await;
    match revoked.map_err(|error| params.key_problem(error, &id))? {
        true => Ok(NoContent),
        false => Err(params.key_problem(KeyError::AlreadyRevoked, &id)),
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use serde_json::Value;

    use super::*;
    use crate::testing::{ADMIN, AGENT, OPERATOR, TestApp, api_key};

    #[tokio::test]
    async fn revoked_key_is_refused_immediately() {
        let app = TestApp::new().await;
        let path = format!("/api/v1/keys/{}", api_key(Role::Agent).id);
        let revoked = app.call(ENDPOINT, &path, ADMIN, Value::Null).await;
        assert_eq!((revoked.status.as_u16(), revoked.body.len()), (204, 0));
        let repeat = app.call(ENDPOINT, &path, ADMIN, Value::Null).await;
        assert_eq!(repeat.error(), (409, "API key is already revoked"));
        let refused = app.call(crate::list::ENDPOINT, "/api/v1/packets", AGENT, Value::Null).await;
        assert_eq!(refused.error(), (403, "API key has been revoked"));
    }

    #[tokio::test]
    async fn key_of_other_tenant_is_not_found() {
        let app = TestApp::new().await;
        let operators = api_key(Role::Operator).id;
        for id in [operators.to_string(), "no-id".to_owned()] {
            let refused = app.call(ENDPOINT, &format!("/api/v1/keys/{id}"), ADMIN, Value::Null).await;
            assert_eq!(refused.error(), (404, format!("API key {id} not found").as_str()));
        }
        let path_with_tenant = format!("/api/v1/keys/{}?tenant_id={}", operators, api_key(Role::Operator).tenant);
        assert_eq!(app.call(ENDPOINT, &path_with_tenant, ADMIN, Value::Null).await.status.as_u16(), 404);
        let agents = format!("/api/v1/keys/{}", api_key(Role::Agent).id);
        assert_eq!(app.call(ENDPOINT, &agents, OPERATOR, Value::Null).await.status.as_u16(), 404);
        let agents_with_tenant = format!("{agents}?tenant_id={}", api_key(Role::Agent).tenant);
        assert_eq!(app.call(ENDPOINT, &agents_with_tenant, OPERATOR, Value::Null).await.status.as_u16(), 204);
    }
}
