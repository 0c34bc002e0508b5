//! `POST /api/agents/handoff`: alias of `POST /api/agents/route-handoff` for clients that use this URL.

use axum::routing::{MethodRouter, post};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};

use crate::door::DOOR;
use crate::route_handoff::handler;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-handoff",
    method: HttpMethod::Post,
    path: "/api/agents/handoff",
    auth: Auth::ApiKey(Scope::HandoffsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ReadAgent,
        DataAccess::CountByFilter,
        DataAccess::Create,
    ],
    summary: "Hand a conversation over to another agent (alias)",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[404])
}
