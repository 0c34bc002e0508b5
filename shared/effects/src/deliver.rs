//! One attempt of one webhook or callback: signed, bounded in time, recorded.

use bytes::Bytes;
use handrail_domain::ids::KeyId;
use handrail_domain::time::Timestamp;
use handrail_kernel::fault::Fault;
use handrail_kernel::store::{Attempt, Call, Delivery, DeliveryKey, DeliveryStatus, HeadKey};
use handrail_sender::{Outgoing, Sent};

use crate::announce::call_hook;
use crate::message::Message;
use crate::signing::{sha256_header, standard_webhooks};
use crate::works::Works;

/// Kept of an error: enough to see what it was.
const ERROR_CHARS_MAX: usize = 300;

/// Makes the next attempt, and arranges the one after it if that fails.
///
/// Safe to call twice: what was delivered is not sent again, and an attempt that is not due yet is put back.
pub async fn deliver(works: &Works, kind: &str, key: DeliveryKey) -> Result<(), Fault> {
    let Some(opened) = open(works, kind, key).await? else { return Ok(()) };
    let delivery = opened.delivery();
    if delivery.status != DeliveryStatus::Pending {
        return Ok(());
    }
    let message = Message::Deliver { kind: kind.to_owned(), key };
    let now = works.cx.clock.now();
    if let Some(next) = delivery.next_attempt_at.filter(|next| *next > now) {
        return works.outbox()?.send(&message, next).await;
    }
    let sent = match &opened {
        Opened::Callback(delivery) => works.sender.post(&signed(works, delivery, now)?).await,
        Opened::Call(call) => call_hook(works, kind, call, now).await?,
    };
    let gaps = works.door(kind)?.retry_gaps_ms();
    let after = with_attempt(delivery.clone(), &sent, works.cx.clock.now(), gaps);
    log_attempt(kind, key, &after);
    let recorded = match &opened {
        Opened::Callback(_) => works.cx.store.record_attempt(key, &after).await?,
        Opened::Call(call) => works.cx.store.record_call(call, &after).await?,
    };
    let next = if recorded {
        after.next_attempt_at
    } else {
        // Recorded already: by another process, or by ourselves when the answer to our first try was lost. Whoever it was
        // may not have come to arrange the next attempt.
        works.cx.store.delivery(key).await?.and_then(|recorded| recorded.next_attempt_at)
    };
    match next {
        Some(next) => works.outbox()?.send(&message, next).await,
        None => Ok(()),
    }
}

/// What is to be sent, and by whose rules.
enum Opened {
    /// To the address that the asker gave.
    Callback(Delivery),
    /// To a hook of the account.
    Call(Call),
}

impl Opened {
    fn delivery(&self) -> &Delivery {
        match self {
            Self::Callback(delivery) => delivery,
            Self::Call(call) => &call.delivery,
        }
    }
}

async fn open(works: &Works, kind: &str, key: DeliveryKey) -> Result<Option<Opened>, Fault> {
    if let Some(call) = key.call() {
        // It was written down before it was named. What is not there any more nobody waits for.
        return Ok(works.cx.store.call(key.tenant, call).await?.map(Opened::Call));
    }
    if let Some(delivery) = works.cx.store.delivery(key).await? {
        return Ok(Some(Opened::Callback(delivery)));
    }
    let head = HeadKey { tenant: key.tenant, id: key.record };
    let Some(callback) = works.door(kind)?.callback(&works.cx, head, key.seq, key.purpose).await? else {
        return Ok(None);
    };
    let fresh = Delivery {
        signed_by: Some(callback.key),
        ..Delivery::fresh(key, callback.url, callback.body, works.cx.clock.now())
    };
    works.cx.store.open_delivery(key, fresh).await.map(|delivery| Some(Opened::Callback(delivery)))
}

/// The body is the stored one, byte for byte; only the time of the attempt and its signature are new.
fn signed(works: &Works, delivery: &Delivery, now: Timestamp) -> Result<Outgoing, Fault> {
    let key: KeyId = delivery.signed_by.ok_or_else(|| Fault::broken("a delivery has no key to sign it"))?;
    let secret = works.cx.master()?.webhook_secret(key);
    let body = Bytes::from(delivery.body.clone());
    let mut headers = vec![("X-Handover-Signature".to_owned(), sha256_header(&secret, &body))];
    headers.extend(standard_webhooks(&secret, &delivery.id, now.as_unix_seconds(), &body).into_pairs());
    Ok(Outgoing { url: delivery.to.clone(), headers, body })
}

