//! `GET /ready`: the table answers. For load balancers and start scripts; one read of an item that is never there.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::settings::Need;
use http::StatusCode;
use serde_json::json;

use crate::dialect::DIALECT;
use crate::health::SERVICE;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-ready",
    method: Verb::Get,
    path: "/ready",
    auth: Auth::Public,
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::ProbeTable],
    summary: "Can anything be handed over just now?",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(State(cx): State<Cx>) -> Response {
    let answers = cx.store.answers().await;
    if let Err(fault) = &answers {
        tracing::warn!(fault = fault.chain(), "the table does not answer");
    }
    let (status, word) = match answers {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    let body = json!({"status": word, "service": SERVICE, "db": status == StatusCode::OK});
    (status, axum::Json(body)).into_response()
}
