//! `POST /api/agents/{id}/heartbeat`: records a heartbeat, which keeps the agent available.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
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
    function: "routes-agent-heartbeat",
    method: HttpMethod::Post,
    path: "/api/agents/{id}/heartbeat",
    auth: Auth::ApiKey(Scope::PacketsWork),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::PutAgent],
    summary: "Record a heartbeat of an agent",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// Ignores the body: some clients send an empty object, others send none.
async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsWork>,
    PathParam(id): PathParam,
) -> Result<axum::Json<AgentView>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let now = cx.clock.now();
    let updated = match is_valid_id(&id) {
        true => cx.store.record_heartbeat(caller.key.tenant, &id, now).await?,
        false => None,
    };
    updated.map(|agent| axum::Json(AgentView::new(&agent, now))).ok_or_else(|| agent_not_found(&id))
}
