//! Messages of one event are processed independently.

use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsEvent;
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::webhook::WebhookId;
use handrail_domain::webhook_health::WebhookHealth;
use handrail_effects::Message;
use handrail_effects_aws::{BatchResponse, handle_messages};
use handrail_records::webhook::{WebhookParams, build_webhook};
use handrail_secrets::secret::Secret;
use handrail_store::{Delivery, DeliveryKey, DeliveryStatus};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::packets::packet_id;
use crate::replay_app::{NOW, ReplayApp, tenant};

/// Responds to `/slow` only after `/fast` was called.
async fn respond(mut caller: TcpStream, fast_called: Arc<Notify>) {
    let mut head = vec![0; 512];
    let length = caller.read(&mut head).await.unwrap_or_default();
    if head[..length].starts_with(b"POST /slow") {
        fast_called.notified().await;
    } else {
        fast_called.notify_one();
    }
    let _ = caller.write_all(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n").await;
}

/// Puts a webhook for new packets into a slot.
pub(crate) async fn put_webhook(app: &ReplayApp, url: &str, slot: u8) -> WebhookId {
    let id = WebhookId::new(NOW, [8; 10], slot);
    let params = WebhookParams {
        url: url.to_owned(),
        events: vec!["packet.created".to_owned()],
        secret: Secret::new("EXAMPLE of a secret"),
    };
    let webhook = build_webhook(&app.cx, id, tenant(), &params).unwrap();
    assert!(app.cx.store.put_webhook(Packet::KIND, &webhook, None).await.unwrap());
    id
}

async fn put_delivery(app: &ReplayApp, origin: &str, slot: u8, path: &str) -> DeliveryKey {
    let url = format!("{origin}{path}");
    let id = put_webhook(app, &url, slot).await;
    let purpose = Purpose::WEBHOOK;
    let key = DeliveryKey { tenant: tenant(), record: packet_id(), seq: 1, purpose, webhook: Some(id) };
    let delivery = Delivery::new(key, &url, "{}", NOW);
    app.cx.store.put_webhook_delivery(Packet::KIND, key, "packet.created", &delivery).await.unwrap();
    key
}

#[tokio::test]
async fn slow_receiver_does_not_delay_other_messages() {
    let app = ReplayApp::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let fast_called = Arc::new(Notify::new());
        while let Ok((caller, _)) = listener.accept().await {
            tokio::spawn(respond(caller, Arc::clone(&fast_called)));
        }
    });
    let keys = [put_delivery(&app, &origin, 0, "/slow").await, put_delivery(&app, &origin, 1, "/fast").await];
    let records = keys.map(|key| {
        let message = Message::Deliver { kind: Packet::KIND.to_owned(), key };
        json!({"messageId": key.id(), "body": serde_json::to_string(&message).unwrap()})
    });
    let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
    assert_eq!(handle_messages(&app.worker_context(), event).await, BatchResponse::default());
    for key in keys {
        let delivery = app
            .cx
            .store
            .webhook_delivery(tenant(), key.webhook_delivery_id().unwrap())
            .await
            .unwrap()
            .unwrap()
            .delivery;
        assert_eq!(delivery.status, DeliveryStatus::Delivered, "{:?}", delivery.attempts);
    }
    assert_eq!(app.sent.messages(), []);
}

#[tokio::test]
async fn message_of_paused_webhook_is_sent_again_without_a_call() {
    let app = ReplayApp::new().await;
    let key = put_delivery(&app, "http://127.0.0.1:9", 0, "/paused").await;
    let (webhook, id) = (key.webhook.unwrap(), key.webhook_delivery_id().unwrap());
    let stored = app.cx.store.webhook(tenant(), Packet::KIND, webhook).await.unwrap().unwrap();
    let paused = WebhookHealth { paused_until: Some(NOW.plus_ms(60_000)), ..WebhookHealth::default() };
    assert!(app.cx.store.put_webhook_health(Packet::KIND, &stored, paused).await.unwrap());
    let message = Message::Deliver { kind: Packet::KIND.to_owned(), key };
    let record = json!({"messageId": key.id(), "body": serde_json::to_string(&message).unwrap()});
    let event: SqsEvent = serde_json::from_value(json!({"Records": [record]})).unwrap();
    assert_eq!(handle_messages(&app.worker_context(), event).await, BatchResponse::default());
    let delivery = app.cx.store.webhook_delivery(tenant(), id).await.unwrap().unwrap().delivery;
    assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Pending, Vec::new()));
    assert_eq!(app.sent.messages(), [message]);
}
