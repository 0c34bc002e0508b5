//! `GET /ready`: reports whether the table responds, for load balancers and start scripts. Reads an absent item.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::DOOR;
use crate::health::SERVICE_NAME;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-ready",
    method: HttpMethod::Get,
    path: "/ready",
    auth: Auth::Public,
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::ProbeTable],
    summary: "Check that the packets API can reach its table",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).json::<ResponseBody>(200).json::<ResponseBody>(503)
}

/// Whether the table responds.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PacketsReadiness")]
struct ResponseBody {
    status: &'static str,
    service: &'static str,
    db: bool,
}

async fn handler(State(cx): State<Cx>) -> Response {
    let result = cx.store.check_ready().await;
    if let Err(fault) = &result {
        tracing::warn!(fault = fault.with_causes(), "the table does not respond");
    }
    let (status, status_text) = match result {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    let body = ResponseBody { status: status_text, service: SERVICE_NAME, db: status == StatusCode::OK };
    (status, axum::Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use handrail_store::Store;
    use serde_json::json;

    use super::*;
    use crate::testing::TestApp;

    #[tokio::test]
    async fn ready_reports_whether_the_table_responds() {
        let app = TestApp::new().await;
        let get_ready = |cx: Cx| app.send_with_cx(cx, ENDPOINT, "/ready", http::Request::builder(), "");
        let ready = get_ready(app.cx.clone()).await;
        assert_eq!(
            (ready.status.as_u16(), ready.json),
            (200, json!({"status": "ready", "service": SERVICE_NAME, "db": true}))
        );
        let missing_table = Store::new(app.client(), "nothing-there");
        let not_ready =
            get_ready(Cx::new(missing_table, app.cx.clock.clone(), app.cx.entropy.clone(), app.cx.settings.clone()))
                .await;
        let expected = json!({"status": "not_ready", "service": SERVICE_NAME, "db": false});
        assert_eq!((not_ready.status.as_u16(), not_ready.json), (503, expected));
    }
}
