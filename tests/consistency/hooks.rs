//! Samples of the webhook operations, with one webhook and one dead-lettered delivery about a packet.

use handrail_domain::effect::Purpose;
use handrail_domain::ids::RecordId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::webhook::WebhookId;
use handrail_records::webhook::WebhookParams;
use handrail_secrets::secret::Secret;
use handrail_store::{Delivery, DeliveryKey, DeliveryStatus};
use serde_json::json;

use crate::packets::packet_id;
use crate::replay_app::{ADMIN, NOW, ReplayApp, WRITER, tenant};
use crate::samples::{Body, Sample};

const URL: &str = "https://agent.example.com/hooks/packets";

/// Id of the existing webhook.
pub(crate) fn webhook_id() -> WebhookId {
    WebhookId::new(NOW, [8; 10], 0)
}

/// Id of a webhook in the same slot that was never made.
pub(crate) fn unknown_webhook_id() -> WebhookId {
    WebhookId::new(NOW, [77; 10], 0)
}

/// Id of the webhook's delivery about the first event of this packet. One exists for the sample packet.
pub(crate) fn delivery_id(packet: RecordId) -> String {
    delivery_key(packet).id()
}

fn delivery_key(packet: RecordId) -> DeliveryKey {
    DeliveryKey { tenant: tenant(), record: packet, seq: 1, purpose: Purpose::WEBHOOK, webhook: Some(webhook_id()) }
}

pub(crate) fn sample(function: &str) -> Option<Sample> {
    let sample_by = |key: &str| Sample {
        key: Some(key.to_owned()),
        parameter: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
    };
    Some(match function {
        "packets-hooks-create" => Sample {
            headers: vec![("idempotency-key", "setup-4711".to_owned())],
            body: Some(Body::Json(json!({
                "url": URL,
                "events": ["packet.created", "packet.completed", "hitl.response_ready"],
                "secret": "EXAMPLE, drawn by whoever is called",
            }))),
            ..sample_by(WRITER)
        },
        "packets-hooks-list" | "packets-hooks-dead" => sample_by(WRITER),
        "packets-hooks-delete" => Sample { parameter: Some(("id", webhook_id().to_string())), ..sample_by(WRITER) },
        "packets-hooks-deliveries" => Sample {
            parameter: Some(("id", webhook_id().to_string())),
            query: vec![("status", "dead_letter".to_owned()), ("limit", "20".to_owned())],
            ..sample_by(WRITER)
        },
        "packets-hooks-replay" => Sample { parameter: Some(("id", delivery_id(packet_id()))), ..sample_by(WRITER) },
        "packets-hooks-retry-all" => sample_by(ADMIN),
        _ => return None,
    })
}

/// Stores a webhook with a dead-lettered delivery.
pub(crate) async fn set_up(app: &mut ReplayApp) {
    let params = WebhookParams { url: URL.to_owned(), events: Vec::new(), secret: Secret::new("EXAMPLE of a secret") };
    let webhook = handrail_records::webhook::build_webhook(&app.cx, webhook_id(), tenant(), &params)
        .expect("a secret can be sealed");
    assert!(app.cx.store.put_webhook(Packet::KIND, &webhook, None).await.expect("a webhook can be put"));
    let dead_letter =
        Delivery { status: DeliveryStatus::DeadLetter, ..Delivery::new(delivery_key(packet_id()), URL, "{}", NOW) };
    app.cx
        .store
        .put_webhook_delivery(Packet::KIND, delivery_key(packet_id()), "packet.created", &dead_letter)
        .await
        .expect("a delivery can be put");
    app.cold_start();
}
