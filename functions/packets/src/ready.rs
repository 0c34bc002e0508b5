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

#[cfg(test)]
mod tests {
    use handrail_kernel::store::Store;

    use super::*;
    use crate::testing::Desk;

    #[tokio::test]
    async fn it_is_ready_while_the_table_answers_and_says_so_when_not() {
        let desk = Desk::new().await;
        let ask = |cx: Cx| desk.send_with(cx, ENDPOINT, "/ready", http::Request::builder(), "");
        let there = ask(desk.cx.clone()).await;
        assert_eq!(
            (there.status.as_u16(), there.json),
            (200, json!({"status": "ready", "service": SERVICE, "db": true}))
        );
        let away = Store::new(desk.client(), "nothing-there");
        let gone = ask(Cx::new(away, desk.cx.clock.clone(), desk.cx.entropy.clone(), desk.cx.settings.clone())).await;
        let expected = json!({"status": "not_ready", "service": SERVICE, "db": false});
        assert_eq!((gone.status.as_u16(), gone.json), (503, expected));
    }
}
