//! The asker cancels: nobody can answer any more, everybody can see why, and the program is told once.

use handrail_testkit::World;
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_taken_back_can_not_be_answered() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let (id, page) = world.asked_by(&agent).await;
    let path = format!("/decisions/{id}/cancel");
    let cancelled = agent.post(&path, &json!({"reason": "The customer keeps it"})).await.expect(200);
    assert_eq!((&cancelled.json["status"], &cancelled.json["resolved_by"]), (&json!("expired"), &Value::Null));
    assert_eq!(cancelled.json["cancelled_at"], json!(world.now()));
    let call = world.expect_webhook("decision.cancelled").await.json();
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
    // Twice is no mistake, and nothing more is sent.
    agent.post(&path, &Value::Null).await.expect_error(400, "VALIDATION_ERROR");
    agent.send(http::Method::POST, &path, &[], Vec::new()).await.expect(200);
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "expired");
    world.end().await;
}

#[tokio::test]
async fn another_agent_can_not_take_it_back() {
    let mut world = World::new().await;
    let (agent, other) = (world.key("agent").await, world.key("agent").await);
    let (id, _) = world.asked_by(&agent).await;
    let path = format!("/decisions/{id}/cancel");
    other.post(&path, &json!({})).await.expect_error(403, "FORBIDDEN");
    let stranger = world.stranger(handrail_domain::access::Role::Admin).await;
    stranger.post(&path, &json!({})).await.expect_error(404, "NOT_FOUND");
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    world.end().await;
}

#[tokio::test]
async fn what_is_answered_stays_answered() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let (id, _) = world.asked_by(&agent).await;
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    agent.post(&format!("/decisions/{id}/cancel"), &json!({})).await.expect_error(409, "ALREADY_RESOLVED");
    world.end().await;
}
