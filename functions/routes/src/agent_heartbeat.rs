//! `POST /api/agents/{id}/heartbeat`: it is there for another while.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
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
    function: "routes-agent-heartbeat",
    method: Verb::Post,
    path: "/api/agents/{id}/heartbeat",
    auth: Auth::Key(Scope::PacketsWork),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::KeepAgent],
    summary: "An agent says that it is there",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

/// Nothing is read of a body: some clients send an empty object, some nothing.
async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsWork>,
    Segment(id): Segment,
) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let now = cx.clock.now();
    let heard = match is_id(&id) {
        true => cx.store.hear_of_agent(caller.key.tenant, &id, now).await?,
        false => None,
    };
    heard.map(|agent| axum::Json(shown(&agent, now))).ok_or_else(|| unknown(&id))
}
