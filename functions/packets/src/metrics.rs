//! `GET /metrics`: returns the tenant's statistics in the Prometheus text format, under the published names. Requests and
//! their latencies are those of the answering process; on AWS each function is a process of its own.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimit, RateLimitClass, check_key_limit, check_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Packet, State as PacketState};
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_store::ApiKey;
use handrail_web::caller::{authenticate, scopes};
use handrail_web::descriptions::{Argument, Description};
use handrail_web::door::Credential;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::client_ip;
use handrail_web::headers::bearer_token;
use handrail_web::problem::Problem;
use handrail_web::request_counts::{CountsByEndpoint, EndpointCounts, LATENCY_BUCKETS_MS, RequestCounts};
use http::header::CONTENT_TYPE;
use http::request::Parts;

use crate::agent_activity::AgentActivity;
use crate::door::DOOR;
use crate::hooks::STATE_NAMES;
use crate::tenant_stats::TenantStats;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-metrics",
    method: HttpMethod::Get,
    path: "/metrics",
    auth: Auth::ApiKey(Scope::SystemRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::MetricsNetwork],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ReadJournal,
        DataAccess::ListTenants,
        DataAccess::ListKeys,
        DataAccess::ListWebhooks,
        DataAccess::CountWebhookDeliveries,
        DataAccess::CountDeadLetters,
    ],
    summary: "Export the account's statistics for Prometheus",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).text(200, "text/plain")
}

/// Caller with its API key in `X-API-Key` or, as Prometheus sends it, in `Authorization: Bearer`; or a caller without a
/// key in the network that the setting opens the metrics to.
enum Scraper {
    Key(Box<ApiKey>),
    Network(IpAddr),
}

impl Argument for Scraper {
    fn describe(description: &mut Description) {
        description.problems.extend([401, 403, 429]);
    }
}

impl FromRequestParts<Cx> for Scraper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let secret = match Credential::ApiKeyHeader.find(&parts.headers)? {
            Some(secret) => Some(secret.to_owned()),
            None => bearer_token(&parts.headers).map(str::to_owned),
        };
        let Some(secret) = secret else {
            let address = client_ip(parts)
                .filter(|address| cx.settings.metrics_network.is_some_and(|network| network.contains(*address)));
            return address.map(Self::Network).ok_or(Problem::NoCredentials);
        };
        Ok(Self::Key(Box::new(authenticate::<scopes::SystemRead>(cx, parts, &secret).await?)))
    }
}

async fn handler(State(cx): State<Cx>, scraper: Scraper) -> Result<Response, Problem> {
    let tenants = match scraper {
        Scraper::Key(key) => {
            check_key_limit(&cx, &key, RateLimitClass::OtherRequests).await?;
            vec![key.tenant]
        }
        Scraper::Network(address) => {
            check_limit(&cx, RateLimit::per_client("metrics", &address.to_string(), SCRAPES_PER_MINUTE)).await?;
            cx.store.tenants(0, TENANTS_MAX).await?.into_iter().map(|tenant| tenant.tenant).collect()
        }
    };
    let mut figures = Figures::default();
    for tenant in tenants {
        figures.add(&cx, tenant).await?;
    }
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], figures.prometheus_text()).into_response())
}

/// Scrapes of a client without a key.
const SCRAPES_PER_MINUTE: u32 = 30;
/// Tenants that a scrape without a key adds up, the newest first.
const TENANTS_MAX: usize = 100;

/// Figures of one tenant, or the sums of several.
#[derive(Default)]
struct Figures {
    by_state: BTreeMap<&'static str, u64>,
    active: u64,
    created_by_tenant: Vec<(TenantId, u64)>,
    checkpoints: u64,
    responses: u64,
    longest_chain: u64,
    deliveries_by_status: BTreeMap<&'static str, u64>,
    dead_letters: u64,
    keys_created: u64,
    keys_revoked: u64,
    requests: CountsByEndpoint,
}

