//! `GET /auth/api-keys/{id}`: one key, without the key.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Segment, Steward, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use super::{NO_SUCH_KEY, shown};
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-get",
    method: Verb::Get,
    path: "/auth/api-keys/{id}",
    auth: Auth::KeyOrSession(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[Touch::LookUpKey, Touch::LookUpSession, Touch::Lease, Touch::ReadKey],
    summary: "See an API key",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(
    State(cx): State<Cx>,
    steward: Steward<right::KeysWrite>,
    Segment(id): Segment,
) -> Result<axum::Json<Value>, Problem> {
    let id = id.parse().map_err(|_| NO_SUCH_KEY)?;
    steward.spend(&cx).await?;
    let found = cx.store.find_key(steward.tenant(), id).await?.ok_or(NO_SUCH_KEY)?;
    Ok(axum::Json(shown(&cx, &found.key)?))
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;

    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk, key};

    #[tokio::test]
    async fn a_key_is_seen_as_it_is_listed() {
        let desk = Desk::new().await;
        let path = format!("/auth/api-keys/{}", key(Role::Agent, AGENT).id);
        let seen = desk.call(ENDPOINT, &path, ADMIN, Value::Null).await;
        let listed = desk.call(crate::auth::me::ENDPOINT, "/auth/me", AGENT, Value::Null).await;
        assert_eq!((seen.status.as_u16(), &seen.json), (200, &listed.json["api_keys"][0]));
    }
}
