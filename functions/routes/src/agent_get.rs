//! `GET /api/agents/{id}`: returns an agent and its availability.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;

use crate::agents::{AgentView, agent_not_found, is_valid_id};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-agent-get",
    method: HttpMethod::Get,
    path: "/api/agents/{id}",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadAgent],
    summary: "Get an agent that takes conversations",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRead>,
    PathParam(id): PathParam,
) -> Result<axum::Json<AgentView>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let agent = match is_valid_id(&id) {
        true => cx.store.agent(caller.key.tenant, &id).await?,
        false => None,
    };
    agent.map(|agent| axum::Json(AgentView::new(&agent, cx.clock.now()))).ok_or_else(|| agent_not_found(&id))
}
