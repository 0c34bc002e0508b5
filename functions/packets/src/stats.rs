//! `GET /api/v1/stats`: returns a summary of the tenant's statistics.

use axum::extract::State as Extract;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::State;
use handrail_domain::time::DAY_MS;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::door::DOOR;
use crate::tenant_stats::TenantStats;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-stats",
    method: HttpMethod::Get,
    path: "/api/v1/stats",
    auth: Auth::ApiKey(Scope::SystemRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadJournal],
    summary: "Summarize the account's packet statistics",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

pub(crate) const HOUR_MS: i64 = 60 * 60 * 1000;

/// Summary of an account's packets.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Stats")]
struct ResponseBody {
    total_packets: u64,
    packets_by_status: BTreeMap<&'static str, u64>,
    packets_last_24h: u64,
    avg_claim_time_seconds: Option<f64>,
    hitl_queue_depth: u64,
    /// Of this process. On AWS there are none.
    active_ws_connections: usize,
}

async fn handler(
    Extract(cx): Extract<Cx>,
    caller: Caller<scopes::SystemRead>,
) -> Result<axum::Json<ResponseBody>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let stats = TenantStats::load(&cx, caller.key.tenant).await?;
    let yesterday = cx.clock.now().plus_ms(-DAY_MS);
    Ok(axum::Json(ResponseBody {
        total_packets: stats.totals.records(),
        packets_by_status: stats.counts_by_state(),
        packets_last_24h: stats.created_since(&cx, caller.key.tenant, yesterday).await?,
        avg_claim_time_seconds: stats.totals.claims.average_seconds(),
        hitl_queue_depth: stats.count_in_state(State::AwaitingHuman),
        // Counts the connections of this process. On AWS there are none.
        active_ws_connections: cx
            .process_state::<handrail_web::live_connections::LiveConnections>()
            .web_socket_count(caller.key.tenant),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, AGENT, TestApp, WRITER, checkpoint_body};
    use serde_json::{Value, json};

    async fn get_stats(app: &TestApp) -> Value {
        let response = app.call(ENDPOINT, "/api/v1/stats", ADMIN, Value::Null).await;
        assert_eq!(response.status.as_u16(), 200, "{}", response.json);
        response.json
    }

    #[tokio::test]
    async fn stats_of_new_tenant_are_zero() {
        let stats = get_stats(&TestApp::new().await).await;
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
        assert_eq!(stats, expected);
    }

    #[tokio::test]
    async fn stats_count_packets_by_status_and_time() {
        let app = TestApp::new().await;
        let old = app.create_packet().await;
        app.advance(24 * 60 * 60);
        let late = app.create_packet().await;
        app.advance(6);
        for id in [old, late] {
            let claim = crate::testing::claim_body("b-1");
            app.call(crate::claim::ENDPOINT, &format!("/api/v1/packets/{id}/claim"), AGENT, claim).await;
        }
        app.create_packet_with(checkpoint_body()).await;
        app.run_dispatcher().await;
        let stats = get_stats(&app).await;
        // The old packet expired before the claim.
        let states = &stats["packets_by_status"];
        assert_eq!(
            (&states["expired"], &states["claimed"], &states["awaiting_human"]),
            (&json!(1), &json!(1), &json!(1))
        );
        assert_eq!((&stats["total_packets"], &stats["packets_last_24h"]), (&json!(3), &json!(2)));
        assert_eq!((&stats["avg_claim_time_seconds"], &stats["hitl_queue_depth"]), (&json!(6.0), &json!(1)));
    }

    #[tokio::test]
    async fn stats_require_admin_role() {
        let app = TestApp::new().await;
        let refused = app.call(ENDPOINT, "/api/v1/stats", WRITER, Value::Null).await;
        assert_eq!(refused.error(), (403, "Insufficient permissions. Required role: admin, current role: writer"));
    }
}
