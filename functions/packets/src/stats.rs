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
