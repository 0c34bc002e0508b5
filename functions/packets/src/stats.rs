//! `GET /api/v1/stats`: the account's figures in short.

use axum::extract::State as Extract;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::packet::State;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::figures::Figures;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-stats",
    method: Verb::Get,
    path: "/api/v1/stats",
    auth: Auth::Key(Scope::SystemRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadFeed],
    summary: "See the account's packets in figures",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub(crate) const HOUR_MS: i64 = 60 * 60 * 1000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

async fn handler(Extract(cx): Extract<Cx>, caller: Caller<right::SystemRead>) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let figures = Figures::read(&cx, &caller.key).await?;
    let yesterday = cx.clock.now().plus_ms(-DAY_MS);
    Ok(axum::Json(json!({
        "total_packets": figures.totals.records(),
        "packets_by_status": figures.by_state(),
        "packets_last_24h": figures.made_since(&cx, &caller.key, yesterday).await?,
        "avg_claim_time_seconds": figures.totals.claims.average_seconds(),
        "hitl_queue_depth": figures.in_state(State::AwaitingHuman),
        // Of this process: on AWS there are none.
        "active_ws_connections": cx.feeds.sockets_of(caller.key.tenant),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk, WRITER, checkpoint};

    async fn stats(desk: &Desk) -> Value {
        let answer = desk.call(ENDPOINT, "/api/v1/stats", ADMIN, Value::Null).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.json);
        answer.json
    }

    #[tokio::test]
    async fn where_nothing_happened_the_figures_are_zero() {
        let seen = stats(&Desk::new().await).await;
        let expected = json!({
            "total_packets": 0,
            "packets_by_status": {
                "created": 0, "claimed": 0, "in_progress": 0, "awaiting_human": 0, "completed": 0, "failed": 0, "expired": 0,
            },
            "packets_last_24h": 0,
            "avg_claim_time_seconds": null,
            "hitl_queue_depth": 0,
            "active_ws_connections": 0,
        });
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn the_figures_are_those_of_what_happened() {
        let desk = Desk::new().await;
        let old = desk.made().await;
        desk.advance(24 * 60 * 60);
        let late = desk.made().await;
        desk.advance(6);
        for id in [old, late] {
            let claim = crate::testing::claim("b-1");
            desk.call(crate::claim::ENDPOINT, &format!("/api/v1/packets/{id}/claim"), AGENT, claim).await;
        }
        desk.made_of(checkpoint()).await;
        desk.dispatched().await;
        let seen = stats(&desk).await;
        // The old one was too late to be claimed.
        let states = &seen["packets_by_status"];
        assert_eq!(
            (&states["expired"], &states["claimed"], &states["awaiting_human"]),
            (&json!(1), &json!(1), &json!(1))
        );
        assert_eq!((&seen["total_packets"], &seen["packets_last_24h"]), (&json!(3), &json!(2)));
        assert_eq!((&seen["avg_claim_time_seconds"], &seen["hitl_queue_depth"]), (&json!(6.0), &json!(1)));
    }

    #[tokio::test]
    async fn only_an_admin_sees_them() {
        let desk = Desk::new().await;
        let refused = desk.call(ENDPOINT, "/api/v1/stats", WRITER, Value::Null).await;
        assert_eq!(refused.status.as_u16(), 403);
        assert!(refused.refusal().1.contains("the role admin"), "{}", refused.json);
    }
}
