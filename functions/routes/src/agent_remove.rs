//! `DELETE /api/agents/{id}`: nothing is handed to it any more.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;

use crate::agents::{is_id, unknown};
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-agent-remove",
    method: Verb::Delete,
    path: "/api/agents/{id}",
    auth: Auth::Key(Scope::PacketsWork),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::RemoveAgent],
    summary: "Take an agent out",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsWork>,
    Segment(id): Segment,
) -> Result<StatusCode, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    match is_id(&id) && cx.store.remove_agent(caller.key.tenant, &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(&id)),
    }
}
