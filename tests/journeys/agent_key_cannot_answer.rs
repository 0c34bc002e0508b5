//! Role limits: a refusal does not reveal whether the record exists.

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn agent_key_cannot_answer() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let (id, _) = server.create_decision(&agent).await;
    for id in [id.as_str(), "01990000-0000-7000-8000-000000000000", "nothing"] {
        let refused = agent.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await;
        refused.expect_error(403, "FORBIDDEN");
    }
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
    server.expect_webhook("decision.resolved").await;

    let (id, _) = server.create_decision(&app).await;
    server.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}

#[tokio::test]
async fn only_admin_creates_and_revokes_keys() {
    let server = TestServer::new().await;
    for role in ["agent", "app"] {
        let key = server.key(role).await;
        let own = key.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].as_str().unwrap().to_owned();
        key.post("/auth/api-keys", &json!({"name": "more", "role": "admin"})).await.expect_error(403, "FORBIDDEN");
        key.delete(&format!("/auth/api-keys/{own}")).await.expect_error(403, "FORBIDDEN");
        key.get("/decisions").await.expect(200);
    }
    assert_eq!(server.admin.get("/auth/me").await.expect(200).json["api_keys"].as_array().unwrap().len(), 3);
    server.finish().await;
}
