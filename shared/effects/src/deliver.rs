//! Attempts of callbacks and webhook deliveries: each is signed, limited in time and recorded.

use bytes::Bytes;
use handrail_domain::ids::KeyId;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_secrets::keys::KeyPurpose;
use handrail_sender::{OutboundRequest, SendOutcome};
use handrail_store::{Attempt, Delivery, DeliveryKey, DeliveryStatus, HeadKey, WebhookDelivery};

use crate::message::Message;
use crate::signing::{sha256_header, standard_webhook_headers};
use crate::webhook_call::{WebhookCall, call_webhook};
use crate::worker_context::{Handled, WorkerContext};

/// Longest stored error text of an attempt.
const ERROR_CHARS_MAX: usize = 300;

/// Makes the next attempt of a delivery, and schedules another attempt if that fails.
///
/// Safe to call twice: a completed delivery is not sent again, and an attempt that is not due yet is rescheduled. A
/// delivery to a paused webhook waits without using up an attempt.
pub async fn deliver(context: &WorkerContext, kind: &str, key: DeliveryKey) -> Result<Handled, Fault> {
    let Some(open) = open_delivery(context, kind, key).await? else { return Ok(Handled::Done) };
    let delivery = open.delivery();
    if delivery.status != DeliveryStatus::Pending {
        return Ok(Handled::Done);
    }
    let message = Message::Deliver { kind: kind.to_owned(), key };
    let now = context.cx.clock.now();
    if let Some(next) = delivery.next_attempt_at.filter(|next| *next > now) {
        context.outbox()?.send(&message, next).await?;
        return Ok(Handled::Done);
    }
    let backoff_ms = match &open {
        OpenDelivery::Callback(_) => context.kind(kind)?.callbacks()?.backoff_ms,
        OpenDelivery::Webhook(_) => context.kind(kind)?.webhooks()?.backoff_ms,
    };
    let outcome = match &open {
        OpenDelivery::Callback(delivery) => {
            context.sender.post(&signed_callback_request(context, delivery, now)?).await
        }
        OpenDelivery::Webhook(webhook_delivery) => match call_webhook(context, kind, webhook_delivery).await? {
            WebhookCall::Made(outcome) => outcome,
            WebhookCall::WaitsUntil(until) => return Ok(Handled::WaitsUntil(until)),
        },
    };
    let after = with_attempt(delivery.clone(), &outcome, context.cx.clock.now(), backoff_ms);
    log_attempt(kind, key, &after);
    let recorded = match &open {
        OpenDelivery::Callback(_) => context.cx.store.record_attempt(key, &after).await?,
        OpenDelivery::Webhook(webhook_delivery) => {
            context.cx.store.record_webhook_attempt(webhook_delivery, &after).await?
        }
    };
    let next = if recorded {
        after.next_attempt_at
    } else {
        // Recorded already, by another process or by a write whose response was lost. That process may have died before
        // it scheduled the next attempt.
        context.cx.store.delivery(key).await?.and_then(|recorded| recorded.next_attempt_at)
    };
    if let Some(next) = next {
        context.outbox()?.send(&message, next).await?;
    }
    Ok(Handled::Done)
}

/// Stored delivery that may need another attempt.
enum OpenDelivery {
    /// Delivery to the `callback_url` of the requester.
    Callback(Delivery),
    /// Delivery to a webhook of the tenant.
    Webhook(WebhookDelivery),
}

impl OpenDelivery {
    fn delivery(&self) -> &Delivery {
        match self {
            Self::Callback(delivery) => delivery,
            Self::Webhook(webhook_delivery) => &webhook_delivery.delivery,
        }
    }
}

/// Returns the stored delivery; a callback is stored at its first attempt. Returns `None` if there is nothing to send.
async fn open_delivery(context: &WorkerContext, kind: &str, key: DeliveryKey) -> Result<Option<OpenDelivery>, Fault> {
    if let Some(id) = key.webhook_delivery_id() {
        // Stored before its message was sent, so a missing webhook delivery has expired.
        return Ok(context.cx.store.webhook_delivery(key.tenant, id).await?.map(OpenDelivery::Webhook));
    }
    if let Some(delivery) = context.cx.store.delivery(key).await? {
        return Ok(Some(OpenDelivery::Callback(delivery)));
    }
    let head = HeadKey { tenant: key.tenant, id: key.record };
    let build = context.kind(kind)?.callbacks()?.build;
    let Some(callback) = build(&context.cx, head, key.seq, key.purpose).await? else {
        return Ok(None);
    };
    let unsent = Delivery {
        signed_by: Some(callback.signing_key_id),
        ..Delivery::new(key, callback.url, callback.body, context.cx.clock.now())
    };
    context.cx.store.put_or_get_delivery(key, unsent).await.map(|delivery| Some(OpenDelivery::Callback(delivery)))
}

