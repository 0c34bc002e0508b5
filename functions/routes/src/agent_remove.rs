//! `DELETE /api/agents/{id}`: removes an agent, which receives no more handoffs.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::json_response::NoContent;
use handrail_web::problem::Problem;

use crate::agents::{agent_not_found, is_valid_id};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-agent-remove",
    method: HttpMethod::Delete,
    path: "/api/agents/{id}",
    auth: Auth::ApiKey(Scope::PacketsWork),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::DeleteAgent],
    summary: "Remove an agent",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsWork>,
    PathParam(id): PathParam,
) -> Result<NoContent, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    match is_valid_id(&id) && cx.store.delete_agent(caller.key.tenant, &id).await? {
        true => Ok(NoContent),
        false => Err(agent_not_found(&id)),
    }
}
