//! Monthly quotas of decisions, per key and by the tenant's tier.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::account::Tier;
use handrail_domain::time::Timestamp;
use handrail_testkit::{Client, TestResponse, TestServer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

fn decision_body_without_callback(server: &TestServer) -> Value {
    let mut body = server.decision_body();
    body["channel"] = json!("webhook");
    body
}

async fn usage_of(key: &Client) -> (Value, Value) {
    let usage = key.get("/auth/me").await.expect(200).json["usage"].clone();
    (usage["used"].clone(), usage["limit"].clone())
}

/// Returns the whole seconds until the month ends.
fn seconds_until_next_month(now: Timestamp) -> i64 {
    now.next_month().as_unix_seconds() - now.as_unix_seconds()
}

#[track_caller]
fn assert_quota_exceeded(refused: TestResponse, now: Timestamp) {
    let refused = refused.expect_error(429, "RATE_LIMIT");
    assert_eq!(refused.header("retry-after").parse(), Ok(seconds_until_next_month(now)));
}

async fn discard_callbacks(server: &TestServer) {
    server.run_due_work().await;
    server.receiver.take();
}

#[tokio::test]
async fn monthly_quota_resets_next_month() {
    let server = TestServer::new().await;
    let agent = server.key_with(json!({"name": "monthly", "decisions_per_month": 3})).await;
    for created in 1..=3 {
        agent.post("/decisions", &decision_body_without_callback(&server)).await.expect(201);
        assert_eq!(usage_of(&agent).await, (json!(created), json!(3)));
    }
    for _ in 0..3 {
        assert_quota_exceeded(agent.post("/decisions", &decision_body_without_callback(&server)).await, server.now());
    }
    server.admin.post("/decisions", &decision_body_without_callback(&server)).await.expect(201);
    let seconds = u64::try_from(seconds_until_next_month(server.now())).unwrap();
    server.advance(Duration::from_secs(seconds)).await;
    assert_eq!(usage_of(&agent).await, (json!(0), json!(3)));
    agent.post("/decisions", &decision_body_without_callback(&server)).await.expect(201);
    discard_callbacks(&server).await;
    server.finish().await;
}

#[tokio::test]
async fn concurrent_creates_do_not_exceed_quota() {
    let server = TestServer::new().await;
    let agent = server.key_with(json!({"name": "monthly", "decisions_per_month": 5})).await;
    let mut racers = JoinSet::new();
    for _ in 0..20 {
        let (agent, body) = (agent.clone(), decision_body_without_callback(&server));
        racers.spawn(async move { agent.post("/decisions", &body).await });
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 5);
    for refused in answers.into_iter().filter(|answer| answer.status != 201) {
        assert_quota_exceeded(refused, server.now());
    }
    discard_callbacks(&server).await;
    server.finish().await;
}

#[tokio::test]
async fn refused_and_repeated_requests_use_no_quota() {
    let server = TestServer::new().await;
    let agent = server.key_with(json!({"name": "monthly", "decisions_per_month": 2})).await;
    agent.post("/decisions", &json!({"action": ""})).await.expect_error(400, "VALIDATION_ERROR");
    let named = [("idempotency-key", "order-7")];
    let first = agent.post_with("/decisions", &named, &decision_body_without_callback(&server)).await.expect(201);
    for _ in 0..3 {
        let again = agent.post_with("/decisions", &named, &decision_body_without_callback(&server)).await.expect(201);
        assert_eq!(again.json, first.json);
        let mut other = decision_body_without_callback(&server);
        other["action"] = json!("Something else");
        agent.post_with("/decisions", &named, &other).await.expect_error(409, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!(usage_of(&agent).await, (json!(1), json!(2)));
    agent.post("/decisions", &decision_body_without_callback(&server)).await.expect(201);
    assert_quota_exceeded(agent.post("/decisions", &decision_body_without_callback(&server)).await, server.now());
    // Repeats succeed even if the quota is used up.
    let again = agent.post_with("/decisions", &named, &decision_body_without_callback(&server)).await.expect(201);
    assert_eq!(again.json, first.json);
    discard_callbacks(&server).await;
    server.finish().await;
}

#[tokio::test]
async fn keys_of_tenant_share_monthly_quota() {
    let server = TestServer::new().await;
    let admin = server.client_of_tenant("holder@example.com", Tier::Free, Role::Admin).await;
    let created = admin.post("/auth/api-keys", &json!({"name": "second"})).await.expect(201);
    let second = admin.with_key(created.json["key"].as_str().unwrap());
    let mut body = decision_body_without_callback(&server);
    body["approver"] = json!("holder@example.com");
    for at in 0..10 {
        let key = if at % 2 == 0 { &admin } else { &second };
        key.post("/decisions", &body).await.expect(201);
    }
    for key in [&admin, &second] {
        assert_eq!(usage_of(key).await, (json!(10), json!(10)));
        assert_quota_exceeded(key.post("/decisions", &body).await, server.now());
    }
    discard_callbacks(&server).await;
    server.finish().await;
}
