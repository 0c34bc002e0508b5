//! `GET /api/agents`: lists all registered agents by id.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use crate::agents::AgentView;
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-agent-list",
    method: HttpMethod::Get,
    path: "/api/agents",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ListAgents],
    summary: "List the agents that take conversations",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// All agents of an account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentList")]
struct ResponseBody {
    agents: Vec<AgentView>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRead>,
) -> Result<axum::Json<ResponseBody>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let agents = cx.store.agents(caller.key.tenant).await?;
    let now = cx.clock.now();
    Ok(axum::Json(ResponseBody { agents: agents.iter().map(|agent| AgentView::new(agent, now)).collect() }))
}

#[cfg(test)]
mod tests {
    use handrail_store::AgentUpdate;
    use serde_json::Value;

    use super::*;
    use crate::testing::{AGENT, NOON, TestApp, tenant};

    /// So many agents need more than one page of the table.
    #[tokio::test]
    async fn list_returns_all_agents_with_long_names() {
        let app = TestApp::new().await;
        for number in 0..500 {
            let name = format!("{number:03}{}", "\u{4e2d}".repeat(250));
            let update = AgentUpdate { name: &name, enabled: true, is_static: true, max_open_packets: None };
            app.cx.store.put_agent(tenant(), &name, update, NOON).await.unwrap();
        }
        let listed = app.call(ENDPOINT, "/api/agents", AGENT, Value::Null).await;
        let agents = listed.json["agents"].as_array().unwrap();
        let numbers = agents.iter().map(|agent| agent["id"].as_str().unwrap()[..3].parse::<usize>().unwrap());
        assert!(numbers.eq(0..500), "{}", agents.len());
    }
}
