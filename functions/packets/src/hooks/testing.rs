//! Test fixtures: webhooks and their deliveries.

use handrail_domain::effect::Purpose;
use handrail_domain::ids::RecordId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::time::Timestamp;
use handrail_domain::webhook::{WebhookDeliveryId, WebhookId};
use handrail_store::{Attempt, Delivery, DeliveryKey, DeliveryStatus, Webhook, WebhookDelivery};
use serde_json::{Value, json};

use super::{DeliveryView, create};
use crate::testing::{TestApp, WRITER, tenant};

pub(super) const SECRET: &str = "a secret of sixteen letters or more";

pub(super) fn webhook_body() -> Value {
    json!({"url": "https://example.com/hook", "secret": SECRET})
}

pub(super) async fn create_webhook(app: &TestApp) -> WebhookId {
    let created = app.call(create::ENDPOINT, "/api/v1/hooks", WRITER, webhook_body()).await;
    assert_eq!(created.status.as_u16(), 201, "{}", created.json);
    created.json["id"].as_str().unwrap().parse().unwrap()
}

pub(super) async fn list_webhooks(app: &TestApp) -> Vec<Webhook> {
    app.cx.store.webhooks(tenant(), Packet::KIND).await.unwrap()
}

/// Creates a delivery without attempts.
pub(super) async fn create_delivery(app: &TestApp, webhook: WebhookId, seq: u64) -> WebhookDelivery {
    let (now, purpose) = (app.cx.clock.now(), Purpose::WEBHOOK);
    let record = RecordId::new(now, [u8::try_from(seq % 256).unwrap(); 10]);
    let key = DeliveryKey { tenant: tenant(), record, seq, purpose, webhook: Some(webhook) };
    let delivery = Delivery::new(key, "https://example.com/hook", "{}", now);
    app.cx.store.put_webhook_delivery(Packet::KIND, key, "packet.created", &delivery).await.unwrap();
    app.cx.store.webhook_delivery(tenant(), key.webhook_delivery_id().unwrap()).await.unwrap().unwrap()
}

/// Records an attempt of a delivery. Without `next`, the time of the next attempt, the delivery ends.
pub(super) async fn record_attempt(
    app: &TestApp,
    webhook_delivery: &WebhookDelivery,
    status: Option<u16>,
    next: Option<Timestamp>,
) {
    let webhook_delivery = app.cx.store.webhook_delivery(tenant(), webhook_delivery.id).await.unwrap().unwrap();
    let mut after = webhook_delivery.delivery.clone();
    after.attempts.push(Attempt { at: app.cx.clock.now(), status, error: None, took_ms: 5 });
    after.next_attempt_at = next;
    after.status = match (next, status) {
        (Some(_), _) => DeliveryStatus::Pending,
        (None, Some(200)) => DeliveryStatus::Delivered,
        (None, _) => DeliveryStatus::DeadLetter,
    };
    assert!(app.cx.store.record_webhook_attempt(&webhook_delivery, &after).await.unwrap());
}

/// Records a failed last attempt, which makes the delivery a dead letter.
pub(super) async fn exhaust(app: &TestApp, webhook_delivery: &WebhookDelivery) {
    record_attempt(app, webhook_delivery, Some(500), None).await;
}

pub(super) async fn get_delivery(app: &TestApp, id: WebhookDeliveryId) -> Value {
    json!(DeliveryView::new(&app.cx.store.webhook_delivery(tenant(), id).await.unwrap().unwrap()))
}
