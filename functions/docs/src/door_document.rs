//! `GET /openapi/{door}`: returns the OpenAPI document of one door. The name ends with `.json`.

use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_web::descriptions::{Description, JSON};
use handrail_web::endpoint::{Auth, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;

use crate::documents::{DOORS, document_response};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "docs-openapi-door",
    method: HttpMethod::Get,
    path: "/openapi/{door}",
    auth: Auth::Public,
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[],
    summary: "Get the OpenAPI document of one door, such as decisions.json",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).text(200, JSON)
}

async fn handler(PathParam(name): PathParam) -> Result<Response, Problem> {
    let document = DOORS.into_iter().find(|(file, _)| *file == name);
    document.map(|(_, text)| document_response(text)).ok_or(Problem::NotFound { resource: "Document" })
}
