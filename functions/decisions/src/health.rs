//! `GET /healthz`: reports that the process is up. Reads no database, because a slow database must not take healthy
//! processes down.

use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_web::endpoint::{Auth, Endpoint, HttpMethod};
use serde_json::{Value, json};

use handrail_approvals::errors::ERROR_RENDERER;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "health",
    method: HttpMethod::Get,
    path: "/healthz",
    auth: Auth::Public,
    error_renderer: ERROR_RENDERER,
    required_settings: &[RequiredSetting::Table],
    accesses: &[],
    summary: "Check the health of the service",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler() -> axum::Json<Value> {
    axum::Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;

    #[tokio::test]
    async fn health_check_works_without_database() {
        let response = TestApp::with_broken_database().submit_form(ENDPOINT, "/healthz", "").await;
        assert_eq!((response.status.as_u16(), &response.json["status"]), (200, &json!("ok")));
    }
}
