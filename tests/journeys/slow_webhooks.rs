//! Webhooks whose receivers never answer do not delay others: they have few slots, and are paused.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_testkit::{Client, HANGING, Received, TestServer, TestServerOptions};
use serde_json::{Value, json};

use crate::packets::{create_packet, packet_body};
use crate::webhooks::{WEBHOOKS_PATH, list_dead_letters, list_deliveries, webhook_body};

const PACKETS: usize = 12;
/// Ends a test that waits in vain, long before the calls that hang end.
const PATIENCE: Duration = Duration::from_secs(60);
const HANGING_CALL_TIMEOUT: Duration = Duration::from_secs(600);
/// Calls that are meant to time out do so soon, but not before a busy machine has received them.
const SHORT_CALL_TIMEOUT: Duration = Duration::from_millis(250);
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

async fn server_with_call_timeout(timeout: Duration) -> TestServer {
    TestServer::with(TestServerOptions { call_timeout: Some(timeout), ..TestServerOptions::default() }).await
}

/// Creates a webhook for created packets.
async fn create_webhook(client: &Client, url: &str) -> String {
    client.post(WEBHOOKS_PATH, &webhook_body(url, &["packet.created"])).await.expect(201).id()
}

async fn get_webhook(client: &Client, id: &str) -> Value {
    let listed = client.get(WEBHOOKS_PATH).await.expect(200).json;
    listed.as_array().unwrap().iter().find(|webhook| webhook["id"] == id).unwrap().clone()
}

async fn count_attempts(client: &Client, hook: &str) -> u64 {
    list_deliveries(client, hook).await.iter().map(|delivery| delivery["attempts"].as_u64().unwrap()).sum()
}

fn hangs(request: &Received) -> bool {
    request.path.starts_with(HANGING)
}

#[tokio::test]
async fn four_hanging_webhooks_delay_no_other_delivery() {
    let mut server = server_with_call_timeout(HANGING_CALL_TIMEOUT).await;
    let client = server.admin.of_packets();
    let other = server.other_tenant(Role::Admin).await.of_packets();
    let mut hanging = Vec::new();
    for index in 0..4 {
        hanging.push(create_webhook(&client, &server.receiver.url_of(&format!("{HANGING}/{index}"))).await);
    }
    create_webhook(&client, &server.receiver.url_of("/own")).await;
    create_webhook(&other, &server.receiver.url_of("/other")).await;
    for _ in 0..PACKETS {
        create_packet(&client, &packet_body("b-1")).await;
        create_packet(&other, &packet_body("b-1")).await;
    }
    let decision = server.admin.post("/decisions", &server.decision_body()).await.expect(201).id();
    let receiver = &server.receiver;
    let all = async {
        receiver.wait_for(PACKETS, |request| request.path == "/own").await;
        receiver.wait_for(PACKETS, |request| request.path == "/other").await;
        receiver.wait_for(2 * hanging.len(), hangs).await;
        while server.running.local_store.mails(10).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let answer = json!({"action": "approve"});
        server.admin.post(&format!("/decisions/{decision}/resolve"), &answer).await.expect(200);
        receiver.wait_for(1, |request| request.path == "/hook").await;
    };
    tokio::time::timeout(PATIENCE, all).await.expect("deliveries wait for a webhook that hangs");
    assert_eq!(receiver.most_hanging().values().copied().collect::<Vec<_>>(), [2; 4], "calls at once of each webhook");

    receiver.release();
    server.run_due_work().await;
    for hook in &hanging {
        let deliveries = list_deliveries(&client, hook).await;
        assert!(deliveries.iter().all(|delivery| delivery["status"] == "delivered"), "{deliveries:?}");
        assert_eq!(deliveries.len(), PACKETS);
    }
    assert_eq!(server.receiver.most_hanging().values().copied().max(), Some(2));
    server.receiver.take();
    server.expect_mail("ann@example.com").await;
    server.finish().await;
}

