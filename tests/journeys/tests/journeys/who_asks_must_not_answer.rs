//! What each role may do, and that another one is told so without learning whether the thing exists.

use handrail_testkit::World;
use serde_json::json;

#[tokio::test]
async fn who_asks_must_not_answer() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let (id, _) = world.asked_by(&agent).await;
    for id in [id.as_str(), "01990000-0000-7000-8000-000000000000", "nothing"] {
        let refused = agent.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await;
        refused.expect_error(403, "FORBIDDEN");
    }
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
    world.expect_webhook("decision.resolved").await;

    let (id, _) = world.asked_by(&app).await;
    world.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}

#[tokio::test]
async fn only_an_admin_makes_and_revokes_keys() {
    let world = World::new().await;
    for role in ["agent", "app"] {
        let key = world.key(role).await;
        let own = key.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].as_str().unwrap().to_owned();
        key.post("/auth/api-keys", &json!({"name": "more", "role": "admin"})).await.expect_error(403, "FORBIDDEN");
        key.delete(&format!("/auth/api-keys/{own}")).await.expect_error(403, "FORBIDDEN");
        key.get("/decisions").await.expect(200);
    }
    assert_eq!(world.admin.get("/auth/me").await.expect(200).json["api_keys"].as_array().unwrap().len(), 3);
    world.end().await;
}
