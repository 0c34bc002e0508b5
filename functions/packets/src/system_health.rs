//! `GET /api/v1/system/health`: returns detailed statistics of the caller's tenant. Only averages of nothing and figures
//! of a database server, which this service does not have, are null.

use axum::extract::State as Extract;
use axum::routing::{MethodRouter, get};
use futures_util::{StreamExt, TryStreamExt};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Packet, State};
use handrail_domain::time::{DAY_MS, Timestamp};
use handrail_domain::webhook::WebhookId;
use handrail_platform::fault::Fault;
use handrail_store::{ApiKey, Filter, Order, PageRequest, Webhook, WebhookDeliveryState};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::ViaApiGateway;
use handrail_web::problem::Problem;
use handrail_web::request_counts::RequestCounts;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::agent_activity::AgentActivity;
use crate::door::DOOR;
use crate::stats::HOUR_MS;
use crate::tenant_stats::TenantStats;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-system-health",
    method: HttpMethod::Get,
    path: "/api/v1/system/health",
    auth: Auth::ApiKey(Scope::SystemRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ReadJournal,
        DataAccess::FindByFilter,
        DataAccess::FindOverdue,
        DataAccess::ReadCounts,
        DataAccess::ListKeys,
        DataAccess::ListWebhooks,
        DataAccess::CountWebhookDeliveries,
    ],
    summary: "Report detailed statistics of the account's packets",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// Detailed statistics of an account's packets. Figures of a database server are null.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SystemHealth")]
struct ResponseBody {
    version: &'static str,
    uptime_seconds: i64,
    environment: &'static str,
    database_backend: &'static str,
    total_packets: u64,
    packets_by_status: BTreeMap<&'static str, u64>,
    packets_created_last_1h: u64,
    packets_created_last_24h: u64,
    avg_time_to_claim_seconds: Option<f64>,
    avg_time_to_complete_seconds: Option<f64>,
    active_agents: usize,
    total_agents_seen: usize,
    top_agents: Vec<AgentCount>,
    packets_waiting: u64,
    oldest_waiting_packet_age_seconds: Option<i64>,
    claimed_not_completed: u64,
    total_webhooks: usize,
    recent_deliveries_1h: usize,
    failed_deliveries_1h: usize,
    avg_delivery_latency_ms: (),
    db_size_bytes: (),
    connection_pool: (),
    active_api_keys: usize,
    requests_last_1h_per_key: BTreeMap<String, u64>,
}

/// Packets of an agent.
#[derive(Serialize, JsonSchema)]
struct AgentCount {
    agent_id: String,
    packet_count: usize,
}

async fn handler(
    Extract(cx): Extract<Cx>,
    caller: Caller<scopes::SystemRead>,
    ViaApiGateway(via_api_gateway): ViaApiGateway,
) -> Result<axum::Json<ResponseBody>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let (key, now) = (&caller.key, cx.clock.now());
    let stats = TenantStats::load(&cx, key.tenant).await?;
    let keys = cx.store.keys(key.tenant).await?;
    let hour_ago = now.plus_ms(-HOUR_MS);
    let agents = AgentActivity::load(&cx, key.tenant, &stats, hour_ago).await?;
    let top_agents =
        agents.top.into_iter().map(|(agent_id, packet_count)| AgentCount { agent_id, packet_count }).collect();
    let webhooks = cx.store.webhooks(key.tenant, Packet::KIND).await?;
    let (recent_deliveries, failed_deliveries) = deliveries_since(&cx, key, &webhooks, hour_ago).await?;
    let requests = cx
        .process_state::<RequestCounts>()
        .last_hour_by_key(key.tenant, now)
        .into_iter()
        .map(|(key, requests)| (key.to_string(), requests))
        .collect();
    let unfinished = [State::Claimed, State::InProgress, State::AwaitingHuman];
    let claimed_not_completed: u64 = unfinished.into_iter().map(|state| stats.count_in_state(state)).sum();
    Ok(axum::Json(ResponseBody {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: now.ms_since(cx.started_at) / 1000,
        environment: if via_api_gateway { "production" } else { "development" },
        database_backend: "dynamodb",
        total_packets: stats.totals.records(),
        packets_by_status: stats.counts_by_state(),
        packets_created_last_1h: stats.created_since(&cx, key.tenant, hour_ago).await?,
        packets_created_last_24h: stats.created_since(&cx, key.tenant, now.plus_ms(-DAY_MS)).await?,
        avg_time_to_claim_seconds: stats.totals.claims.average_seconds(),
        avg_time_to_complete_seconds: stats.totals.completions.average_seconds(),
        active_agents: agents.active,
        total_agents_seen: agents.seen,
        top_agents,
        packets_waiting: stats.count_in_state(State::Created),
        oldest_waiting_packet_age_seconds: oldest_waiting_seconds(&cx, key, now).await?,
        claimed_not_completed,
        total_webhooks: webhooks.len(),
        recent_deliveries_1h: recent_deliveries,
        failed_deliveries_1h: failed_deliveries,
        avg_delivery_latency_ms: (),
        db_size_bytes: (),
        connection_pool: (),
        active_api_keys: keys.iter().filter(|key| key.revoked_at.is_none()).count(),
        requests_last_1h_per_key: requests,
    }))
}

