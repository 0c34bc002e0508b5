//! `/local/hooks`: callbacks and webhook deliveries, and a test receiver for them.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use handrail_domain::decision::Decision;
use handrail_domain::ids::hex;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_platform::clock::Clock;
use handrail_store::Delivery;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::response::{LocalFault, wants_json};
use super::state::Local;
use crate::local_store::Received;
use crate::pages;

/// Newest decisions whose callbacks are listed.
const MAX_DECISIONS: usize = 20;
/// Newest deliveries listed for each webhook.
const MAX_DELIVERIES: usize = 20;
const MAX_RECEIVED: usize = 100;
const NAME_CHARS_MAX: usize = 100;

pub(super) async fn list(State(local): State<Local>, headers: HeaderMap) -> Result<Response, LocalFault> {
    let deliveries = deliveries(&local).await?;
    let received = local.local_store.received(MAX_RECEIVED).await?;
    if wants_json(&headers) {
        let deliveries: Vec<_> = deliveries
            .iter()
            .map(|LabelledDelivery { event, delivery }| {
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

struct LabelledDelivery {
    event: String,
    delivery: Delivery,
}

/// Returns callbacks and webhook deliveries, newest first. Mails have their own page.
async fn deliveries(local: &Local) -> Result<Vec<LabelledDelivery>, LocalFault> {
    let Some(tenant) = local.tenant else { return Ok(Vec::new()) };
    let store = &local.cx.store;
    let decisions = store.list::<Decision>(tenant, None, None, MAX_DECISIONS).await?;
    let mut labelled = Vec::new();
    for decision in decisions.records {
        let deliveries = store.deliveries(tenant, decision.id).await?.into_iter().filter(Delivery::is_signed);
        labelled.extend(
            deliveries.map(|delivery| LabelledDelivery { event: delivery.purpose.name().to_owned(), delivery }),
        );
    }
    for webhook in store.webhooks(tenant, Packet::KIND).await? {
        let calls = store.webhook_deliveries_of(tenant, webhook.id, None, 0, MAX_DELIVERIES).await?;
        labelled.extend(calls.into_iter().map(|call| LabelledDelivery { event: call.event, delivery: call.delivery }));
    }
    labelled.sort_by_key(|labelled| std::cmp::Reverse(labelled.delivery.created_at));
    Ok(labelled)
}

fn page(origin: &str, labelled: &[LabelledDelivery], received: &[Received]) -> Response {
    let deliveries: Vec<&Delivery> = labelled.iter().map(|labelled| &labelled.delivery).collect();
    let times: Vec<Vec<String>> = deliveries
        .iter()
        .map(|delivery| delivery.attempts.iter().map(|attempt| attempt.at.to_string()).collect())
        .collect();
    let next_attempts: Vec<Option<String>> =
        deliveries.iter().map(|delivery| delivery.next_attempt_at.map(|next| next.to_string())).collect();
    let attempts: Vec<Vec<pages::Attempt<'_>>> = deliveries
        .iter()
        .zip(&times)
        .map(|(delivery, times)| {
            delivery.attempts.iter().zip(times).map(|(attempt, at)| attempt_view(attempt, at)).collect()
        })
        .collect();
    let rows: Vec<pages::Delivery<'_>> = labelled
        .iter()
        .zip(&attempts)
        .zip(&next_attempts)
        .map(|((LabelledDelivery { event, delivery }, attempts), next)| pages::Delivery {
            id: &delivery.id,
            url: &delivery.to,
            event,
            status: delivery.status.name(),
            attempts,
            next_try: next.as_deref(),
        })
        .collect();
    let received_at: Vec<String> = received.iter().map(|call| call.at.to_string()).collect();
    let headers: Vec<Vec<(&str, &str)>> = received
        .iter()
        .map(|call| call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
        .collect();
    let calls: Vec<pages::Call<'_>> = received
        .iter()
        .zip(&received_at)
        .zip(&headers)
        .map(|((call, at), headers)| pages::Call { at, name: &call.name, headers, body: &call.body })
        .collect();
    pages::hooks(&pages::Hooks { address: origin, deliveries: &rows, received: &calls }).into_response()
}

fn attempt_view<'a>(attempt: &'a handrail_store::Attempt, at: &'a str) -> pages::Attempt<'a> {
    let error = attempt.error.as_deref().unwrap_or("no answer");
    pages::Attempt { at, result: attempt.status.ok_or(error) }
}

#[derive(Deserialize)]
pub(super) struct QueryParams {
    /// Response status, to try a receiver that fails.
    status: Option<u16>,
}

pub(super) async fn receive(
    State(local): State<Local>,
    Path(name): Path<String>,
    Query(params): Query<QueryParams>,
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
    local.local_store.receive(&received, &hex(&local.cx.entropy.bytes::<8>())).await?;
    let status = params.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    Ok((status, axum::Json(json!({"received": true}))).into_response())
}
