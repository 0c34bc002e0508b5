//! Webhook retries depend on the receiver's response: at once, after 1 s, 5 s, 30 s, 5 min and 1 h, or not at all.

use std::time::Duration;

use handrail_testkit::{Client, Received, TestServer};
use serde_json::{Value, json};

use crate::packets::{create_packet, packet_body};
use crate::webhooks::{
    SECRET, WEBHOOKS_PATH, assert_signature_valid, create_webhook, list_dead_letters, list_deliveries, webhook_body,
};

const ALWAYS_FAILING: [u16; 30] = [500; 30];

fn without_current_signature(call: &Received) -> (String, Vec<u8>, String) {
    (call.header("x-hr-delivery-id").to_owned(), call.body.to_vec(), call.header("x-hr-signature").to_owned())
}

async fn replay(client: &Client, delivery: &Value) -> handrail_testkit::TestResponse {
    client.post(&format!("{WEBHOOKS_PATH}/dlq/{}/replay", delivery["id"].as_str().unwrap()), &json!({})).await
}

#[tokio::test]
async fn failing_webhook_is_dead_lettered_after_six_attempts() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let hook = create_webhook(&client, &server.receiver.url).await;
    server.receiver.answer_with(&ALWAYS_FAILING[..6]);
    create_packet(&client, &packet_body("b-1")).await;
    server.run_due_work().await;
    let mut calls = server.receiver.take();
    assert_eq!(calls.len(), 1);
    let gaps_ms = [1_000, 5_000, 30_000, 300_000, 3_600_000];
    for (tried, gap_ms) in gaps_ms.into_iter().enumerate() {
        let waiting = list_deliveries(&client, &hook).await.remove(0);
        assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("failed"), &json!(tried + 1)));
        assert_eq!(waiting["next_retry_at"], json!(server.now().plus_ms(i64::try_from(gap_ms).unwrap())));
        server.advance(Duration::from_millis(gap_ms - 1)).await;
        assert_eq!(server.receiver.take().len(), 0, "after {gap_ms} ms less one");
        server.advance(Duration::from_millis(1)).await;
        calls.extend(server.receiver.take());
        assert_eq!(calls.len(), tried + 2);
    }
    for call in &calls {
        assert_signature_valid(call);
        assert_eq!(without_current_signature(call), without_current_signature(&calls[0]));
    }
    let given_up = list_deliveries(&client, &hook).await.remove(0);
    let shown =
        ["status", "attempts", "next_retry_at", "last_status_code", "last_error"].map(|name| given_up[name].clone());
    assert_eq!(shown, [json!("dead_letter"), json!(6), Value::Null, json!(500), json!("HTTP 500")]);
    assert_eq!(list_dead_letters(&client).await, [given_up]);
    server.advance(Duration::from_hours(7)).await;
    assert_eq!(server.receiver.take().len(), 0);
    server.finish().await;
}

#[tokio::test]
async fn replayed_dead_letter_has_same_bytes() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let hook = create_webhook(&client, &server.receiver.url).await;
    server.receiver.answer_with(&ALWAYS_FAILING[..7]);
    create_packet(&client, &packet_body("b-1")).await;
    server.advance(Duration::from_hours(2)).await;
    let before = server.receiver.take();
    assert_eq!(before.len(), 6);
    let letter = list_dead_letters(&client).await.remove(0);
    let replayed = replay(&client, &letter).await.expect(200);
    assert_eq!(replayed.json, json!({"delivery_id": letter["id"], "replayed": true}));
    replay(&client, &letter).await.expect_detail(404);
    // The first attempt of the replay fails too, and the retry schedule starts again.
    server.run_due_work().await;
    assert_eq!(list_deliveries(&client, &hook).await[0]["status"], "failed");
    server.advance(Duration::from_secs(1)).await;
    let again = server.receiver.take();
    assert_eq!(again.len(), 2);
    assert_eq!(without_current_signature(&again[1]), without_current_signature(&before[0]));
    let delivered = list_deliveries(&client, &hook).await.remove(0);
    assert_eq!((&delivered["status"], &delivered["attempts"]), (&json!("delivered"), &json!(8)));
    assert_eq!(delivered["delivered_at"], json!(server.now()));
    assert!(list_dead_letters(&client).await.is_empty());
    replay(&client, &letter).await.expect_detail(404);
    server.finish().await;
}

#[tokio::test]
async fn all_dead_letters_can_be_replayed_together() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    create_webhook(&client, &server.receiver.url).await;
    server.receiver.answer_with(&ALWAYS_FAILING[..18]);
    for _ in 0..3 {
        create_packet(&client, &packet_body("b-1")).await;
    }
    server.advance(Duration::from_hours(2)).await;
    server.receiver.take();
    assert_eq!(list_dead_letters(&client).await.len(), 3);
    let writer = server.key("writer").await.of_packets();
    writer.post(&format!("{WEBHOOKS_PATH}/dlq/retry-all"), &json!({})).await.expect_detail(403);
    let retried = client.post(&format!("{WEBHOOKS_PATH}/dlq/retry-all"), &json!({})).await.expect(200);
    assert_eq!(retried.json, json!({"retried": 3, "succeeded": 3, "failed": 0}));
    server.run_due_work().await;
    assert_eq!(server.receiver.take().len(), 3);
    assert!(list_dead_letters(&client).await.is_empty());
    server.finish().await;
}