#[tokio::test]
async fn three_timeouts_pause_a_webhook_until_a_probe_succeeds() {
    let server = server_with_call_timeout(SHORT_CALL_TIMEOUT).await;
    let client = server.admin.of_packets();
    let hook = create_webhook(&client, &server.receiver.url_of(HANGING)).await;
    for _ in 0..3 {
        create_packet(&client, &packet_body("b-1")).await;
    }
    server.run_due_work().await;
    assert_eq!(server.receiver.take().len(), 3);
    let shown = async || {
        let webhook = get_webhook(&client, &hook).await;
        ["active", "health", "paused_until"].map(|name| webhook[name].clone())
    };
    let minutes = |minutes: i64| json!(server.now().plus_ms(minutes * 60_000));
    assert_eq!(shown().await, [json!(true), json!("paused"), minutes(1)]);

    // A delivery that comes during the pause waits without an attempt.
    create_packet(&client, &packet_body("b-1")).await;
    for (probes, pause_minutes) in [1_i64, 2, 4, 8].into_iter().enumerate() {
        server.advance(Duration::from_millis(pause_minutes.unsigned_abs() * 60_000 - 1)).await;
        assert_eq!(server.receiver.take().len(), 0, "a call during the pause of {pause_minutes} minutes");
        server.advance(Duration::from_millis(1)).await;
        assert_eq!(server.receiver.take().len(), 1, "one probe after {pause_minutes} minutes");
        assert_eq!(shown().await, [json!(true), json!("paused"), minutes(pause_minutes * 2)]);
        assert_eq!(count_attempts(&client, &hook).await, 4 + u64::try_from(probes).unwrap());
    }
    let waiting = list_deliveries(&client, &hook).await;
    assert!(waiting.iter().all(|delivery| delivery["attempts"].as_u64() < Some(6)), "{waiting:?}");

    // The pause is stored: another process keeps it, and the first success ends it.
    let options = server.kill().await;
    let server = TestServer::with(options).await;
    let client = server.admin.of_packets();
    server.receiver.release();
    server.advance(Duration::from_millis(16 * 60_000 - 1)).await;
    assert_eq!(server.receiver.take().len(), 0);
    server.advance(Duration::from_millis(1)).await;
    let webhook = get_webhook(&client, &hook).await;
    assert_eq!((&webhook["health"], &webhook["paused_until"]), (&Value::Null, &Value::Null));
    server.advance(Duration::from_hours(1)).await;
    assert_eq!(server.receiver.take().len(), 4);
    let deliveries = list_deliveries(&client, &hook).await;
    assert!(deliveries.iter().all(|delivery| delivery["status"] == "delivered"), "{deliveries:?}");
    server.finish().await;
}

#[tokio::test]
async fn interrupted_probe_is_repeated() {
    let server = server_with_call_timeout(SHORT_CALL_TIMEOUT).await;
    let client = server.admin.of_packets();
    let hook = create_webhook(&client, &server.receiver.url_of(HANGING)).await;
    for _ in 0..3 {
        create_packet(&client, &packet_body("b-1")).await;
    }
    server.run_due_work().await;
    server.receiver.take();
    let options = TestServerOptions { call_timeout: Some(HANGING_CALL_TIMEOUT), ..server.kill().await };
    let server = TestServer::with(options).await;
    server.advance_clock_only(Duration::from_mins(1));
    server.running.pump.wake();
    tokio::time::timeout(PATIENCE, server.receiver.wait_for(1, hangs)).await.expect("a probe");
    let options = server.kill().await;
    options.receiver.as_ref().unwrap().release();
    let server = TestServer::with(options).await;
    let client = server.admin.of_packets();
    server.receiver.take();
    assert_eq!(get_webhook(&client, &hook).await["health"], "paused");
    server.advance(PROBE_TIMEOUT).await;
    assert_eq!(get_webhook(&client, &hook).await["health"], Value::Null);
    server.advance(PROBE_TIMEOUT).await;
    assert_eq!(server.receiver.take().len(), 3);
    server.finish().await;
}

#[tokio::test]
async fn delivery_waits_one_day_for_a_paused_webhook() {
    let server = server_with_call_timeout(SHORT_CALL_TIMEOUT).await;
    let client = server.admin.of_packets();
    let hook = create_webhook(&client, &server.receiver.url_of(HANGING)).await;
    for _ in 0..PACKETS {
        create_packet(&client, &packet_body("b-1")).await;
    }
    server.advance(Duration::from_hours(23)).await;
    let calls = server.receiver.take().len();
    assert!((20..40).contains(&calls), "{calls} calls of a receiver that never answers");
    assert!(list_deliveries(&client, &hook).await.iter().any(|delivery| delivery["status"] != "dead_letter"));
    server.advance(Duration::from_hours(3)).await;
    let letters = list_dead_letters(&client).await;
    assert_eq!(letters.len(), PACKETS, "no event is lost");
    let paused = "the webhook was paused for longer than a delivery may wait, because it did not answer in time";
    assert!(letters.iter().any(|letter| letter["last_error"] == paused), "{letters:?}");

    // A replay waits anew, and finds the receiver again.
    let options = server.kill().await;
    options.receiver.as_ref().unwrap().release();
    let server = TestServer::with(options).await;
    let client = server.admin.of_packets();
    server.receiver.take();
    client.post(&format!("{WEBHOOKS_PATH}/dlq/retry-all"), &json!({})).await.expect(200);
    server.advance(Duration::from_hours(2)).await;
    assert_eq!(server.receiver.take().len(), PACKETS);
    assert!(list_dead_letters(&client).await.is_empty());
    server.finish().await;
}
