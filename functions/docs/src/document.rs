//! `GET /openapi.json`: returns the OpenAPI document of all doors.

use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_web::descriptions::{Description, JSON};
use handrail_web::endpoint::{Auth, Endpoint, HttpMethod};

use crate::documents::{ALL_DOORS, document_response};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "docs-openapi",
    method: HttpMethod::Get,
    path: "/openapi.json",
    auth: Auth::Public,
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[],
    summary: "Get the OpenAPI document of all doors",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).text(200, JSON)
}

async fn handler() -> Response {
    document_response(ALL_DOORS)
}
