//! What a hook's receiver does decides how often it is called: at once, after 1 s, 5 s, 30 s, 5 min and 1 h, or never again.

use std::time::Duration;

use handrail_testkit::{Client, Received, World};
use serde_json::{Value, json};

use crate::hooks::{HOOKS, SECRET, dead, deliveries, hook, hooked, verify};
use crate::packets::{made, packet};

const ALWAYS: [u16; 30] = [500; 30];

fn without_signature_of_now(call: &Received) -> (String, Vec<u8>, String) {
    (call.header("x-hr-delivery-id").to_owned(), call.body.to_vec(), call.header("x-hr-signature").to_owned())
}

async fn replay(client: &Client, delivery: &Value) -> handrail_testkit::Answer {
    client.post(&format!("{HOOKS}/dlq/{}/replay", delivery["id"].as_str().unwrap()), &json!({})).await
}

#[tokio::test]
async fn a_failing_hook_is_called_six_times_with_the_same_bytes_and_then_given_up() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let hook = hooked(&client, &world.receiver.url).await;
    world.receiver.answer_with(&ALWAYS[..6]);
    made(&client, &packet("b-1")).await;
    world.settle().await;
    let mut calls = world.receiver.take();
    assert_eq!(calls.len(), 1);
    let gaps_ms = [1_000, 5_000, 30_000, 300_000, 3_600_000];
    for (tried, gap_ms) in gaps_ms.into_iter().enumerate() {
        let waiting = deliveries(&client, &hook).await.remove(0);
        assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("failed"), &json!(tried + 1)));
        assert_eq!(waiting["next_retry_at"], json!(world.now().plus_ms(i64::try_from(gap_ms).unwrap())));
        world.advance(Duration::from_millis(gap_ms - 1)).await;
        assert_eq!(world.receiver.take().len(), 0, "after {gap_ms} ms less one");
        world.advance(Duration::from_millis(1)).await;
        calls.extend(world.receiver.take());
        assert_eq!(calls.len(), tried + 2);
    }
    for call in &calls {
        verify(call);
        assert_eq!(without_signature_of_now(call), without_signature_of_now(&calls[0]));
    }
    let given_up = deliveries(&client, &hook).await.remove(0);
    let shown =
        ["status", "attempts", "next_retry_at", "last_status_code", "last_error"].map(|name| given_up[name].clone());
    assert_eq!(shown, [json!("dead_letter"), json!(6), Value::Null, json!(500), json!("HTTP 500")]);
    assert_eq!(dead(&client).await, [given_up]);
    world.advance(Duration::from_hours(7)).await;
    assert_eq!(world.receiver.take().len(), 0);
    world.end().await;
}

#[tokio::test]
async fn a_dead_letter_is_sent_again_with_the_bytes_it_had() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let hook = hooked(&client, &world.receiver.url).await;
    world.receiver.answer_with(&ALWAYS[..7]);
    made(&client, &packet("b-1")).await;
    world.advance(Duration::from_hours(2)).await;
    let before = world.receiver.take();
    assert_eq!(before.len(), 6);
    let letter = dead(&client).await.remove(0);
    let replayed = replay(&client, &letter).await.expect(200);
    assert_eq!(replayed.json, json!({"delivery_id": letter["id"], "replayed": true}));
    replay(&client, &letter).await.expect_detail(404);
    // The first attempt of the replay fails too, and the schedule begins anew.
    world.settle().await;
    assert_eq!(deliveries(&client, &hook).await[0]["status"], "failed");
    world.advance(Duration::from_secs(1)).await;
    let again = world.receiver.take();
    assert_eq!(again.len(), 2);
    assert_eq!(without_signature_of_now(&again[1]), without_signature_of_now(&before[0]));
    let delivered = deliveries(&client, &hook).await.remove(0);
    assert_eq!((&delivered["status"], &delivered["attempts"]), (&json!("delivered"), &json!(8)));
    assert_eq!(delivered["delivered_at"], json!(world.now()));
    assert!(dead(&client).await.is_empty());
    replay(&client, &letter).await.expect_detail(404);
    world.end().await;
}

