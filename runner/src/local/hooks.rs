//! `/local/hooks`: the calls that Handrail made, and a receiver to try them with.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use handrail_domain::decision::Decision;
use handrail_domain::ids::hex;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_kernel::clock::Clock;
use handrail_kernel::store::Delivery;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Local, LocalFault, wants_json};
use crate::desk::Received;
use crate::pages;

/// The newest decisions whose deliveries are shown.
const DECISIONS_SHOWN: usize = 20;
/// The newest of each hook.
const CALLS_SHOWN: usize = 20;
const RECEIVED_SHOWN: usize = 100;
const NAME_CHARS_MAX: usize = 100;

pub(super) async fn list(State(local): State<Local>, headers: HeaderMap) -> Result<Response, LocalFault> {
    let deliveries = deliveries(&local).await?;
    let received = local.desk.received(RECEIVED_SHOWN).await?;
    if wants_json(&headers) {
        let deliveries: Vec<_> = deliveries
            .iter()
            .map(|Sent { event, delivery }| {
                json!({
                    "id": delivery.id, "purpose": delivery.purpose, "event": event, "url": delivery.to, "status": delivery.status,
                    "created_at": delivery.created_at, "next_attempt_at": delivery.next_attempt_at, "attempts": delivery.attempts,
                })
            })
            .collect();
        return Ok(axum::Json(json!({"deliveries": deliveries, "received": received})).into_response());
    }
    Ok(page(&local.origin, &deliveries, &received))
}

struct Sent {
    event: String,
    delivery: Delivery,
}

/// Calls, not mails: those have a page of their own.
async fn deliveries(local: &Local) -> Result<Vec<Sent>, LocalFault> {
    let Some(tenant) = local.tenant else { return Ok(Vec::new()) };
    let store = &local.cx.store;
    let decisions = store.list::<Decision>(tenant, None, None, DECISIONS_SHOWN).await?;
    let mut sent = Vec::new();
    for decision in decisions.records {
        let deliveries = store.deliveries(tenant, decision.id).await?.into_iter().filter(Delivery::is_call);
        sent.extend(deliveries.map(|delivery| Sent { event: delivery.purpose.name().to_owned(), delivery }));
    }
    for hook in store.hooks(tenant, Packet::KIND).await? {
        let calls = store.calls_of_hook(tenant, hook.id, None, 0, CALLS_SHOWN).await?;
        sent.extend(calls.into_iter().map(|call| Sent { event: call.event, delivery: call.delivery }));
    }
    sent.sort_by_key(|sent| std::cmp::Reverse(sent.delivery.created_at));
    Ok(sent)
}

fn page(origin: &str, sent: &[Sent], received: &[Received]) -> Response {
    let deliveries: Vec<&Delivery> = sent.iter().map(|sent| &sent.delivery).collect();
    let times: Vec<Vec<String>> = deliveries
        .iter()
        .map(|delivery| delivery.attempts.iter().map(|attempt| attempt.at.to_string()).collect())
        .collect();
    let nexts: Vec<Option<String>> =
        deliveries.iter().map(|delivery| delivery.next_attempt_at.map(|next| next.to_string())).collect();
    let attempts: Vec<Vec<pages::Attempt<'_>>> = deliveries
        .iter()
        .zip(&times)
        .map(|(delivery, times)| delivery.attempts.iter().zip(times).map(|(attempt, at)| shown(attempt, at)).collect())
        .collect();
    let rows: Vec<pages::Delivery<'_>> = sent
        .iter()
        .zip(&attempts)
        .zip(&nexts)
        .map(|((Sent { event, delivery }, attempts), next)| pages::Delivery {
            id: &delivery.id,
            url: &delivery.to,
            event,
            status: delivery.status.name(),
            attempts,
            next_try: next.as_deref(),
        })
        .collect();
    let taken_at: Vec<String> = received.iter().map(|call| call.at.to_string()).collect();
    let headers: Vec<Vec<(&str, &str)>> = received
        .iter()
        .map(|call| call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
        .collect();
    let calls: Vec<pages::Call<'_>> = received
        .iter()
        .zip(&taken_at)
        .zip(&headers)
        .map(|((call, at), headers)| pages::Call { at, name: &call.name, headers, body: &call.body })
        .collect();
    pages::hooks(&pages::Hooks { address: origin, deliveries: &rows, received: &calls }).into_response()
}

fn shown<'a>(attempt: &'a handrail_kernel::store::Attempt, at: &'a str) -> pages::Attempt<'a> {
    let error = attempt.error.as_deref().unwrap_or("no answer");
    pages::Attempt { at, result: attempt.status.ok_or(error) }
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// The answer to give: to see what Handrail does with a receiver that fails.
    status: Option<u16>,
}

pub(super) async fn receive(
    State(local): State<Local>,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, LocalFault> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let received = Received {
        name: name.chars().take(NAME_CHARS_MAX).collect(),
        at: local.clock.now(),
        headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    local.desk.receive(&received, &hex(&local.cx.entropy.bytes::<8>())).await?;
    let status = wanted.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    Ok((status, axum::Json(json!({"received": true}))).into_response())
}