impl Figures {
    async fn add(&mut self, cx: &Cx, tenant: TenantId) -> Result<(), Fault> {
        let stats = TenantStats::load(cx, tenant).await?;
        for state in PacketState::ALL {
            *self.by_state.entry(state.name()).or_default() += stats.count_in_state(*state);
        }
        let active = [PacketState::Created, PacketState::Claimed, PacketState::InProgress, PacketState::AwaitingHuman];
        self.active += active.into_iter().map(|state| stats.count_in_state(state)).sum::<u64>();
        self.created_by_tenant.push((tenant, stats.created_count()));
        self.checkpoints += stats.totals.checkpoints;
        self.responses += stats.answered_count();
        let agents = AgentActivity::load(cx, tenant, &stats, cx.clock.now()).await?;
        self.longest_chain = self.longest_chain.max(agents.longest_chain);
        for webhook in cx.store.webhooks(tenant, Packet::KIND).await? {
            for (state, name) in STATE_NAMES {
                let since = Timestamp::from_unix_ms(0);
                let count = cx.store.count_webhook_deliveries(tenant, webhook.id, Some(state), since).await?;
                *self.deliveries_by_status.entry(name).or_default() += count as u64;
            }
        }
        self.dead_letters += cx.store.count_dead_letters(tenant, Packet::KIND).await? as u64;
        let keys = cx.store.keys(tenant).await?;
        self.keys_created += keys.len() as u64;
        self.keys_revoked += keys.iter().filter(|key| key.revoked_at.is_some()).count() as u64;
        for (endpoint, counts) in cx.process_state::<RequestCounts>().by_endpoint(tenant) {
            self.requests.entry(endpoint).or_default().add(&counts);
        }
        Ok(())
    }

    fn prometheus_text(&self) -> String {
        let unlabelled = |value| vec![(Vec::new(), value)];
        let labelled = |label, counts: &BTreeMap<&'static str, u64>| -> Vec<Sample> {
            counts.iter().map(|(name, count)| (vec![(label, (*name).to_owned())], *count)).collect()
        };
        let handoffs: Vec<Sample> = self
            .created_by_tenant
            .iter()
            .map(|(tenant, created)| (vec![("tenant_id", tenant.to_string())], *created))
            .collect();
        let key_operations = [("create", self.keys_created), ("revoke", self.keys_revoked)];
        let key_operations: Vec<Sample> = key_operations
            .into_iter()
            .map(|(operation, count)| (vec![("operation", operation.to_owned())], count))
            .collect();
        let active_help = "Packets that are not completed, failed or expired.";
        [
            metric_family("requests_total", "counter", "Requests that this process answered.", &self.request_samples()),
            self.latency_histogram(),
            metric_family("active_packets", "gauge", active_help, &unlabelled(self.active)),
            metric_family(
                "packet_status_count",
                "gauge",
                "Packets in each status.",
                &labelled("status", &self.by_state),
            ),
            metric_family("handoffs_total", "counter", "Packets created.", &handoffs),
            metric_family("hitl_checkpoints_total", "counter", "Checkpoints opened.", &unlabelled(self.checkpoints)),
            metric_family("hitl_responses_total", "counter", "Checkpoints answered.", &unlabelled(self.responses)),
            metric_family(
                "webhook_deliveries_total",
                "counter",
                "Webhook deliveries of the last 30 days.",
                &labelled("status", &self.deliveries_by_status),
            ),
            metric_family("webhook_dlq_size", "gauge", "Dead letters of webhooks.", &unlabelled(self.dead_letters)),
            metric_family("api_key_operations_total", "counter", "API keys created and revoked.", &key_operations),
            metric_family(
                "chain_depth",
                "gauge",
                "Packets in the longest chain of the newest events.",
                &unlabelled(self.longest_chain),
            ),
        ]
        .concat()
    }

    fn request_samples(&self) -> Vec<Sample> {
        let of_endpoint = |((method, path), counts): (&(&'static str, &'static str), &EndpointCounts)| {
            let labels = |status: &u16| {
                let (method, path) = ((*method).to_owned(), (*path).to_owned());
                vec![("method", method), ("endpoint", path), ("status_code", status.to_string())]
            };
            counts.by_status.iter().map(|(status, count)| (labels(status), *count)).collect::<Vec<Sample>>()
        };
        self.requests.iter().flat_map(of_endpoint).collect()
    }

    /// Writes the latencies as a histogram. Its buckets are cumulated, as the text format wants them.
    fn latency_histogram(&self) -> String {
        let name = "handoffrail_request_latency_seconds";
        let mut text = format!("# HELP {name} Time until a response began.\n# TYPE {name} histogram\n");
        for ((method, path), counts) in &self.requests {
            let labels = format!("method=\"{method}\",endpoint=\"{path}\"");
            let mut requests = 0;
            let bounds = LATENCY_BUCKETS_MS.into_iter().map(seconds_text).chain(["+Inf".to_owned()]);
            for (bound, count) in bounds.zip(counts.by_latency) {
                requests += count;
                text.push_str(&format!("{name}_bucket{{{labels},le=\"{bound}\"}} {requests}\n"));
            }
            let sum = seconds_text(counts.latency_sum_ms);
            text.push_str(&format!("{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {requests}\n"));
        }
        text
    }
}

