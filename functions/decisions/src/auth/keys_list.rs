//! `GET /auth/api-keys`: the account's keys, newest first.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Steward, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::{Value, json};

use super::shown;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-list",
    method: Verb::Get,
    path: "/auth/api-keys",
    auth: Auth::KeyOrSession(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[Touch::LookUpKey, Touch::LookUpSession, Touch::Lease, Touch::ListKeys],
    summary: "List the account's API keys",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(State(cx): State<Cx>, steward: Steward<right::KeysWrite>) -> Result<axum::Json<Value>, Problem> {
    steward.spend(&cx).await?;
    let keys = cx.store.keys(steward.tenant()).await?;
    let api_keys = keys.iter().map(|key| shown(&cx, key)).collect::<Result<Vec<_>, _>>()?;
    Ok(axum::Json(json!({"api_keys": api_keys})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk};

    #[tokio::test]
    async fn an_admin_sees_every_key_and_no_secret() {
        let desk = Desk::new().await;
        let listed = desk.call(ENDPOINT, "/auth/api-keys", ADMIN, Value::Null).await;
        let roles: Vec<_> = listed.json["api_keys"].as_array().unwrap().iter().map(|key| key["role"].clone()).collect();
        assert_eq!((listed.status.as_u16(), roles), (200, vec![json!("admin"), json!("app"), json!("agent")]));
        assert_eq!(desk.call(ENDPOINT, "/auth/api-keys", AGENT, Value::Null).await.refusal(), (403, "FORBIDDEN"));
    }
}
