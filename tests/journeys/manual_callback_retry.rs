//! A dead-lettered callback can be replayed, with the same id, body and retry schedule.

use std::time::Duration;

use handrail_testkit::{Client, TestServer};
use serde_json::{Value, json};

/// Creates a decision whose callback became a dead letter.
async fn create_exhausted_callback(server: &mut TestServer, agent: &Client) -> String {
    server.receiver.answer_with(&[500, 500, 500, 500]);
    let (id, page) = server.create_decision(agent).await;
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    server.advance(Duration::from_mins(2)).await;
    id
}

#[tokio::test]
async fn replayed_callback_has_same_bytes() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let id = create_exhausted_callback(&mut server, &agent).await;
    let before = server.receiver.take();
    assert_eq!(before.len(), 4);
    let path = format!("/decisions/{id}/callback/replay");
    let replayed = agent.post(&path, &json!({})).await.expect(202);
    assert_eq!(replayed.json["replayed"].as_array().unwrap().len(), 1);
    let call = server.expect_webhook("decision.resolved").await;
    assert_eq!((&call.body, call.header("webhook-id")), (&before[0].body, before[0].header("webhook-id")));
    assert_eq!(call.header("x-handover-signature"), before[0].header("x-handover-signature"));
    // After delivery no dead letter is left, but a replay by delivery id still works.
    agent.post(&path, &json!({})).await.expect_error(409, "NOTHING_TO_REPLAY");
    let delivery = call.header("webhook-id").to_owned();
    agent.post(&path, &json!({"delivery_id": delivery})).await.expect(202);
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}

#[tokio::test]
async fn failed_replay_is_retried_like_first_call() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let id = create_exhausted_callback(&mut server, &agent).await;
    server.receiver.take();
    server.receiver.answer_with(&[500, 500, 500, 500]);
    let path = format!("/decisions/{id}/callback/replay");
    agent.post(&path, &json!({})).await.expect(202);
    // A pending delivery cannot be replayed.
    server.run_due_work().await;
    agent.post(&path, &json!({})).await.expect_error(409, "NOTHING_TO_REPLAY");
    server.advance(Duration::from_mins(2)).await;
    assert_eq!(server.receiver.take().len(), 4);
    let sent = agent.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    let sent =
        sent["deliveries"].as_array().unwrap().iter().find(|sent| sent["purpose"] == "announce-resolved").unwrap();
    assert_eq!((&sent["status"], &sent["replays"]), (&json!("dead"), &json!(1)));
    assert_eq!(sent["attempts"].as_array().unwrap().len(), 8);
    server.finish().await;
}

#[tokio::test]
async fn concurrent_replays_make_one_callback() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let id = create_exhausted_callback(&mut server, &agent).await;
    server.receiver.take();
    let path = format!("/decisions/{id}/callback/replay");
    let asked = (0..10).map(|_| {
        let (agent, path) = (agent.clone(), path.clone());
        tokio::spawn(async move { agent.post(&path, &json!({})).await.status })
    });
    let mut taken = 0;
    for asked in asked.collect::<Vec<_>>() {
        taken += u32::from(asked.await.unwrap() == 202);
    }
    assert_eq!(taken, 1);
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}

#[tokio::test]
async fn only_callbacks_of_decision_can_be_replayed() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let id = create_exhausted_callback(&mut server, &agent).await;
    server.receiver.take();
    let path = format!("/decisions/{id}/callback/replay");
    let sent = agent.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    let mail = sent["deliveries"].as_array().unwrap().iter().find(|sent| sent["purpose"] == "ask-approver").unwrap();
    for wrong in [mail["id"].clone(), json!("msg_1"), json!("")] {
        agent.post(&path, &json!({"delivery_id": wrong})).await.expect_error(400, "VALIDATION_ERROR");
    }
    let stranger = server.other_tenant(handrail_domain::access::Role::Admin).await;
    stranger.post(&path, &Value::Object(serde_json::Map::new())).await.expect_error(404, "NOT_FOUND");
    server.finish().await;
}
