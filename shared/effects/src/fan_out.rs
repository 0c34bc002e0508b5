//! Webhook deliveries: one for each event and each webhook that subscribes to the event.
//!
//! A webhook delivery is stored with its body, then its key is sent to the queue. So a slow receiver does not delay the
//! others, and all receive equal bytes. A repeated run finds the stored deliveries and sends their keys again.

use futures_util::{StreamExt as _, TryStreamExt as _};
use handrail_domain::effect::Purpose;
use handrail_platform::fault::Fault;
use handrail_records::kind::WebhookEvent;
use handrail_store::{Delivery, DeliveryKey, HeadKey, Webhook};

use crate::message::Message;
use crate::worker_context::WorkerContext;

/// Webhook deliveries that are stored at the same time. The stream waits for all of them.
const FAN_OUT_CONCURRENCY: usize = 10;

pub(crate) async fn fan_out(
    context: &WorkerContext,
    kind: &str,
    head: HeadKey,
    events: &[WebhookEvent],
) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let webhooks = context.cx.store.webhooks(head.tenant, kind).await?;
    let mut deliveries = Vec::new();
    for event in events {
        deliveries.extend(
            webhooks
                .iter()
                .filter(|webhook| webhook.subscribes_to(event.event))
                .map(|webhook| create_webhook_delivery(context, kind, head, event, webhook)),
        );
    }
    futures_util::stream::iter(deliveries).buffer_unordered(FAN_OUT_CONCURRENCY).try_collect().await
}

async fn create_webhook_delivery(
    context: &WorkerContext,
    kind: &str,
    head: HeadKey,
    event: &WebhookEvent,
    webhook: &Webhook,
) -> Result<(), Fault> {
    let (seq, purpose) = (event.seq, Purpose::WEBHOOK);
    let key = DeliveryKey { tenant: head.tenant, record: head.id, seq, purpose, webhook: Some(webhook.id) };
    let now = context.cx.clock.now();
    let delivery = Delivery::new(key, &webhook.url, &event.body, now);
    context.cx.store.put_webhook_delivery(kind, key, event.event, &delivery).await?;
    context.outbox()?.send(&Message::Deliver { kind: kind.to_owned(), key }, now).await
}
