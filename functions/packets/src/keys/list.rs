//! `GET /api/v1/keys`: the account's keys, newest first, those that were revoked too.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use super::{is_seen_by, shown};
use crate::caller::Caller;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "keys-list",
    method: Verb::Get,
    path: "/api/v1/keys",
    auth: Auth::Key(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ListKeys],
    summary: "List the account's API keys at the packets door",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(State(cx): State<Cx>, caller: Caller<right::KeysWrite>) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let keys = cx.store.keys(caller.key.tenant).await?;
    Ok(axum::Json(keys.iter().filter(|key| is_seen_by(&caller.key, key)).map(|key| shown(key, None)).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk, OPERATOR, tenant};

    #[tokio::test]
    async fn the_list_is_bare_and_shows_no_key() {
        let desk = Desk::new().await;
        let listed = desk.call(ENDPOINT, "/api/v1/keys", ADMIN, Value::Null).await;
        let keys = listed.json.as_array().unwrap();
        assert!(keys.iter().all(|key| key["key"].is_null() && key["tenant_id"] == json!(tenant())), "{}", listed.json);
        let roles: Vec<_> = keys.iter().map(|key| key["role"].as_str().unwrap()).collect();
        assert!(roles.contains(&"admin") && !roles.contains(&"operator"), "{roles:?}");
        assert_eq!(desk.call(ENDPOINT, "/api/v1/keys", AGENT, Value::Null).await.status.as_u16(), 403);
        let own = desk.call(ENDPOINT, "/api/v1/keys", OPERATOR, Value::Null).await;
        assert_eq!(own.json.as_array().unwrap().len(), 1);
    }
}
