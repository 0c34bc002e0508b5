//! `GET /api/agents/{id}`: who it is, and whether it is there.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use crate::agents::{is_id, shown, unknown};
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-agent-get",
    method: Verb::Get,
    path: "/api/agents/{id}",
    auth: Auth::Key(Scope::PacketsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadAgent],
    summary: "See an agent that takes conversations",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsRead>,
    Segment(id): Segment,
) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let agent = match is_id(&id) {
        true => cx.store.agent(caller.key.tenant, &id).await?,
        false => None,
    };
    agent.map(|agent| axum::Json(shown(&agent, cx.clock.now()))).ok_or_else(|| unknown(&id))
}
