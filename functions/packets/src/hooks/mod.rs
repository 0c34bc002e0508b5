//! Webhooks of a tenant, which receive the events of its packets.
//!
//! Workers make and retry the deliveries. These operations manage webhooks, list deliveries and replay dead letters.
//! Each file is named after its URL; `payload` builds the body and headers of a delivery.

pub mod create;
pub mod delete;
pub mod deliveries;
pub mod dlq;
pub mod list;
pub(crate) mod payload;
pub mod replay;
pub mod retry_all;

use axum::extract::FromRequestParts;
use handrail_context::cx::Cx;
use handrail_domain::field_error::RequestPart;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_domain::webhook::{WebhookDeliveryId, WebhookId};
use handrail_store::{DeliveryStatus, WEBHOOK_DELIVERIES_OFFSET_MAX, Webhook, WebhookDelivery, WebhookDeliveryState};
use handrail_web::descriptions::{Argument, Description};
use handrail_web::problem::Problem;
use http::StatusCode;
use http::request::Parts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::find_path_uuid;
use crate::errors::{error, field_error};
use crate::page::PageParams;

struct WebhookPath(WebhookId);

impl Argument for WebhookPath {
    fn describe(description: &mut Description) {
        description.problems.insert(404);
    }
}

impl FromRequestParts<Cx> for WebhookPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        Ok(Self(WebhookId::from_bytes(find_path_uuid(parts, cx, "Webhook").await?)))
    }
}

struct DeliveryPath(WebhookDeliveryId);

impl Argument for DeliveryPath {
    fn describe(description: &mut Description) {
        description.problems.insert(404);
    }
}

impl FromRequestParts<Cx> for DeliveryPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        Ok(Self(WebhookDeliveryId::from_bytes(find_path_uuid(parts, cx, "Dead letter").await?)))
    }
}

/// Query parameters of the delivery lists.
#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// Statuses, separated by commas.
    status: Option<String>,
    /// Entries of the page.
    limit: Option<String>,
    /// Entries to leave out.
    offset: Option<String>,
}

impl QueryParams {
    fn page_params(&self) -> Result<PageParams, Problem> {
        let page_params = PageParams::parse(self.limit.as_deref(), self.offset.as_deref())?;
        if page_params.offset > WEBHOOK_DELIVERIES_OFFSET_MAX {
            let message = format!("Input should be a whole number from 0 to {WEBHOOK_DELIVERIES_OFFSET_MAX}");
            return Err(field_error(RequestPart::Query, "offset", message, "less_than_equal"));
        }
        Ok(page_params)
    }
}

fn webhook_not_found(id: WebhookId) -> Problem {
    error(StatusCode::NOT_FOUND, format!("Webhook {id} not found"))
}

/// JSON view of a webhook, without its secret.
///
/// The members after `created_at` are not in the published API, whose clients ignore them. A healthy webhook has none of
/// them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
pub(crate) struct WebhookView {
    id: WebhookId,
    url: String,
    events: Vec<String>,
    tenant_id: TenantId,
    active: bool,
    created_at: Timestamp,
    /// Why the webhook is inactive.
    #[serde(skip_serializing_if = "Option::is_none")]
    inactive_reason: Option<&'static str>,
    /// `paused` or `failing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_until: Option<Timestamp>,
}

impl WebhookView {
    fn new(webhook: &Webhook) -> Self {
        let is_active = webhook.is_active() && webhook.close_reason.is_none();
        let paused_until = webhook.health.paused_until.filter(|_| is_active);
        let is_failing = is_active && webhook.health.timeouts > 0;
        Self {
            id: webhook.id,
            url: webhook.url.clone(),
            events: webhook.events.clone(),
            tenant_id: webhook.tenant,
            active: webhook.is_active(),
            created_at: webhook.created_at,
            inactive_reason: webhook.close_reason.map(handrail_store::CloseReason::name),
            health: paused_until.map(|_| "paused").or_else(|| is_failing.then_some("failing")),
            paused_until,
        }
    }
}

/// States of a delivery with their published names.
pub(crate) const STATE_NAMES: [(WebhookDeliveryState, &str); 4] = [
    (WebhookDeliveryState::Pending, "pending"),
    (WebhookDeliveryState::Failed, "failed"),
    (WebhookDeliveryState::Delivered, "delivered"),
    (WebhookDeliveryState::DeadLetter, "dead_letter"),
];

/// Returns `None` for an unknown state name.
fn parse_state(name: &str) -> Option<WebhookDeliveryState> {
    STATE_NAMES.into_iter().find(|(_, known)| *known == name).map(|(state, _)| state)
}

/// JSON view of a delivery, without the body that was sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookDelivery")]
struct DeliveryView {
    id: WebhookDeliveryId,
    webhook_id: WebhookId,
    packet_id: RecordId,
    event_type: String,
    /// `pending`, `failed`, `delivered` or `dead_letter`.
    status: Option<&'static str>,
    attempts: usize,
    last_error: Option<String>,
    last_status_code: Option<u16>,
    next_retry_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl DeliveryView {
    fn new(webhook_delivery: &WebhookDelivery) -> Self {
        let delivery = &webhook_delivery.delivery;
        let (state, last) = (WebhookDeliveryState::from_delivery(delivery), delivery.attempts.last());
        let is_pending = delivery.status == DeliveryStatus::Pending;
        // A replay is not an attempt; its time is stored as that of the next attempt.
        let replayed_at = delivery.next_attempt_at.filter(|_| state == WebhookDeliveryState::Pending);
        let last_at = last.map(|last| last.at);
        Self {
            id: webhook_delivery.id,
            webhook_id: webhook_delivery.webhook,
            packet_id: webhook_delivery.key.record,
            event_type: webhook_delivery.event.clone(),
            status: STATE_NAMES.into_iter().find(|(known, _)| *known == state).map(|(_, name)| name),
            attempts: delivery.attempts.len(),
            last_error: last.and_then(|last| last.error.clone().or_else(|| http_status_error(last.status))),
            last_status_code: last.and_then(|last| last.status),
            next_retry_at: delivery.next_attempt_at.filter(|_| is_pending),
            delivered_at: last_at.filter(|_| state == WebhookDeliveryState::Delivered),
            created_at: delivery.created_at,
            updated_at: replayed_at.or(last_at).unwrap_or(delivery.created_at),
        }
    }
}

/// Describes an HTTP status outside 2xx, for an attempt without an error text.
fn http_status_error(status: Option<u16>) -> Option<String> {
    status.filter(|status| !(200..300).contains(status)).map(|status| format!("HTTP {status}"))
}

#[cfg(test)]
mod testing;
