//! Webhooks and their deliveries on Amazon's DynamoDB Local: unique slots, and lists from three indexes.

use handrail_context::cx::Cx;
use handrail_domain::effect::Purpose;
use handrail_domain::ids::RecordId;
use handrail_domain::webhook::WebhookId;
use handrail_records::webhook::{WebhookParams, build_webhook, signing_secret};
use handrail_secrets::secret::Secret;
use handrail_store::{
    Attempt, CloseOutcome, CloseReason, Delivery, DeliveryKey, DeliveryStatus, Webhook, WebhookDelivery,
    WebhookDeliveryState,
};

use crate::tools::{NOON, tenant};

const KIND: &str = "packet";

pub(crate) async fn check_webhooks(cx: &Cx) {
    let webhook = webhook_slot_is_taken_once(cx).await;
    deliveries_are_found_by_webhook_and_state(cx, &webhook).await;
}

fn webhook(cx: &Cx, entropy: u8) -> Webhook {
    let params = WebhookParams {
        url: "https://example.com/".to_owned(),
        events: vec!["packet.created".to_owned()],
        secret: Secret::new("sixteen letters!"),
    };
    build_webhook(cx, WebhookId::new(NOON, [entropy; 10], 7), tenant(), &params).unwrap()
}

async fn webhook_slot_is_taken_once(cx: &Cx) -> Webhook {
    let (first, second, third) = (webhook(cx, 1), webhook(cx, 2), webhook(cx, 3));
    assert!(cx.store.put_webhook(KIND, &first, None).await.unwrap());
    assert!(cx.store.put_webhook(KIND, &first, None).await.unwrap(), "a retry after a lost response");
    for instead_of in [None, Some(first.id), Some(third.id)] {
        assert!(!cx.store.put_webhook(KIND, &second, instead_of).await.unwrap(), "the slot has an active webhook");
    }
    assert_eq!(
        cx.store.close_webhook(tenant(), KIND, second.id, CloseReason::Gone, NOON).await.unwrap(),
        CloseOutcome::NotFound
    );
    assert_eq!(
        cx.store.close_webhook(tenant(), KIND, first.id, CloseReason::Gone, NOON).await.unwrap(),
        CloseOutcome::Closed
    );
    assert_eq!(
        cx.store.close_webhook(tenant(), KIND, first.id, CloseReason::Gone, NOON).await.unwrap(),
        CloseOutcome::AlreadyClosed
    );
    let closed = cx.store.webhook(tenant(), KIND, first.id).await.unwrap().unwrap();
    assert!(!closed.is_active() && signing_secret(cx, &closed).unwrap().is_none());
    assert!(!cx.store.put_webhook(KIND, &second, None).await.unwrap());
    assert!(cx.store.put_webhook(KIND, &second, Some(first.id)).await.unwrap());
    assert!(!cx.store.put_webhook(KIND, &third, Some(first.id)).await.unwrap());
    assert_eq!(cx.store.webhook(tenant(), KIND, first.id).await.unwrap(), None);
    assert_eq!(cx.store.webhooks(tenant(), KIND).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(cx.store.webhooks(tenant(), "decision").await.unwrap(), []);
    second
}

async fn create_delivery(cx: &Cx, webhook: &Webhook, seq: u64) -> WebhookDelivery {
    let (record, at) = (RecordId::new(NOON, [9; 10]), NOON.plus_ms(i64::try_from(seq).unwrap()));
    let key = DeliveryKey { tenant: tenant(), record, seq, purpose: Purpose::WEBHOOK, webhook: Some(webhook.id) };
    let new_delivery = |body: &str| Delivery::new(key, &webhook.url, body, at);
    for body in ["first", "second"] {
        cx.store.put_webhook_delivery(KIND, key, "packet.created", &new_delivery(body)).await.unwrap();
    }
    let delivery = cx.store.webhook_delivery(tenant(), key.webhook_delivery_id().unwrap()).await.unwrap().unwrap();
    assert_eq!((delivery.delivery.body.as_str(), delivery.event.as_str()), ("first", "packet.created"));
    delivery
}

async fn record_attempt(cx: &Cx, delivery: &WebhookDelivery, status: DeliveryStatus) {
    let mut after = delivery.delivery.clone();
    after.attempts.push(Attempt { at: NOON, status: Some(500), error: None, took_ms: 1 });
    after.status = status;
    assert!(cx.store.record_webhook_attempt(delivery, &after).await.unwrap());
    assert!(!cx.store.record_webhook_attempt(delivery, &after).await.unwrap());
}

async fn deliveries_are_found_by_webhook_and_state(cx: &Cx, webhook: &Webhook) {
    let mut deliveries = Vec::new();
    for seq in 1..=5 {
        deliveries.insert(0, create_delivery(cx, webhook, seq).await);
    }
    let ids = |deliveries: &[WebhookDelivery]| deliveries.iter().map(|delivery| delivery.id).collect::<Vec<_>>();
    let of_webhook = async |state, offset, limit| {
        ids(&cx.store.webhook_deliveries_of(tenant(), webhook.id, state, offset, limit).await.unwrap())
    };
    assert_eq!(of_webhook(None, 0, 50).await, ids(&deliveries));
    assert_eq!(of_webhook(None, 1, 2).await, ids(&deliveries[1..3]));
    assert_eq!(of_webhook(None, 5, 2).await, []);
    record_attempt(cx, &deliveries[0], DeliveryStatus::DeadLetter).await;
    record_attempt(cx, &deliveries[1], DeliveryStatus::Pending).await;
    record_attempt(cx, &deliveries[2], DeliveryStatus::Delivered).await;
    record_attempt(cx, &deliveries[4], DeliveryStatus::DeadLetter).await;
    for (state, expected) in [
        (WebhookDeliveryState::DeadLetter, vec![deliveries[0].id, deliveries[4].id]),
        (WebhookDeliveryState::Failed, vec![deliveries[1].id]),
        (WebhookDeliveryState::Delivered, vec![deliveries[2].id]),
        (WebhookDeliveryState::Pending, vec![deliveries[3].id]),
    ] {
        assert_eq!(of_webhook(Some(state), 0, 50).await, expected, "{state:?}");
    }
    let dead_letters = cx.store.dead_letters(tenant(), KIND, 0, 50).await.unwrap();
    assert_eq!(ids(&dead_letters), [deliveries[0].id, deliveries[4].id]);
    assert_eq!(
        ids(&cx.store.dead_letters_of_webhooks(tenant(), KIND, &[webhook.id], 1).await.unwrap()),
        [deliveries[0].id]
    );
    assert_eq!(cx.store.dead_letters_of_webhooks(tenant(), KIND, &[], 1).await.unwrap(), []);
    assert!(cx.store.replay_webhook_delivery(&dead_letters[0], NOON).await.unwrap().is_some());
    assert!(
        cx.store.replay_webhook_delivery(&dead_letters[0], NOON).await.unwrap().is_none(),
        "the replay is already pending"
    );
    assert_eq!(ids(&cx.store.dead_letters(tenant(), KIND, 0, 50).await.unwrap()), [deliveries[4].id]);
    assert_eq!(of_webhook(Some(WebhookDeliveryState::Pending), 0, 50).await, [deliveries[0].id, deliveries[3].id]);
}
