//! Hooks and calls, as the tests of their operations need them.

use handrail_domain::effect::Purpose;
use handrail_domain::hook::{CallId, HookId};
use handrail_domain::ids::RecordId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::time::Timestamp;
use handrail_kernel::store::{Attempt, Call, Delivery, DeliveryKey, DeliveryStatus, Hook};
use serde_json::{Value, json};

use super::{call_shown, create};
use crate::testing::{Desk, WRITER, tenant};

pub(super) const SECRET: &str = "a secret of sixteen letters or more";

pub(super) fn hook() -> Value {
    json!({"url": "https://example.com/hook", "secret": SECRET})
}

pub(super) async fn made(desk: &Desk) -> HookId {
    let made = desk.call(create::ENDPOINT, "/api/v1/hooks", WRITER, hook()).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.json);
    made.json["id"].as_str().unwrap().parse().unwrap()
}

pub(super) async fn hooks_of(desk: &Desk) -> Vec<Hook> {
    desk.cx.store.hooks(tenant(), Packet::KIND).await.unwrap()
}

/// A call that nobody has made yet.
pub(super) async fn called(desk: &Desk, hook: HookId, seq: u64) -> Call {
    let (now, purpose) = (desk.cx.clock.now(), Purpose::Announce);
    let record = RecordId::new(now, [u8::try_from(seq % 256).unwrap(); 10]);
    let key = DeliveryKey { tenant: tenant(), record, seq, purpose, hook: Some(hook) };
    let fresh = Delivery::fresh(key, "https://example.com/hook", "{}", now);
    desk.cx.store.open_call(Packet::KIND, key, "packet.created", &fresh).await.unwrap();
    desk.cx.store.call(tenant(), key.call().unwrap()).await.unwrap().unwrap()
}

/// One attempt more. Without a time for the next one it was the last.
pub(super) async fn tried(desk: &Desk, call: &Call, status: Option<u16>, next: Option<Timestamp>) {
    let call = desk.cx.store.call(tenant(), call.id).await.unwrap().unwrap();
    let mut after = call.delivery.clone();
    after.attempts.push(Attempt { at: desk.cx.clock.now(), status, error: None, took_ms: 5 });
    after.next_attempt_at = next;
    after.status = match (next, status) {
        (Some(_), _) => DeliveryStatus::Pending,
        (None, Some(200)) => DeliveryStatus::Delivered,
        (None, _) => DeliveryStatus::Dead,
    };
    assert!(desk.cx.store.record_call(&call, &after).await.unwrap());
}

/// It is given up.
pub(super) async fn end(desk: &Desk, call: &Call) {
    tried(desk, call, Some(500), None).await;
}

pub(super) async fn seen(desk: &Desk, id: CallId) -> Value {
    call_shown(&desk.cx.store.call(tenant(), id).await.unwrap().unwrap())
}
