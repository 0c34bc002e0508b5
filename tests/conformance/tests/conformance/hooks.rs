//! Hooks and their calls on Amazon's own DynamoDB Local: places that are taken once, and three lists from three indexes.

use handrail_domain::effect::Purpose;
use handrail_domain::hook::HookId;
use handrail_domain::ids::RecordId;
use handrail_kernel::cx::Cx;
use handrail_kernel::hook::{Wanted, in_place, secret_of};
use handrail_kernel::slack::Secret;
use handrail_kernel::store::{Attempt, Call, CallState, Closed, Delivery, DeliveryKey, DeliveryStatus, Hook};

use crate::tools::{NOON, tenant};

const KIND: &str = "packet";

pub(crate) async fn hold(cx: &Cx) {
    let hook = a_place_is_taken_once(cx).await;
    calls_are_found_by_hook_by_state_and_among_the_dead(cx, &hook).await;
}

fn hook(cx: &Cx, entropy: u8) -> Hook {
    let wanted = Wanted {
        url: "https://example.com/".to_owned(),
        events: vec!["packet.created".to_owned()],
        secret: Secret::new("sixteen letters!"),
    };
    in_place(cx, HookId::new(NOON, [entropy; 10], 7), tenant(), &wanted).unwrap()
}

async fn a_place_is_taken_once(cx: &Cx) -> Hook {
    let (first, second, third) = (hook(cx, 1), hook(cx, 2), hook(cx, 3));
    assert!(cx.store.put_hook(KIND, &first, None).await.unwrap());
    assert!(cx.store.put_hook(KIND, &first, None).await.unwrap(), "our own, whose answer was lost");
    for instead_of in [None, Some(first.id), Some(third.id)] {
        assert!(!cx.store.put_hook(KIND, &second, instead_of).await.unwrap(), "it is active");
    }
    assert_eq!(cx.store.close_hook(tenant(), KIND, second.id, NOON).await.unwrap(), Closed::Unknown);
    assert_eq!(cx.store.close_hook(tenant(), KIND, first.id, NOON).await.unwrap(), Closed::Now);
    assert_eq!(cx.store.close_hook(tenant(), KIND, first.id, NOON).await.unwrap(), Closed::Before);
    let closed = cx.store.hook(tenant(), KIND, first.id).await.unwrap().unwrap();
    assert!(!closed.is_active() && secret_of(cx, &closed).unwrap().is_none());
    assert!(!cx.store.put_hook(KIND, &second, None).await.unwrap());
    assert!(cx.store.put_hook(KIND, &second, Some(first.id)).await.unwrap());
    assert!(!cx.store.put_hook(KIND, &third, Some(first.id)).await.unwrap());
    assert_eq!(cx.store.hook(tenant(), KIND, first.id).await.unwrap(), None);
    assert_eq!(cx.store.hooks(tenant(), KIND).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(cx.store.hooks(tenant(), "decision").await.unwrap(), []);
    second
}

async fn opened(cx: &Cx, hook: &Hook, seq: u64) -> Call {
    let (record, at) = (RecordId::new(NOON, [9; 10]), NOON.plus_ms(i64::try_from(seq).unwrap()));
    let key = DeliveryKey { tenant: tenant(), record, seq, purpose: Purpose::Announce, hook: Some(hook.id) };
    let fresh = |body: &str| Delivery::fresh(key, &hook.url, body, at);
    for body in ["first", "second"] {
        cx.store.open_call(KIND, key, "packet.created", &fresh(body)).await.unwrap();
    }
    let call = cx.store.call(tenant(), key.call().unwrap()).await.unwrap().unwrap();
    assert_eq!((call.delivery.body.as_str(), call.event.as_str()), ("first", "packet.created"));
    call
}

async fn end(cx: &Cx, call: &Call, status: DeliveryStatus) {
    let mut after = call.delivery.clone();
    after.attempts.push(Attempt { at: NOON, status: Some(500), error: None, took_ms: 1 });
    after.status = status;
    assert!(cx.store.record_call(call, &after).await.unwrap());
    assert!(!cx.store.record_call(call, &after).await.unwrap());
}

async fn calls_are_found_by_hook_by_state_and_among_the_dead(cx: &Cx, hook: &Hook) {
    let mut calls = Vec::new();
    for seq in 1..=5 {
        calls.insert(0, opened(cx, hook, seq).await);
    }
    let ids = |calls: &[Call]| calls.iter().map(|call| call.id).collect::<Vec<_>>();
    let of_hook = async |state, offset, limit| {
        ids(&cx.store.calls_of_hook(tenant(), hook.id, state, offset, limit).await.unwrap())
    };
    assert_eq!(of_hook(None, 0, 50).await, ids(&calls));
    assert_eq!(of_hook(None, 1, 2).await, ids(&calls[1..3]));
    assert_eq!(of_hook(None, 5, 2).await, []);
    end(cx, &calls[0], DeliveryStatus::Dead).await;
    end(cx, &calls[1], DeliveryStatus::Pending).await;
    end(cx, &calls[2], DeliveryStatus::Delivered).await;
    end(cx, &calls[4], DeliveryStatus::Dead).await;
    for (state, expected) in [
        (CallState::Dead, vec![calls[0].id, calls[4].id]),
        (CallState::Failed, vec![calls[1].id]),
        (CallState::Delivered, vec![calls[2].id]),
        (CallState::Pending, vec![calls[3].id]),
    ] {
        assert_eq!(of_hook(Some(state), 0, 50).await, expected, "{state:?}");
    }
    let dead = cx.store.dead_calls(tenant(), KIND, 0, 50).await.unwrap();
    assert_eq!(ids(&dead), [calls[0].id, calls[4].id]);
    assert_eq!(ids(&cx.store.dead_calls_of(tenant(), KIND, &[hook.id], 1).await.unwrap()), [calls[0].id]);
    assert_eq!(cx.store.dead_calls_of(tenant(), KIND, &[], 1).await.unwrap(), []);
    assert!(cx.store.replay_call(&dead[0], NOON).await.unwrap().is_some());
    assert!(cx.store.replay_call(&dead[0], NOON).await.unwrap().is_none(), "once at a time");
    assert_eq!(ids(&cx.store.dead_calls(tenant(), KIND, 0, 50).await.unwrap()), [calls[4].id]);
    assert_eq!(of_hook(Some(CallState::Pending), 0, 50).await, [calls[0].id, calls[3].id]);
}
