//! Rate limits of a key per minute: creating decisions, reading each decision, and all other requests are counted
//! separately.

use std::time::Duration;

use handrail_testkit::{Client, TestResponse, TestServer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

async fn create_key(server: &TestServer, requests_per_minute: u32) -> Client {
    server.key_with(json!({"name": "slow", "requests_per_minute": requests_per_minute})).await
}

async fn usage_of(key: &Client) -> Value {
    key.get("/auth/me").await.expect(200).json["usage"]["used"].clone()
}

fn decision_body_without_callback(server: &TestServer) -> Value {
    let mut body = server.decision_body();
    body["channel"] = json!("webhook");
    body
}

#[track_caller]
fn assert_rate_limited(refused: TestResponse, wait_max: u32) {
    let refused = refused.expect_error(429, "RATE_LIMIT");
    assert_eq!(refused.json["error"], "Rate limit exceeded");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=wait_max).contains(&wait), "{wait}");
}

#[tokio::test]
async fn key_accepts_five_requests_per_minute() {
    let server = TestServer::new().await;
    let agent = create_key(&server, 5).await;
    for _ in 0..5 {
        agent.post("/decisions", &decision_body_without_callback(&server)).await.expect(201);
    }
    for _ in 0..3 {
        assert_rate_limited(agent.post("/decisions", &decision_body_without_callback(&server)).await, 60);
    }
    assert_eq!(usage_of(&agent).await, 5);
    let wait: u64 =
        agent.post("/decisions", &decision_body_without_callback(&server)).await.header("retry-after").parse().unwrap();
    server
        .advance(Duration::from_secs(wait) - Duration::from_millis(server.now().as_unix_ms().unsigned_abs() % 1000 + 1))
        .await;
    assert_rate_limited(agent.post("/decisions", &decision_body_without_callback(&server)).await, 1);
    server.advance(Duration::from_millis(1)).await;
    for _ in 0..5 {
        agent.post("/decisions", &decision_body_without_callback(&server)).await.expect(201);
    }
    assert_rate_limited(agent.post("/decisions", &decision_body_without_callback(&server)).await, 60);
    assert_eq!(usage_of(&agent).await, 10);
    server.run_due_work().await;
    assert_eq!(server.receiver.take().len(), 10);
    server.finish().await;
}

#[tokio::test]
async fn concurrent_requests_do_not_exceed_rate_limit() {
    let server = TestServer::new().await;
    let agent = create_key(&server, 5).await;
    let mut racers = JoinSet::new();
    for _ in 0..20 {
        let (agent, body) = (agent.clone(), decision_body_without_callback(&server));
        racers.spawn(async move { agent.post("/decisions", &body).await });
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 5);
    answers.into_iter().filter(|answer| answer.status != 201).for_each(|refused| assert_rate_limited(refused, 60));
    server.run_due_work().await;
    assert_eq!(server.receiver.take().len(), 5);
    server.finish().await;
}

#[tokio::test]
async fn refused_requests_cost_nothing() {
    let server = TestServer::new().await;
    let agent = create_key(&server, 2).await;
    for _ in 0..10 {
        agent
            .post("/decisions", &json!({"action": "", "approver": "ann@example.com"}))
            .await
            .expect_error(400, "VALIDATION_ERROR");
        agent.post("/decisions", &json!([])).await.expect_error(400, "VALIDATION_ERROR");
    }
    assert_eq!(usage_of(&agent).await, 0);
    agent.post("/decisions", &decision_body_without_callback(&server)).await.expect(201);
    agent.post("/decisions", &decision_body_without_callback(&server)).await.expect(201);
    assert_rate_limited(agent.post("/decisions", &decision_body_without_callback(&server)).await, 60);
    server.run_due_work().await;
    assert_eq!(server.receiver.take().len(), 2);
    server.finish().await;
}

/// Waiting agents poll, so polling one decision must not exhaust the limit for the others.
#[tokio::test]
async fn each_decision_has_its_own_poll_limit() {
    let server = TestServer::new().await;
    let agent = create_key(&server, 3).await;
    let mut paths = Vec::new();
    for _ in 0..3 {
        paths.push(format!(
            "/decisions/{}",
            agent.post("/decisions", &decision_body_without_callback(&server)).await.expect(201).id()
        ));
    }
    for path in &paths {
        for _ in 0..3 {
            agent.get(path).await.expect(200);
        }
        assert_rate_limited(agent.get(path).await, 60);
    }
    server.admin.get(&paths[0]).await.expect(200);
    server.advance(Duration::from_mins(1)).await;
    agent.get(&paths[0]).await.expect(200);
    assert_eq!(server.receiver.take().len(), 3);
    server.finish().await;
}

#[tokio::test]
async fn usage_resets_each_month() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    agent.post("/decisions", &decision_body_without_callback(&server)).await.expect(201);
    let month = agent.get("/auth/me").await.expect(200).json["usage"]["month"].clone();
    assert_eq!(month, server.now().to_string()[..7]);
    server.advance(Duration::from_hours(31 * 24)).await;
    let usage = agent.get("/auth/me").await.expect(200).json["usage"].clone();
    assert_eq!((&usage["month"], &usage["used"]), (&json!(server.now().to_string()[..7]), &json!(0)));
    agent.post("/decisions", &decision_body_without_callback(&server)).await.expect(201);
    assert_eq!(usage_of(&agent).await, 1);
    server.run_due_work().await;
    server.receiver.take();
    server.finish().await;
}
