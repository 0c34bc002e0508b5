//! `GET /health`: this process answers, as clients of packets ask it. It asks nobody else; `GET /ready` does.

use axum::routing::{MethodRouter, get};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Verb};
use handrail_kernel::settings::Need;
use serde_json::{Value, json};

use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-health",
    method: Verb::Get,
    path: "/health",
    auth: Auth::Public,
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[],
    summary: "Is anybody there who hands packets over?",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

/// As it was published: clients compare it.
pub(crate) const SERVICE: &str = "handoffrail";

async fn handler() -> axum::Json<Value> {
    axum::Json(json!({"status": "ok", "service": SERVICE, "version": env!("CARGO_PKG_VERSION")}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Desk;

    #[tokio::test]
    async fn a_process_says_that_it_is_there() {
        let answer = Desk::new().await.send(ENDPOINT, "/health", http::Request::builder(), "").await;
        assert_eq!((answer.status.as_u16(), &answer.json["status"]), (200, &json!("ok")));
        assert_eq!(answer.json["service"], "handoffrail");
    }
}
