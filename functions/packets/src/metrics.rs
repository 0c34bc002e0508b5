//! `GET /metrics`: the account's figures in the text form of Prometheus, under the published names. Only those that are
//! true of the account: what a process counts for itself means nothing where each operation is a process of its own.

use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::packet::State as PacketState;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{bearer, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Key;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use crate::caller::{admit, in_header};
use crate::dialect::DIALECT;
use crate::figures::Figures;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-metrics",
    method: Verb::Get,
    path: "/metrics",
    auth: Auth::Key(Scope::SystemRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadFeed],
    summary: "The account's figures for Prometheus",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

/// In `X-API-Key`, or as Prometheus sends what it is given: `Authorization: Bearer`.
struct Scraper(Key);

impl FromRequestParts<Cx> for Scraper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let credential =
            in_header(parts)?.or_else(|| bearer(&parts.headers).map(str::to_owned)).ok_or(Problem::NoCredentials)?;
        Ok(Self(admit::<right::SystemRead>(cx, parts, &credential).await?))
    }
}

async fn handler(State(cx): State<Cx>, Scraper(key): Scraper) -> Result<Response, Problem> {
    spend(&cx, &key, Budget::Calls).await?;
    let figures = Figures::read(&cx, &key).await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text(&key, &figures)).into_response())
}

fn text(key: &Key, figures: &Figures) -> String {
    let by_state: Vec<Sample> = PacketState::ALL
        .iter()
        .map(|state| (vec![("status", state.name().to_owned())], figures.in_state(*state)))
        .collect();
    let active = [PacketState::Created, PacketState::Claimed, PacketState::InProgress, PacketState::AwaitingHuman];
    let active = active.into_iter().map(|state| figures.in_state(state)).sum();
    let tenant = vec![("tenant_id", key.tenant.to_string())];
    [
        family("active_packets", "gauge", "Packets that are neither done nor over.", &[(Vec::new(), active)]),
        family("packet_status_count", "gauge", "Packets in each status.", &by_state),
        family("handoffs_total", "counter", "Packets that were made.", &[(tenant, figures.made())]),
        family(
            "hitl_checkpoints_total",
            "counter",
            "How often a packet began to wait for a person.",
            &[(Vec::new(), figures.totals.checkpoints)],
        ),
        family("hitl_responses_total", "counter", "Answers of people.", &[(Vec::new(), figures.answered())]),
    ]
    .concat()
}

/// Labels with their values, and the number.
type Sample = (Vec<(&'static str, String)>, u64);

fn family(name: &str, kind: &str, help: &str, samples: &[Sample]) -> String {
    let name = format!("handoffrail_{name}");
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    for (labels, value) in samples {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        text.push_str(&format!("{name}{labels} {value}\n"));
    }
    text
}

/// As the form wants it of a label's value.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, Desk, READER, checkpoint, tenant};

    #[tokio::test]
    async fn a_scraper_reads_the_accounts_figures() {
        let desk = Desk::new().await;
        desk.claimed().await;
        desk.made_of(checkpoint()).await;
        desk.dispatched().await;
        let with_header = http::Request::builder().header("x-api-key", ADMIN);
        let as_bearer = http::Request::builder().header("authorization", format!("Bearer {ADMIN}"));
        for request in [with_header, as_bearer] {
            let answer = desk.send(ENDPOINT, "/metrics", request, "").await;
            assert_eq!(answer.status.as_u16(), 200);
            assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
            let text = String::from_utf8(answer.body).unwrap();
            let tenant = tenant();
            for line in [
                "# TYPE handoffrail_active_packets gauge",
                "handoffrail_active_packets 2",
                "handoffrail_packet_status_count{status=\"claimed\"} 1",
                "handoffrail_packet_status_count{status=\"failed\"} 0",
                &format!("handoffrail_handoffs_total{{tenant_id=\"{tenant}\"}} 2"),
                "handoffrail_hitl_checkpoints_total 1",
                "handoffrail_hitl_responses_total 0",
            ] {
                assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
            }
        }
        let refused = desk.send(ENDPOINT, "/metrics", http::Request::builder(), "").await;
        assert_eq!(refused.refusal(), (401, "Missing X-API-Key header"));
        let refused = desk.call(ENDPOINT, "/metrics", READER, serde_json::Value::Null).await;
        assert_eq!(refused.status.as_u16(), 403);
    }

    #[test]
    fn a_labels_value_stays_within_its_quotes() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