/// Returns a request with the stored body. Only the time of the attempt and the signature differ between attempts.
fn signed_callback_request(
    context: &WorkerContext,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<OutboundRequest, Fault> {
    let key: KeyId = delivery.signed_by.ok_or_else(|| Fault::internal("a callback delivery has no signing key"))?;
    let secret = context.cx.key(KeyPurpose::Callbacks)?.webhook_secret(key);
    let body = Bytes::from(delivery.body.clone());
    let mut headers = vec![("X-Handover-Signature".to_owned(), sha256_header(&secret, &body))];
    headers.extend(standard_webhook_headers(&secret, &delivery.id, now.as_unix_seconds(), &body).into_pairs());
    Ok(OutboundRequest { url: delivery.to.clone(), headers, body })
}

fn with_attempt(mut delivery: Delivery, outcome: &SendOutcome, now: Timestamp, backoff_ms: &[i64]) -> Delivery {
    let (attempt, result) = match outcome {
        SendOutcome::Responded { status, body_start, took_ms } => {
            let error =
                (!(200..300).contains(status)).then(|| truncate_error(body_start)).filter(|text| !text.is_empty());
            (Attempt { at: now, status: Some(*status), error, took_ms: *took_ms }, result_of_status(*status))
        }
        SendOutcome::Refused { reason } => (
            Attempt { at: now, status: None, error: Some(truncate_error(reason)), took_ms: 0 },
            AttemptResult::PermanentFailure,
        ),
        SendOutcome::Failed { reason, took_ms, .. } => (
            Attempt { at: now, status: None, error: Some(truncate_error(reason)), took_ms: *took_ms },
            AttemptResult::RetryableFailure,
        ),
    };
    delivery.attempts.push(attempt);
    let wait_ms = backoff_ms.get(delivery.attempts.len() - delivery.earlier_attempts - 1);
    (delivery.status, delivery.next_attempt_at) = match (result, wait_ms) {
        (AttemptResult::Delivered, _) => (DeliveryStatus::Delivered, None),
        (AttemptResult::RetryableFailure, Some(wait_ms)) => (DeliveryStatus::Pending, Some(now.plus_ms(*wait_ms))),
        (AttemptResult::RetryableFailure, None) | (AttemptResult::PermanentFailure, _) => {
            (DeliveryStatus::DeadLetter, None)
        }
    };
    delivery
}

#[derive(Clone, Copy)]
enum AttemptResult {
    Delivered,
    RetryableFailure,
    PermanentFailure,
}

fn result_of_status(status: u16) -> AttemptResult {
    match status {
        200..300 => AttemptResult::Delivered,
        // 410 Gone: the receiver asks for no more deliveries.
        410 => AttemptResult::PermanentFailure,
        _ => AttemptResult::RetryableFailure,
    }
}

fn truncate_error(text: &str) -> String {
    handrail_domain::text::one_line(text, ERROR_CHARS_MAX)
}

/// Writes one log line per attempt, without the URL and the body.
fn log_attempt(kind: &str, key: DeliveryKey, after: &Delivery) {
    let last = after.attempts.last();
    tracing::info!(
        kind,
        delivery = key.id(),
        attempt = after.attempts.len(),
        status = last.and_then(|attempt| attempt.status),
        took_ms = last.map(|attempt| attempt.took_ms),
        outcome = after.status.name(),
        "delivery"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_domain::decision::CallbackPurpose;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
    const BACKOFF_MS: &[i64] = &[0, 5_000, 30_000];

    fn pending_delivery() -> Delivery {
        Delivery {
            id: "msg_1".to_owned(),
            seq: 2,
            purpose: CallbackPurpose::Resolved.purpose(),
            to: "https://example.com/".to_owned(),
            body: "{}".to_owned(),
            signed_by: None,
            status: DeliveryStatus::Pending,
            created_at: NOON,
            next_attempt_at: None,
            attempts: Vec::new(),
            replays: 0,
            replayed_at: None,
            earlier_attempts: 0,
            slack: None,
        }
    }

    fn response_with_status(status: u16) -> SendOutcome {
        SendOutcome::Responded { status, body_start: "no\r\nway".to_owned(), took_ms: 3 }
    }

    #[test]
    fn failing_receiver_gets_four_attempts_then_dead_letter() {
        let mut delivery = pending_delivery();
        let mut waits = Vec::new();
        for _ in 0..4 {
            delivery = with_attempt(delivery, &response_with_status(500), NOON, BACKOFF_MS);
            waits.push(delivery.next_attempt_at.map(|next| next.ms_since(NOON)));
        }
        assert_eq!(waits, [Some(0), Some(5_000), Some(30_000), None]);
        assert_eq!(delivery.status, DeliveryStatus::DeadLetter);
        assert_eq!(delivery.attempts[0].error.as_deref(), Some("no  way"));
    }

    #[test]
    fn success_and_permanent_failure_stop_retries() {
        assert_eq!(
            with_attempt(pending_delivery(), &response_with_status(204), NOON, BACKOFF_MS).status,
            DeliveryStatus::Delivered
        );
        for outcome in [response_with_status(410), SendOutcome::Refused { reason: "loopback".to_owned() }] {
            let after = with_attempt(pending_delivery(), &outcome, NOON, BACKOFF_MS);
            assert_eq!((after.status, after.next_attempt_at), (DeliveryStatus::DeadLetter, None));
        }
        for outcome in [
            response_with_status(302),
            response_with_status(404),
            SendOutcome::Failed { reason: "timeout".to_owned(), timed_out: true, took_ms: 9 },
        ] {
            assert_eq!(with_attempt(pending_delivery(), &outcome, NOON, BACKOFF_MS).status, DeliveryStatus::Pending);
        }
    }
}
