//! `GET /api/v1/system/health`: the account's figures at length. Only of the account that asks: there is no key that sees
//! another one's. What means nothing here is null.

use axum::extract::State as Extract;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::packet::{Packet, State};
use handrail_domain::time::Timestamp;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::{Filter, Key, Order, Page};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::figures::Figures;
use crate::stats::{DAY_MS, HOUR_MS};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-system-health",
    method: Verb::Get,
    path: "/api/v1/system/health",
    auth: Auth::Key(Scope::SystemRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadFeed, Touch::FindByFacet, Touch::ListKeys],
    summary: "See how the account's packets get along",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(Extract(cx): Extract<Cx>, caller: Caller<right::SystemRead>) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let (key, now) = (&caller.key, cx.clock.now());
    let figures = Figures::read(&cx, key).await?;
    let keys = cx.store.keys(key.tenant).await?;
    let in_hand = figures.in_state(State::Claimed) + figures.in_state(State::InProgress);
    Ok(axum::Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": null,
        "environment": null,
        "database_backend": "dynamodb",
        "total_packets": figures.totals.records(),
        "packets_by_status": figures.by_state(),
        "packets_created_last_1h": figures.made_since(&cx, key, now.plus_ms(-HOUR_MS)).await?,
        "packets_created_last_24h": figures.made_since(&cx, key, now.plus_ms(-DAY_MS)).await?,
        "avg_time_to_claim_seconds": figures.totals.claims.average_seconds(),
        "avg_time_to_complete_seconds": figures.totals.completions.average_seconds(),
        "active_agents": null,
        "total_agents_seen": null,
        "top_agents": null,
        "packets_waiting": figures.in_state(State::Created),
        "oldest_waiting_packet_age_seconds": oldest_waiting_seconds(&cx, key, now).await?,
        "claimed_not_completed": in_hand,
        "total_webhooks": null,
        "recent_deliveries_1h": null,
        "failed_deliveries_1h": null,
        "avg_delivery_latency_ms": null,
        "db_size_bytes": null,
        "connection_pool": null,
        "active_api_keys": keys.iter().filter(|key| key.revoked_at.is_none()).count(),
        "requests_last_1h_per_key": null,
    })))
}

/// Of what lies there for an agent. `None`: nothing does.
async fn oldest_waiting_seconds(cx: &Cx, key: &Key, now: Timestamp) -> Result<Option<i64>, Fault> {
    let filter: Filter<Packet> = Filter { states: Some(vec![State::Created]), ..Filter::default() };
    let page = Page { limit: 1, offset: 0, after: None, order: Order::OldestFirst, bytes_max: 0 };
    let found = cx.store.find(key.tenant, &filter, &page, now).await?;
    Ok(found.records.first().map(|oldest| now.ms_since(oldest.record.created_at) / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk};

    #[tokio::test]
    async fn it_tells_what_waits_and_how_long_things_take() {
        let desk = Desk::new().await;
        let done = desk.claimed().await;
        desk.advance(10);
        let path = format!("/api/v1/packets/{done}");
        desk.call(crate::patch::ENDPOINT, &path, AGENT, json!({"status": "completed"})).await;
        desk.made().await;
        desk.advance(60 * 60);
        desk.made().await;
        desk.claimed().await;
        desk.dispatched().await;
        let seen = desk.call(ENDPOINT, "/api/v1/system/health", ADMIN, Value::Null).await.json;
        let expected = [
            ("total_packets", json!(4)),
            ("packets_created_last_1h", json!(3)),
            ("packets_created_last_24h", json!(4)),
            ("avg_time_to_claim_seconds", json!(0.0)),
            ("avg_time_to_complete_seconds", json!(10.0)),
            ("packets_waiting", json!(2)),
            ("oldest_waiting_packet_age_seconds", json!(3_600)),
            ("claimed_not_completed", json!(1)),
            ("active_api_keys", json!(4)),
            ("db_size_bytes", Value::Null),
        ];
        for (name, value) in expected {
            assert_eq!(seen[name], value, "{name}: {seen}");
        }
    }

    #[tokio::test]
    async fn where_nothing_waits_nothing_is_old() {
        let desk = Desk::new().await;
        let seen = desk.call(ENDPOINT, "/api/v1/system/health", ADMIN, Value::Null).await;
        assert_eq!((seen.status.as_u16(), &seen.json["oldest_waiting_packet_age_seconds"]), (200, &Value::Null));
    }
}
