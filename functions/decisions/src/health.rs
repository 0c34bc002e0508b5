//! `GET /healthz`: this process answers. It asks nobody else, so that a slow database does not take healthy processes down.

use axum::routing::{MethodRouter, get};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Verb};
use handrail_kernel::settings::Need;
use serde_json::{Value, json};

use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "health",
    method: Verb::Get,
    path: "/healthz",
    auth: Auth::Public,
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[],
    summary: "Is anybody there?",
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
    use crate::testing::Desk;

    #[tokio::test]
    async fn a_process_answers_without_its_database() {
        let answer = Desk::without_a_table().browse(ENDPOINT, "/healthz", "").await;
        assert_eq!((answer.status.as_u16(), &answer.json["status"]), (200, &json!("ok")));
    }
}