fn with_attempt(mut delivery: Delivery, sent: &Sent, now: Timestamp, gaps_ms: &[i64]) -> Delivery {
    let (attempt, verdict) = match sent {
        Sent::Answered { status, body_start, took_ms } => {
            let error = (!(200..300).contains(status)).then(|| short(body_start)).filter(|text| !text.is_empty());
            (Attempt { at: now, status: Some(*status), error, took_ms: *took_ms }, verdict_on(*status))
        }
        Sent::Refused { why } => {
            (Attempt { at: now, status: None, error: Some(short(why)), took_ms: 0 }, Verdict::Final)
        }
        Sent::Failed { why, took_ms } => {
            (Attempt { at: now, status: None, error: Some(short(why)), took_ms: *took_ms }, Verdict::Again)
        }
    };
    delivery.attempts.push(attempt);
    let gap = gaps_ms.get(delivery.attempts.len() - delivery.tried_before - 1);
    (delivery.status, delivery.next_attempt_at) = match (verdict, gap) {
        (Verdict::Delivered, _) => (DeliveryStatus::Delivered, None),
        (Verdict::Again, Some(gap_ms)) => (DeliveryStatus::Pending, Some(now.plus_ms(*gap_ms))),
        (Verdict::Again, None) | (Verdict::Final, _) => (DeliveryStatus::Dead, None),
    };
    delivery
}

#[derive(Clone, Copy)]
enum Verdict {
    Delivered,
    Again,
    Final,
}

fn verdict_on(status: u16) -> Verdict {
    match status {
        200..300 => Verdict::Delivered,
        // Gone: the receiver asks not to be called again.
        410 => Verdict::Final,
        _ => Verdict::Again,
    }
}

fn short(text: &str) -> String {
    handrail_domain::text::one_line(text, ERROR_CHARS_MAX)
}

/// One wide line per attempt: no address, no body.
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
    use handrail_domain::effect::Purpose;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
    const GAPS: &[i64] = &[0, 5_000, 30_000];

    fn delivery() -> Delivery {
        Delivery {
            id: "msg_1".to_owned(),
            seq: 2,
            purpose: Purpose::AnnounceResolved,
            to: "https://example.com/".to_owned(),
            body: "{}".to_owned(),
            signed_by: None,
            status: DeliveryStatus::Pending,
            created_at: NOON,
            next_attempt_at: None,
            attempts: Vec::new(),
            replays: 0,
            tried_before: 0,
            slack: None,
        }
    }

    fn answered(status: u16) -> Sent {
        Sent::Answered { status, body_start: "no\r\nway".to_owned(), took_ms: 3 }
    }

    #[test]
    fn a_failing_receiver_is_tried_four_times_and_then_given_up() {
        let mut delivery = delivery();
        let mut waits = Vec::new();
        for _ in 0..4 {
            delivery = with_attempt(delivery, &answered(500), NOON, GAPS);
            waits.push(delivery.next_attempt_at.map(|next| next.ms_since(NOON)));
        }
        assert_eq!(waits, [Some(0), Some(5_000), Some(30_000), None]);
        assert_eq!(delivery.status, DeliveryStatus::Dead);
        assert_eq!(delivery.attempts[0].error.as_deref(), Some("no  way"));
    }

    #[test]
    fn success_ends_it_and_so_does_a_final_no() {
        assert_eq!(with_attempt(delivery(), &answered(204), NOON, GAPS).status, DeliveryStatus::Delivered);
        for sent in [answered(410), Sent::Refused { why: "loopback".to_owned() }] {
            let after = with_attempt(delivery(), &sent, NOON, GAPS);
            assert_eq!((after.status, after.next_attempt_at), (DeliveryStatus::Dead, None));
        }
        for sent in [answered(302), answered(404), Sent::Failed { why: "timeout".to_owned(), took_ms: 9 }] {
            assert_eq!(with_attempt(delivery(), &sent, NOON, GAPS).status, DeliveryStatus::Pending);
        }
    }
}
