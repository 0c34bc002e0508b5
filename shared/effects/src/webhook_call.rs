//! Calls of webhooks: only active webhooks are called, and a paused webhook is called by one delivery at a time.
//!
//! The health is stored in the item of the webhook, so every process that delivers sees the same pause. Reading it costs
//! nothing, because each attempt reads the webhook; writing it costs one call, and only when it changes.

use bytes::Bytes;
use handrail_domain::time::Timestamp;
use handrail_domain::webhook_health::{CallPermission, CallResult, PROBE_TIMEOUT_MS, WAIT_MAX_MS};
use handrail_platform::fault::Fault;
use handrail_records::webhook::signing_secret;
use handrail_sender::{OutboundRequest, SendOutcome};
use handrail_store::{CloseReason, Webhook, WebhookDelivery};

use crate::signing::standard_webhook_headers;
use crate::worker_context::WorkerContext;

/// Status by which a receiver asks for no more deliveries.
const STATUS_GONE: u16 = 410;
/// Attempts to store a health while other processes change it. A change that is lost costs one more call.
const HEALTH_WRITES_MAX: usize = 5;

/// Outcome of [`call_webhook`].
pub(crate) enum WebhookCall {
    Made(SendOutcome),
    /// The webhook is paused. No call was made, and the attempt does not count.
    WaitsUntil(Timestamp),
}

/// Makes one call of a webhook delivery, if its webhook is active and not paused.
pub(crate) async fn call_webhook(
    context: &WorkerContext,
    kind: &str,
    webhook_delivery: &WebhookDelivery,
) -> Result<WebhookCall, Fault> {
    let cx = &context.cx;
    let webhook = cx.store.webhook(webhook_delivery.key.tenant, kind, webhook_delivery.webhook).await?;
    let close_reason = webhook.as_ref().and_then(|webhook| webhook.close_reason);
    let Some(webhook) = webhook.filter(Webhook::is_active) else {
        return Ok(refuse(match close_reason {
            Some(CloseReason::Gone) => "the receiver answered 410 Gone, so the webhook is no longer active",
            Some(CloseReason::Deleted) | None => "the webhook is no longer active",
        }));
    };
    let now = cx.clock.now();
    if webhook.health.is_paused() && webhook_delivery.delivery.pending_since().plus_ms(WAIT_MAX_MS) <= now {
        return Ok(refuse(
            "the webhook was paused for longer than a delivery may wait, because it did not answer in time",
        ));
    }
    let is_probe = match webhook.health.permission(now) {
        CallPermission::Call => false,
        CallPermission::Probe => {
            if !cx.store.put_webhook_health(kind, &webhook, webhook.health.with_probe(now)).await? {
                // Another delivery probes, or the probe's result is stored: the next run sees which.
                return Ok(WebhookCall::WaitsUntil(now.plus_ms(PROBE_TIMEOUT_MS)));
            }
            true
        }
        CallPermission::Wait(until) => return Ok(WebhookCall::WaitsUntil(until)),
    };
    let Some(secret) = signing_secret(cx, &webhook)? else {
        return Err(Fault::internal("an active webhook has no secret"));
    };
    let delivery = &webhook_delivery.delivery;
    let body = Bytes::from(delivery.body.clone());
    let mut headers = (context.kind(kind)?.webhooks()?.headers)(webhook_delivery, &secret);
    let standard = standard_webhook_headers(secret.expose(), &delivery.id, now.as_unix_seconds(), &body);
    headers.extend(standard.into_pairs());
    let outcome = context.sender.post(&OutboundRequest { url: delivery.to.clone(), headers, body }).await;
    // Before the attempt is recorded: once recorded, the delivery may be final and this code would not run again.
    if let SendOutcome::Responded { status: STATUS_GONE, .. } = outcome {
        cx.store.close_webhook(webhook.tenant, kind, webhook.id, CloseReason::Gone, cx.clock.now()).await?;
    } else {
        store_health(context, kind, webhook, result_of(&outcome), is_probe).await?;
    }
    Ok(WebhookCall::Made(outcome))
}

fn refuse(reason: &str) -> WebhookCall {
    WebhookCall::Made(SendOutcome::Refused { reason: reason.to_owned() })
}

fn result_of(outcome: &SendOutcome) -> CallResult {
    match outcome {
        SendOutcome::Responded { status: 200..300, .. } => CallResult::Succeeded,
        SendOutcome::Responded { .. } | SendOutcome::Refused { .. } | SendOutcome::Failed { timed_out: false, .. } => {
            CallResult::Failed
        }
        SendOutcome::Failed { timed_out: true, .. } => CallResult::TimedOut,
    }
}

/// Stores the health after a call, unless the call does not change it.
async fn store_health(
    context: &WorkerContext,
    kind: &str,
    webhook: Webhook,
    result: CallResult,
    is_probe: bool,
) -> Result<(), Fault> {
    let (tenant, id) = (webhook.tenant, webhook.id);
    let mut current = Some(webhook);
    for _ in 0..HEALTH_WRITES_MAX {
        let Some(webhook) = current.filter(Webhook::is_active) else { return Ok(()) };
        let health = webhook.health.after_call(result, is_probe, context.cx.clock.now());
        if health == webhook.health || context.cx.store.put_webhook_health(kind, &webhook, health).await? {
            if health.is_paused() != webhook.health.is_paused() {
                tracing::info!(kind, webhook = %id, paused = health.is_paused(), "webhook health");
            }
            return Ok(());
        }
        current = context.cx.store.webhook(tenant, kind, id).await?;
    }
    Ok(())
}
