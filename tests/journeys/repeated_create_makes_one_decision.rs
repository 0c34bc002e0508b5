//! An agent that does not know whether its request arrived sends it again with the same Idempotency-Key.

use std::time::Duration;

use handrail_testkit::{TestResponse, TestServer};
use serde_json::json;
use tokio::task::JoinSet;

const IDEMPOTENCY_HEADER: [(&str, &str); 1] = [("idempotency-key", "order-1234")];

#[tokio::test]
async fn repeated_create_returns_same_response() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let body = server.decision_body();
    let first = agent.post_with("/decisions", &IDEMPOTENCY_HEADER, &body).await.expect(201);
    server.expect_mail("ann@example.com").await;
    server.advance(Duration::from_mins(30)).await;
    let again = agent.post_with("/decisions", &IDEMPOTENCY_HEADER, &body).await.expect(201);
    assert_eq!(again.text, first.text);
    // Null and unknown fields are not part of the request, so this is a repeat.
    let mut same = body.clone();
    same["amount"] = json!(null);
    same["colour"] = json!("red");
    assert_eq!(agent.post_with("/decisions", &IDEMPOTENCY_HEADER, &same).await.expect(201).id(), first.id());
    assert_eq!(agent.get("/decisions").await.expect(200).json["decisions"].as_array().unwrap().len(), 1);
    server.finish().await;
}

#[tokio::test]
async fn idempotency_key_with_other_body_is_refused() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let first = agent.post_with("/decisions", &IDEMPOTENCY_HEADER, &server.decision_body()).await.expect(201);
    server.expect_mail("ann@example.com").await;
    for (field, value) in
        [("action", json!("Refund order 1235")), ("approver", json!("bob@example.com")), ("amount", json!(1))]
    {
        let mut other = server.decision_body();
        other[field] = value;
        agent.post_with("/decisions", &IDEMPOTENCY_HEADER, &other).await.expect_error(409, "IDEMPOTENCY_KEY_REUSED");
    }
    let seen = agent.get(&format!("/decisions/{}", first.id())).await.expect(200).json;
    assert_eq!(seen["action"], server.decision_body()["action"]);
    server.finish().await;
}

#[tokio::test]
async fn idempotency_keys_are_scoped_to_api_key() {
    let mut server = TestServer::new().await;
    let (one, other) = (server.key("agent").await, server.key("agent").await);
    let first = one.post_with("/decisions", &IDEMPOTENCY_HEADER, &server.decision_body()).await.expect(201).id();
    server.expect_mail("ann@example.com").await;
    let second = other.post_with("/decisions", &IDEMPOTENCY_HEADER, &server.decision_body()).await.expect(201).id();
    server.expect_mail("ann@example.com").await;
    assert_ne!(first, second);
    server.finish().await;
}

#[tokio::test]
async fn concurrent_repeats_create_one_decision() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (body, mut racers) = (server.decision_body(), JoinSet::new());
    for _ in 0..10 {
        let (agent, body) = (agent.clone(), body.clone());
        racers.spawn(async move { agent.post_with("/decisions", &IDEMPOTENCY_HEADER, &body).await });
    }
    let answers: Vec<TestResponse> = racers.join_all().await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (201, &answers[0].text));
    }
    server.expect_mail("ann@example.com").await;
    assert_eq!(agent.get("/decisions").await.expect(200).json["decisions"].as_array().unwrap().len(), 1);
    server.finish().await;
}

/// A repeat returns the current status and does not change the decision.
#[tokio::test]
async fn repeat_after_answer_sends_no_mail() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let first = agent.post_with("/decisions", &IDEMPOTENCY_HEADER, &server.decision_body()).await.expect(201);
    let mail = server.expect_mail("ann@example.com").await;
    agent.without_key().post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    let again = agent.post_with("/decisions", &IDEMPOTENCY_HEADER, &server.decision_body()).await.expect(201);
    assert_eq!((again.id(), &again.json["status"]), (first.id(), &json!("approved")));
    server.finish().await;
}