/// Age of the oldest packet that waits for an agent, or `None` if no packet waits.
async fn oldest_waiting_seconds(cx: &Cx, key: &ApiKey, now: Timestamp) -> Result<Option<i64>, Fault> {
    let filter: Filter<Packet> = Filter { states: Some(vec![State::Created]), ..Filter::default() };
    let page = PageRequest { limit: 1, offset: 0, cursor: None, order: Order::OldestFirst, bytes_max: 0 };
    let found = cx.store.find(key.tenant, &filter, &page, now).await?;
    Ok(found.records.first().map(|oldest| now.ms_since(oldest.record.created_at) / 1000))
}

/// Counts the deliveries created since a time, and those of them whose last attempt failed.
async fn deliveries_since(
    cx: &Cx,
    key: &ApiKey,
    webhooks: &[Webhook],
    since: Timestamp,
) -> Result<(usize, usize), Fault> {
    let failed = [WebhookDeliveryState::Failed, WebhookDeliveryState::DeadLetter].map(Some);
    let (mut recent_count, mut failed_count) = (0, 0);
    let ids: Vec<WebhookId> = webhooks.iter().map(|webhook| webhook.id).collect();
    let counts = futures_util::stream::iter(ids)
        .map(|id| async move {
            let count = |state| cx.store.count_webhook_deliveries(key.tenant, id, state, since);
            Ok::<_, Fault>((count(None).await?, count(failed[0]).await? + count(failed[1]).await?))
        })
        .buffered(WEBHOOK_CONCURRENCY);
    let counts: Vec<_> = counts.try_collect().await?;
    for (recent, failed) in counts {
        recent_count += recent;
        failed_count += failed;
    }
    Ok((recent_count, failed_count))
}

/// Webhooks whose deliveries are counted concurrently.
const WEBHOOK_CONCURRENCY: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, AGENT, TestApp, checkpoint_body};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn system_health_reports_waiting_packets_and_average_times() {
        let app = TestApp::new().await;
        let completed = app.create_claimed_packet().await;
        app.advance(10);
        let path = format!("/api/v1/packets/{completed}");
        app.call(crate::patch::ENDPOINT, &path, AGENT, json!({"status": "completed"})).await;
        app.create_packet().await;
        app.advance(60 * 60);
        app.create_packet().await;
        app.create_claimed_packet().await;
        app.create_packet_with(checkpoint_body()).await;
        app.run_dispatcher().await;
        let response = app.call(ENDPOINT, "/api/v1/system/health", ADMIN, Value::Null).await.json;
        let expected = [
            ("total_packets", json!(5)),
            ("packets_created_last_1h", json!(4)),
            ("packets_created_last_24h", json!(5)),
            ("avg_time_to_claim_seconds", json!(0.0)),
            ("avg_time_to_complete_seconds", json!(10.0)),
            ("packets_waiting", json!(2)),
            ("oldest_waiting_packet_age_seconds", json!(3_600)),
            ("claimed_not_completed", json!(2)),
            ("active_api_keys", json!(4)),
            ("uptime_seconds", json!(3_610)),
            ("environment", json!("development")),
            ("active_agents", json!(2)),
            ("total_agents_seen", json!(2)),
            ("top_agents", json!([{"agent_id": "a-1", "packet_count": 5}, {"agent_id": "b-1", "packet_count": 5}])),
            ("total_webhooks", json!(0)),
            ("recent_deliveries_1h", json!(0)),
            ("db_size_bytes", Value::Null),
        ];
        for (name, value) in expected {
            assert_eq!(response[name], value, "{name}: {response}");
        }
        assert!(
            response["requests_last_1h_per_key"].as_object().unwrap().values().all(|count| count.as_u64() > Some(0))
        );
        let nullable = ["avg_delivery_latency_ms", "db_size_bytes", "connection_pool"];
        for (name, value) in response.as_object().unwrap() {
            assert!(!value.is_null() || nullable.contains(&name.as_str()), "{name} is null");
        }
    }

    #[tokio::test]
    async fn oldest_waiting_age_is_null_without_packets() {
        let app = TestApp::new().await;
        let response = app.call(ENDPOINT, "/api/v1/system/health", ADMIN, Value::Null).await;
        assert_eq!(
            (response.status.as_u16(), &response.json["oldest_waiting_packet_age_seconds"]),
            (200, &Value::Null)
        );
    }
}
