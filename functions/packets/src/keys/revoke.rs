//! `DELETE /api/v1/keys/{id}`: revokes a key. This process refuses it at once, every other one a few seconds later.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Segment, right};
use handrail_kernel::minting;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Revoked;
use http::StatusCode;

use super::{Whose, find, revoked_already};
use crate::body::Asked;
use crate::caller::Caller;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "keys-revoke",
    method: Verb::Delete,
    path: "/api/v1/keys/{id}",
    auth: Auth::Key(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::RevokeKey],
    summary: "Revoke an API key at the packets door",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::KeysWrite>,
    Segment(id): Segment,
    Asked(whose): Asked<Whose>,
) -> Result<StatusCode, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let found = find(&cx, &caller.key, &whose, &id).await?;
    match minting::revoke(&cx, &found, cx.clock.now()).await? {
        Revoked::Now => Ok(StatusCode::NO_CONTENT),
        Revoked::Before | Revoked::Unknown => Err(revoked_already()),
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use serde_json::Value;

    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk, OPERATOR, key};

    #[tokio::test]
    async fn a_key_is_revoked_once_and_refused_from_then_on() {
        let desk = Desk::new().await;
        let path = format!("/api/v1/keys/{}", key(Role::Agent).id);
        let gone = desk.call(ENDPOINT, &path, ADMIN, Value::Null).await;
        assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
        let again = desk.call(ENDPOINT, &path, ADMIN, Value::Null).await;
        assert_eq!(again.refusal(), (409, "API key is already revoked"));
        let refused = desk.call(crate::list::ENDPOINT, "/api/v1/packets", AGENT, Value::Null).await;
        assert_eq!(refused.refusal(), (403, "API key has been revoked"));
    }

    #[tokio::test]
    async fn what_is_not_the_callers_is_not_there() {
        let desk = Desk::new().await;
        let operators = key(Role::Operator).id;
        for id in [operators.to_string(), "no-id".to_owned()] {
            let refused = desk.call(ENDPOINT, &format!("/api/v1/keys/{id}"), ADMIN, Value::Null).await;
            assert_eq!(refused.refusal(), (404, format!("API key {id} not found").as_str()));
        }
        let theirs = format!("/api/v1/keys/{}?tenant_id={}", operators, key(Role::Operator).tenant);
        assert_eq!(desk.call(ENDPOINT, &theirs, ADMIN, Value::Null).await.status.as_u16(), 404);
        let agents = format!("/api/v1/keys/{}", key(Role::Agent).id);
        assert_eq!(desk.call(ENDPOINT, &agents, OPERATOR, Value::Null).await.status.as_u16(), 404);
        let said = format!("{agents}?tenant_id={}", key(Role::Agent).tenant);
        assert_eq!(desk.call(ENDPOINT, &said, OPERATOR, Value::Null).await.status.as_u16(), 204);
    }
}
