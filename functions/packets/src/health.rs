//! `GET /health`: reports that this process runs, in the format of the packets API. `GET /ready` checks the database.

use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, Endpoint, HttpMethod};
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-health",
    method: HttpMethod::Get,
    path: "/health",
    auth: Auth::Public,
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[],
    summary: "Check that the packets API runs",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// Published name of the service, which clients compare.
pub(crate) const SERVICE_NAME: &str = "handoffrail";

/// The packets API runs.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PacketsHealth")]
struct ResponseBody {
    status: &'static str,
    service: &'static str,
    version: &'static str,
}

async fn handler() -> axum::Json<ResponseBody> {
    axum::Json(ResponseBody { status: "ok", service: SERVICE_NAME, version: env!("CARGO_PKG_VERSION") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;
    use serde_json::json;

    #[tokio::test]
    async fn health_reports_ok_and_service_name() {
        let response = TestApp::new().await.send(ENDPOINT, "/health", http::Request::builder(), "").await;
        assert_eq!((response.status.as_u16(), &response.json["status"]), (200, &json!("ok")));
        assert_eq!(response.json["service"], "handoffrail");
    }
}
