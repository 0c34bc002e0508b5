//! `GET /api/agents`: all that are registered, by their ids.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::{Value, json};

use crate::agents::shown;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-agent-list",
    method: Verb::Get,
    path: "/api/agents",
    auth: Auth::Key(Scope::PacketsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ListAgents],
    summary: "List the agents that take conversations",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(State(cx): State<Cx>, caller: Caller<right::PacketsRead>) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let agents = cx.store.agents(caller.key.tenant).await?;
    let now = cx.clock.now();
    let agents: Vec<Value> = agents.iter().map(|agent| shown(agent, now)).collect();
    Ok(axum::Json(json!({"agents": agents})))
}

#[cfg(test)]
mod tests {
    use handrail_kernel::store::AgentSaid;

    use super::*;
    use crate::testing::{AGENT, Desk, NOON, tenant};

    /// More than one answer of the table holds.
    #[tokio::test]
    async fn all_are_listed_however_long_they_are_called() {
        let desk = Desk::new().await;
        for number in 0..500 {
            let name = format!("{number:03}{}", "\u{4e2d}".repeat(250));
            let said = AgentSaid { name: &name, enabled: true, is_static: true, open_max: None };
            desk.cx.store.put_agent(tenant(), &name, said, NOON).await.unwrap();
        }
        let listed = desk.call(ENDPOINT, "/api/agents", AGENT, Value::Null).await;
        let agents = listed.json["agents"].as_array().unwrap();
        let begins = agents.iter().map(|agent| agent["id"].as_str().unwrap()[..3].parse::<usize>().unwrap());
        assert!(begins.eq(0..500), "{}", agents.len());
    }
}
