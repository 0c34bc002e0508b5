//! Messages that come in one event are each for themselves.

use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsEvent;
use handrail_domain::effect::Purpose;
use handrail_domain::hook::HookId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_effects::Message;
use handrail_effects::aws::{Failures, take_messages};
use handrail_kernel::hook::{Wanted, in_place};
use handrail_kernel::slack::Secret;
use handrail_kernel::store::{Delivery, DeliveryKey, DeliveryStatus};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::packets::packet_id;
use crate::stage::{NOW, Stage, tenant};

/// Answers the slow one only when the fast one was called.
async fn answer(mut caller: TcpStream, called: Arc<Notify>) {
    let mut head = vec![0; 512];
    let read = caller.read(&mut head).await.unwrap_or_default();
    if head[..read].starts_with(b"POST /slow") {
        called.notified().await;
    } else {
        called.notify_one();
    }
    let _ = caller.write_all(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n").await;
}

async fn call(stage: &Stage, origin: &str, slot: u8, path: &str) -> DeliveryKey {
    let id = HookId::new(NOW, [8; 10], slot);
    let wanted =
        Wanted { url: format!("{origin}{path}"), events: Vec::new(), secret: Secret::new("EXAMPLE of a secret") };
    let hook = in_place(&stage.cx, id, tenant(), &wanted).unwrap();
    assert!(stage.cx.store.put_hook(Packet::KIND, &hook, None).await.unwrap());
    let purpose = Purpose::Announce;
    let key = DeliveryKey { tenant: tenant(), record: packet_id(), seq: 1, purpose, hook: Some(id) };
    let fresh = Delivery::fresh(key, &hook.url, "{}", NOW);
    stage.cx.store.open_call(Packet::KIND, key, "packet.created", &fresh).await.unwrap();
    key
}

#[tokio::test]
async fn a_slow_receiver_keeps_no_other_message_waiting() {
    let stage = Stage::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let called = Arc::new(Notify::new());
        while let Ok((caller, _)) = listener.accept().await {
            tokio::spawn(answer(caller, Arc::clone(&called)));
        }
    });
    let keys = [call(&stage, &origin, 0, "/slow").await, call(&stage, &origin, 1, "/fast").await];
    let records = keys.map(|key| {
        let message = Message::Deliver { kind: Packet::KIND.to_owned(), key };
        json!({"messageId": key.id(), "body": serde_json::to_string(&message).unwrap()})
    });
    let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
    assert_eq!(take_messages(&stage.works(), event).await, Failures::default());
    for key in keys {
        let made = stage.cx.store.call(tenant(), key.call().unwrap()).await.unwrap().unwrap().delivery;
        assert_eq!(made.status, DeliveryStatus::Delivered, "{:?}", made.attempts);
    }
    assert_eq!(stage.sent.messages(), []);
}