/// Writes milliseconds as seconds, such as `0.25`.
fn seconds_text(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Labels of a metric and its value.
type Sample = (Vec<(&'static str, String)>, u64);

fn metric_family(name: &str, kind: &str, help: &str, samples: &[Sample]) -> String {
    let name = format!("handoffrail_{name}");
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    for (labels, value) in samples {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escape_label_value(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        text.push_str(&format!("{name}{labels} {value}\n"));
    }
    text
}

/// Escapes a label value for the Prometheus text format.
fn escape_label_value(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, READER, TestApp, checkpoint_body, tenant};

    #[tokio::test]
    async fn metrics_report_the_tenant_stats() {
        let app = TestApp::new().await;
        app.create_claimed_packet().await;
        app.create_packet_with(checkpoint_body()).await;
        app.run_dispatcher().await;
        let with_header = http::Request::builder().header("x-api-key", ADMIN);
        let as_bearer = http::Request::builder().header("authorization", format!("Bearer {ADMIN}"));
        for request in [with_header, as_bearer] {
            let response = app.send(ENDPOINT, "/metrics", request, "").await;
            assert_eq!(response.status.as_u16(), 200);
            assert!(response.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
            let text = String::from_utf8(response.body).unwrap();
            let tenant = tenant();
            for line in [
                "# TYPE handoffrail_active_packets gauge",
                "handoffrail_active_packets 2",
                "handoffrail_packet_status_count{status=\"claimed\"} 1",
                "handoffrail_packet_status_count{status=\"failed\"} 0",
                &format!("handoffrail_handoffs_total{{tenant_id=\"{tenant}\"}} 2"),
                "handoffrail_hitl_checkpoints_total 1",
                "handoffrail_hitl_responses_total 0",
                "handoffrail_requests_total{method=\"POST\",endpoint=\"/api/v1/packets\",status_code=\"201\"} 2",
                "handoffrail_request_latency_seconds_bucket{method=\"POST\",endpoint=\"/api/v1/packets\",le=\"0.005\"} 2",
                "handoffrail_request_latency_seconds_bucket{method=\"POST\",endpoint=\"/api/v1/packets\",le=\"+Inf\"} 2",
                "handoffrail_request_latency_seconds_count{method=\"POST\",endpoint=\"/api/v1/packets\"} 2",
                "# TYPE handoffrail_webhook_deliveries_total counter",
                "handoffrail_webhook_dlq_size 0",
                "handoffrail_api_key_operations_total{operation=\"create\"} 4",
                "handoffrail_chain_depth 1",
            ] {
                assert!(text.lines().any(|actual| actual == line), "{line} in\n{text}");
            }
        }
        let refused = app.send(ENDPOINT, "/metrics", http::Request::builder(), "").await;
        assert_eq!(refused.error(), (401, "Missing X-API-Key header"));
        let refused = app.call(ENDPOINT, "/metrics", READER, serde_json::Value::Null).await;
        assert_eq!(refused.status.as_u16(), 403);
    }

    #[test]
    fn seconds_are_written_without_trailing_zeros() {
        assert_eq!([5, 250, 1_000, 10_000, 1_001, 0].map(seconds_text), ["0.005", "0.25", "1", "10", "1.001", "0"]);
    }

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escape_label_value("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
