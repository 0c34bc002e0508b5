//! What belongs to another account looks exactly as what does not exist.

use handrail_domain::access::Role;
use handrail_testkit::World;
use serde_json::json;

#[tokio::test]
async fn an_account_sees_only_its_own() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    let stranger = world.stranger(Role::Admin).await;
    let absent = "01990000-0000-7000-8000-000000000000";
    let answer = json!({"action": "approve"});
    for path in ["/decisions/ID", "/decisions/ID/deliveries"] {
        let (theirs, none) = (path.replace("ID", &id), path.replace("ID", absent));
        let refused = stranger.get(&theirs).await.expect_error(404, "NOT_FOUND");
        assert_eq!(refused.text, stranger.get(&none).await.expect_error(404, "NOT_FOUND").text);
        agent.get(&theirs).await.expect(200);
    }
    let refused = stranger.post(&format!("/decisions/{id}/resolve"), &answer).await.expect_error(404, "NOT_FOUND");
    let none = stranger.post(&format!("/decisions/{absent}/resolve"), &answer).await.expect_error(404, "NOT_FOUND");
    assert_eq!(refused.text, none.text);
    assert_eq!(stranger.get("/decisions").await.expect(200).json["decisions"], json!([]));
    assert_eq!(stranger.get("/auth/me").await.expect(200).json["api_keys"].as_array().unwrap().len(), 1);
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    world.end().await;
}

#[tokio::test]
async fn a_malformed_id_is_as_good_as_an_absent_one() {
    let world = World::new().await;
    let long = "a".repeat(4_000);
    for id in ["x", "0", "-1", "%00", "%ff", "..%2f..%2fetc", "01990000000070008000000000000000", "{id}", "null", &long]
    {
        for path in [format!("/decisions/{id}"), format!("/decisions/{id}/deliveries")] {
            world.admin.get(&path).await.expect_error(404, "NOT_FOUND");
        }
        let refused = world.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await;
        refused.expect_error(404, "NOT_FOUND");
    }
    // The same id in another spelling is the same decision or none, never an error of ours.
    let shouted = "01990000-0000-7000-8000-00000000000A";
    world.admin.get(&format!("/decisions/{shouted}")).await.expect_error(404, "NOT_FOUND");
    world.end().await;
}
