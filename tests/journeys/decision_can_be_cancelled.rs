//! The requester cancels: answers are refused with the reason, and the callback is called once.

use handrail_testkit::TestServer;
use serde_json::{Value, json};

#[tokio::test]
async fn cancelled_decision_cannot_be_answered() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let (id, page) = server.create_decision(&agent).await;
    let path = format!("/decisions/{id}/cancel");
    let cancelled = agent.post(&path, &json!({"reason": "The customer keeps it"})).await.expect(200);
    assert_eq!((&cancelled.json["status"], &cancelled.json["resolved_by"]), (&json!("expired"), &Value::Null));
    assert_eq!(cancelled.json["cancelled_at"], json!(server.now()));
    let call = server.expect_webhook("decision.cancelled").await.json();
    assert_eq!((&call["decision"]["status"], &call["decision"]["id"]), (&json!("expired"), &json!(id)));
    assert_eq!(call["decision"]["cancel_reason"], "The customer keeps it");
    let late = app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await;
    late.expect_error(410, "EXPIRED");
    let person = agent.without_key();
    for shown in [person.get(&page).await, person.post_form(&page, &[("choice", "approve")]).await] {
        let shown = shown.expect(410).text;
        assert!(shown.contains("The asker took it back") && shown.contains("The customer keeps it"), "{shown}");
        assert!(shown.contains("in the agent’s words") && !shown.contains("<form"));
    }
    // A repeated cancel succeeds and sends nothing.
    agent.post(&path, &Value::Null).await.expect_error(400, "VALIDATION_ERROR");
    agent.send(http::Method::POST, &path, &[], Vec::new()).await.expect(200);
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "expired");
    server.finish().await;
}

#[tokio::test]
async fn other_agent_cannot_cancel() {
    let mut server = TestServer::new().await;
    let (agent, other) = (server.key("agent").await, server.key("agent").await);
    let (id, _) = server.create_decision(&agent).await;
    let path = format!("/decisions/{id}/cancel");
    other.post(&path, &json!({})).await.expect_error(403, "FORBIDDEN");
    let stranger = server.other_tenant(handrail_domain::access::Role::Admin).await;
    stranger.post(&path, &json!({})).await.expect_error(404, "NOT_FOUND");
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    server.finish().await;
}

#[tokio::test]
async fn answered_decision_cannot_be_cancelled() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let (id, _) = server.create_decision(&agent).await;
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    agent.post(&format!("/decisions/{id}/cancel"), &json!({})).await.expect_error(409, "ALREADY_RESOLVED");
    server.finish().await;
}