#[tokio::test]
async fn all_dead_letters_are_sent_again_at_once() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    hooked(&client, &world.receiver.url).await;
    world.receiver.answer_with(&ALWAYS[..18]);
    for _ in 0..3 {
        made(&client, &packet("b-1")).await;
    }
    world.advance(Duration::from_hours(2)).await;
    world.receiver.take();
    assert_eq!(dead(&client).await.len(), 3);
    let writer = world.key("writer").await.of_packets();
    writer.post(&format!("{HOOKS}/dlq/retry-all"), &json!({})).await.expect_detail(403);
    let retried = client.post(&format!("{HOOKS}/dlq/retry-all"), &json!({})).await.expect(200);
    assert_eq!(retried.json, json!({"retried": 3, "succeeded": 3, "failed": 0}));
    world.settle().await;
    assert_eq!(world.receiver.take().len(), 3);
    assert!(dead(&client).await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_called_no_more() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let hook = hooked(&client, &world.receiver.url).await;
    world.receiver.answer_with(&[410]);
    made(&client, &packet("b-1")).await;
    world.settle().await;
    assert_eq!(world.receiver.take().len(), 1);
    assert_eq!(client.get(HOOKS).await.expect(200).json[0]["active"], false);
    let letter = deliveries(&client, &hook).await.remove(0);
    assert_eq!((&letter["status"], &letter["last_status_code"]), (&json!("dead_letter"), &json!(410)));
    made(&client, &packet("b-1")).await;
    world.advance(Duration::from_hours(2)).await;
    assert_eq!(world.receiver.take().len(), 0);
    assert_eq!(deliveries(&client, &hook).await.len(), 1);
    assert!(replay(&client, &letter).await.expect_detail(409).text.contains("inactive"));
    client.delete(&format!("{HOOKS}/{hook}")).await.expect_detail(409);
    world.end().await;
}

#[tokio::test]
async fn what_waits_for_a_hook_that_was_taken_away_is_given_up_without_a_call() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let hook = hooked(&client, &world.receiver.url).await;
    world.receiver.answer_with(&[500]);
    made(&client, &packet("b-1")).await;
    world.settle().await;
    assert_eq!(world.receiver.take().len(), 1);
    client.delete(&format!("{HOOKS}/{hook}")).await.expect(204);
    world.advance(Duration::from_hours(2)).await;
    assert_eq!(world.receiver.take().len(), 0);
    let letter = dead(&client).await.remove(0);
    assert_eq!(
        (&letter["last_status_code"], &letter["last_error"]),
        (&Value::Null, &json!("the hook is not active any more"))
    );
    world.end().await;
}

#[tokio::test]
async fn a_hook_that_fails_keeps_no_other_waiting_and_no_redirect_is_followed() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let broken = hooked(&client, &format!("http://{nobody}/hook")).await;
    let fine = hooked(&client, &world.receiver.url).await;
    world.receiver.answer_with(&[302]);
    made(&client, &packet("b-1")).await;
    world.advance(Duration::from_secs(1)).await;
    let calls = world.receiver.take();
    assert_eq!(calls.iter().map(|call| call.path.as_str()).collect::<Vec<_>>(), ["/hook", "/hook"]);
    assert_eq!(deliveries(&client, &fine).await[0]["status"], "delivered");
    let failing = deliveries(&client, &broken).await.remove(0);
    assert_eq!((&failing["status"], &failing["last_status_code"]), (&json!("failed"), &Value::Null));
    assert!(failing["last_error"].as_str().is_some_and(|error| !error.is_empty()));
    world.end().await;
}

#[tokio::test]
async fn no_hook_leads_inside_and_no_secret_is_shown() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    for url in
        ["http://10.0.0.1/", "http://169.254.169.254/latest", "ftp://example.com/", "http://metadata.google.internal/"]
    {
        let refused = client.post(HOOKS, &hook(url, &[])).await.expect_detail(400);
        assert_eq!(refused.json["field"], "url", "{url}");
    }
    hooked(&client, &world.receiver.url).await;
    made(&client, &packet("b-1")).await;
    world.settle().await;
    world.receiver.take();
    let everything = world.engine.client().scan().table_name("handrail").send().await.unwrap();
    assert!(!format!("{:?}", everything.items()).contains(SECRET), "it lies there to be read");
    assert!(!client.get(HOOKS).await.expect(200).text.contains(SECRET));
    world.end().await;
}
