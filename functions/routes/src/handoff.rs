//! `POST /api/agents/handoff`: the same as `POST /api/agents/route-handoff`, as some clients call it.

use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::settings::Need;

use crate::dialect::DIALECT;
use crate::route_handoff::handler;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-handoff",
    method: Verb::Post,
    path: "/api/agents/handoff",
    auth: Auth::Key(Scope::PacketsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadAgent, Touch::CountByFacet, Touch::Create],
    summary: "Hand a conversation over to another agent, under its other name",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}
