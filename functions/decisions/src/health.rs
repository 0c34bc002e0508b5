//! `GET /healthz`: reports that the process is up. Reads no database, because a slow database must not take healthy
//! processes down.

use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, Endpoint, HttpMethod};
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "health",
    method: HttpMethod::Get,
    path: "/healthz",
    auth: Auth::Public,
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[],
    summary: "Check the health of the service",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// The service runs.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Health")]
struct ResponseBody {
    status: &'static str,
    version: &'static str,
}

async fn handler() -> axum::Json<ResponseBody> {
    axum::Json(ResponseBody { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;
    use serde_json::json;

    #[tokio::test]
    async fn health_check_works_without_database() {
        let response = TestApp::with_broken_database().submit_form(ENDPOINT, "/healthz", "").await;
        assert_eq!((response.status.as_u16(), &response.json["status"]), (200, &json!("ok")));
    }
}
