//! `?wait=` delays the response until the decision changes, compared by its entity tag.

use std::time::Duration;

use handrail_testkit::{Client, TestResponse, TestServer};
use serde_json::json;
use tokio::task::JoinHandle;

/// Starts a long poll. It is known to be waiting once a later request has been answered.
async fn start_long_poll(agent: &Client, path: String) -> JoinHandle<TestResponse> {
    let (poller, other) = (agent.clone(), agent.clone());
    let poll = tokio::spawn(async move { poller.get(&path).await });
    for _ in 0..20 {
        other.get("/healthz").await.expect(200);
    }
    assert!(!poll.is_finished(), "it did not wait");
    poll
}

#[tokio::test]
async fn long_poll_returns_when_answered() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let (id, page) = server.create_decision(&agent).await;
    let (other, _) = server.create_decision(&agent).await;
    let poll = start_long_poll(&agent, format!("/decisions/{id}?wait=25")).await;
    // A change of another decision does not end the wait.
    app.post(&format!("/decisions/{other}/resolve"), &json!({"action": "deny"})).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    assert!(!poll.is_finished());
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    // The clock does not move, so only the answer can have ended the wait.
    assert_eq!(poll.await.unwrap().expect(200).json["status"], "approved");
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}

#[tokio::test]
async fn long_poll_returns_after_timeout() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let poll = start_long_poll(&agent, format!("/decisions/{id}?wait=25")).await;
    server.advance(Duration::from_millis(24_999)).await;
    assert!(!poll.is_finished());
    server.advance(Duration::from_millis(1)).await;
    assert_eq!(poll.await.unwrap().expect(200).json["status"], "pending");
    // `wait=0` responds at once.
    let path = format!("/decisions/{id}?wait=0");
    assert_eq!(agent.get(&path).await.expect(200).json["status"], "pending");
    server.finish().await;
}

#[tokio::test]
async fn long_poll_returns_at_deadline_without_timer() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    server.advance(Duration::from_secs(29 * 60)).await;
    server.advance_clock_only(Duration::from_secs(30 * 60 + 50));
    let poll = start_long_poll(&agent, format!("/decisions/{id}?wait=25")).await;
    server.advance_clock_only(Duration::from_secs(10));
    assert_eq!(poll.await.unwrap().expect(200).json["status"], "expired");
    server.expect_webhook("decision.expired").await;
    server.finish().await;
}

#[tokio::test]
async fn long_poll_returns_settled_decision_immediately() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let (id, _) = server.create_decision(&agent).await;
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    assert_eq!(agent.get(&format!("/decisions/{id}?wait=25")).await.expect(200).json["status"], "denied");
    server.finish().await;
}

#[tokio::test]
async fn matching_etag_returns_not_modified() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let (id, _) = server.create_decision(&agent).await;
    let path = format!("/decisions/{id}");
    let first = agent.get(&path).await.expect(200);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 20, "{tag}");
    let again = agent.send(http::Method::GET, &path, &[("if-none-match", &tag)], Vec::new()).await.expect(304);
    assert_eq!((again.text.as_str(), again.header("etag")), ("", tag.as_str()));
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    let changed = agent.send(http::Method::GET, &path, &[("if-none-match", &tag)], Vec::new()).await.expect(200);
    assert_eq!(changed.json["status"], "denied");
    assert_ne!(changed.header("etag"), tag);
    server.finish().await;
}

#[tokio::test]
async fn invalid_wait_is_refused() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    for wait in ["26", "-1", "1.5", "soon", "", "99999999999999999999"] {
        let refused = agent.get(&format!("/decisions/{id}?wait={wait}")).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.json["field"], "wait", "{wait}");
    }
    server.finish().await;
}
