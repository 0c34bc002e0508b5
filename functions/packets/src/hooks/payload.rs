//! Body and signed headers of a webhook delivery.

use handrail_domain::ids::hex;
use handrail_domain::packet::{Packet, PacketEvent, WebhookEventType};
use handrail_domain::record::{LogEntry, Record};
use handrail_records::journal::EventContext;
use handrail_records::kind::WebhookEvent;
use handrail_secrets::purpose_key::hmac_sha256;
use handrail_secrets::secret::Secret;
use handrail_store::WebhookDelivery;
use serde_json::{Value, json};

use crate::history_entry::HistoryEntry;
use crate::view::Metadata;

/// Published backoff after each failed attempt: 1 s, 5 s, 30 s, 5 min, 1 h. The next failure makes a dead letter.
pub(crate) const RETRY_BACKOFF_MS: [i64; 5] = [1_000, 5_000, 30_000, 5 * 60_000, 60 * 60_000];

/// Builds the webhook event, or returns `None` if webhooks omit the event. The log entry, the spec and the state after
/// the event never change, so a repeat builds the same body.
pub(crate) fn webhook_event(context: &EventContext<'_, Packet>) -> Option<WebhookEvent> {
    let EventContext { record, entry, .. } = context;
    let event = WebhookEventType::of(&entry.event)?.name();
    let mut body = json!({
        "event": event,
        "timestamp": entry.at,
        "packet_id": record.id,
        "status": record.state(),
        "metadata": Metadata::new(record),
    });
    if let Some(details) = event_details(record, entry) {
        body["details"] = details;
    }
    Some(WebhookEvent { seq: entry.seq, event, body: body.to_string() })
}

/// Returns the details of the history entry. They include the responder, whom the history shows as `actor` instead.
fn event_details(record: &Record<Packet>, entry: &LogEntry<Packet>) -> Option<Value> {
    let mut details = HistoryEntry::from_log_entry(record.id, entry)?.details;
    if let PacketEvent::Answered { by, .. } = &entry.event {
        details["responded_by"] = by.as_str().into();
    }
    details.as_object().is_some_and(|members| !members.is_empty()).then_some(details)
}

/// Builds the headers of a delivery. The signature is sent twice: bare, as published clients compare it, and prefixed
/// with its algorithm, as the published API documents it.
pub(crate) fn webhook_headers(delivery: &WebhookDelivery, secret: &Secret) -> Vec<(String, String)> {
    let mac = hex(&hmac_sha256(secret.expose().as_bytes(), &[delivery.delivery.body.as_bytes()]));
    let header = |name: &str, value: String| (name.to_owned(), value);
    vec![
        header("X-HR-Signature-256", format!("sha256={mac}")),
        header("X-HR-Signature", mac),
        header("X-HR-Event", delivery.event.clone()),
        header("X-HR-Delivery-ID", delivery.id.to_string()),
    ]
}