#[tokio::test]
async fn status_410_stops_further_deliveries() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let hook = create_webhook(&client, &server.receiver.url).await;
    server.receiver.answer_with(&[410]);
    create_packet(&client, &packet_body("b-1")).await;
    server.run_due_work().await;
    assert_eq!(server.receiver.take().len(), 1);
    assert_eq!(client.get(WEBHOOKS_PATH).await.expect(200).json[0]["active"], false);
    let letter = list_deliveries(&client, &hook).await.remove(0);
    assert_eq!((&letter["status"], &letter["last_status_code"]), (&json!("dead_letter"), &json!(410)));
    create_packet(&client, &packet_body("b-1")).await;
    server.advance(Duration::from_hours(2)).await;
    assert_eq!(server.receiver.take().len(), 0);
    assert_eq!(list_deliveries(&client, &hook).await.len(), 1);
    assert!(replay(&client, &letter).await.expect_detail(409).text.contains("inactive"));
    client.delete(&format!("{WEBHOOKS_PATH}/{hook}")).await.expect_detail(409);
    server.finish().await;
}

#[tokio::test]
async fn status_410_dead_letters_waiting_deliveries() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let hook = create_webhook(&client, &server.receiver.url).await;
    server.receiver.answer_with(&[500, 410]);
    for _ in 0..2 {
        create_packet(&client, &packet_body("b-1")).await;
        server.run_due_work().await;
    }
    assert_eq!(server.receiver.take().len(), 2);
    let listed = client.get(WEBHOOKS_PATH).await.expect(200).json[0].clone();
    assert_eq!((&listed["active"], &listed["inactive_reason"]), (&json!(false), &json!("gone")));
    server.advance(Duration::from_secs(1)).await;
    assert_eq!(server.receiver.take().len(), 0);
    let deliveries = list_deliveries(&client, &hook).await;
    assert!(deliveries.iter().all(|delivery| delivery["status"] == "dead_letter"), "{deliveries:?}");
    let reason = "the receiver answered 410 Gone, so the webhook is no longer active";
    assert_eq!(deliveries.iter().filter(|delivery| delivery["last_error"] == reason).count(), 1, "{deliveries:?}");
    server.finish().await;
}

#[tokio::test]
async fn deleted_webhook_drops_pending_deliveries() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let hook = create_webhook(&client, &server.receiver.url).await;
    server.receiver.answer_with(&[500]);
    create_packet(&client, &packet_body("b-1")).await;
    server.run_due_work().await;
    assert_eq!(server.receiver.take().len(), 1);
    client.delete(&format!("{WEBHOOKS_PATH}/{hook}")).await.expect(204);
    server.advance(Duration::from_hours(2)).await;
    assert_eq!(server.receiver.take().len(), 0);
    let letter = list_dead_letters(&client).await.remove(0);
    assert_eq!(
        (&letter["last_status_code"], &letter["last_error"]),
        (&Value::Null, &json!("the webhook is no longer active"))
    );
    server.finish().await;
}

#[tokio::test]
async fn failing_webhook_does_not_delay_others() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let unused_address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let broken = create_webhook(&client, &format!("http://{unused_address}/hook")).await;
    let fine = create_webhook(&client, &server.receiver.url).await;
    server.receiver.answer_with(&[302]);
    create_packet(&client, &packet_body("b-1")).await;
    server.advance(Duration::from_secs(1)).await;
    let calls = server.receiver.take();
    assert_eq!(calls.iter().map(|call| call.path.as_str()).collect::<Vec<_>>(), ["/hook", "/hook"]);
    assert_eq!(list_deliveries(&client, &fine).await[0]["status"], "delivered");
    let failing = list_deliveries(&client, &broken).await.remove(0);
    assert_eq!((&failing["status"], &failing["last_status_code"]), (&json!("failed"), &Value::Null));
    assert!(failing["last_error"].as_str().is_some_and(|error| !error.is_empty()));
    server.finish().await;
}

#[tokio::test]
async fn private_webhook_urls_are_refused_and_secrets_hidden() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    for url in
        ["http://10.0.0.1/", "http://169.254.169.254/latest", "ftp://example.com/", "http://metadata.google.internal/"]
    {
        let refused = client.post(WEBHOOKS_PATH, &webhook_body(url, &[])).await.expect_detail(400);
        assert_eq!(refused.json["field"], "url", "{url}");
    }
    create_webhook(&client, &server.receiver.url).await;
    create_packet(&client, &packet_body("b-1")).await;
    server.run_due_work().await;
    server.receiver.take();
    let everything = server.engine.client().scan().table_name("handrail").send().await.unwrap();
    assert!(!format!("{:?}", everything.items()).contains(SECRET), "the secret is stored in plain text");
    assert!(!client.get(WEBHOOKS_PATH).await.expect(200).text.contains(SECRET));
    server.finish().await;
}
