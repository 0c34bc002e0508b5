//! `GET /api/v1/hooks`: who is called, and who was, newest first.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use super::hook_shown;
use crate::caller::Caller;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-list",
    method: Verb::Get,
    path: "/api/v1/hooks",
    auth: Auth::Key(Scope::HooksWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ListHooks],
    summary: "List the addresses that are called",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(State(cx): State<Cx>, caller: Caller<right::HooksWrite>) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let hooks = cx.store.hooks(caller.key.tenant, Packet::KIND).await?;
    Ok(axum::Json(hooks.iter().map(hook_shown).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::testing::made;
    use crate::testing::{Desk, WRITER};

    #[tokio::test]
    async fn the_newest_comes_first_and_the_inactive_stay() {
        let desk = Desk::new().await;
        let list = async || desk.call(ENDPOINT, "/api/v1/hooks", WRITER, Value::Null).await.json;
        assert_eq!(list().await, serde_json::json!([]));
        let first = made(&desk).await;
        desk.advance(1);
        let second = made(&desk).await;
        desk.call(crate::hooks::delete::ENDPOINT, &format!("/api/v1/hooks/{first}"), WRITER, Value::Null).await;
        let listed = list().await;
        let told: Vec<_> = listed.as_array().unwrap().iter().map(|hook| (&hook["id"], &hook["active"])).collect();
        let (first, second) = (first.to_string().into(), second.to_string().into());
        assert_eq!(told, [(&second, &true.into()), (&first, &false.into())]);
        assert!(listed.as_array().unwrap().iter().all(|hook| hook.get("secret").is_none()));
    }
}
