//! Decisions of another tenant look like decisions that do not exist.

use handrail_domain::access::Role;
use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn decisions_of_other_tenants_are_hidden() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let stranger = server.other_tenant(Role::Admin).await;
    let absent = "01990000-0000-7000-8000-000000000000";
    let answer = json!({"action": "approve"});
    for path in ["/decisions/ID", "/decisions/ID/deliveries"] {
        let (hidden, none) = (path.replace("ID", &id), path.replace("ID", absent));
        let refused = stranger.get(&hidden).await.expect_error(404, "NOT_FOUND");
        assert_eq!(refused.text, stranger.get(&none).await.expect_error(404, "NOT_FOUND").text);
        agent.get(&hidden).await.expect(200);
    }
    let refused = stranger.post(&format!("/decisions/{id}/resolve"), &answer).await.expect_error(404, "NOT_FOUND");
    let none = stranger.post(&format!("/decisions/{absent}/resolve"), &answer).await.expect_error(404, "NOT_FOUND");
    assert_eq!(refused.text, none.text);
    assert_eq!(stranger.get("/decisions").await.expect(200).json["decisions"], json!([]));
    assert_eq!(stranger.get("/auth/me").await.expect(200).json["api_keys"].as_array().unwrap().len(), 1);
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    server.finish().await;
}

#[tokio::test]
async fn malformed_id_is_not_found() {
    let server = TestServer::new().await;
    let long = "a".repeat(4_000);
    for id in ["x", "0", "-1", "%00", "%ff", "..%2f..%2fetc", "01990000000070008000000000000000", "{id}", "null", &long]
    {
        for path in [format!("/decisions/{id}"), format!("/decisions/{id}/deliveries")] {
            server.admin.get(&path).await.expect_error(404, "NOT_FOUND");
        }
        let refused = server.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await;
        refused.expect_error(404, "NOT_FOUND");
    }
    // Another spelling of an id finds the decision or none, and never fails with 500.
    let shouted = "01990000-0000-7000-8000-00000000000A";
    server.admin.get(&format!("/decisions/{shouted}")).await.expect_error(404, "NOT_FOUND");
    server.finish().await;
}
