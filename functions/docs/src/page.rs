//! `GET /docs`: shows a page about all operations, made from the OpenAPI document.

use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, Endpoint, HttpMethod};

use crate::door::DOOR;
use crate::reference::reference_page;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "docs-page",
    method: HttpMethod::Get,
    path: "/docs",
    auth: Auth::Public,
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[],
    summary: "Read about all operations on a page",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).page(200)
}

async fn handler() -> Response {
    reference_page()
}
