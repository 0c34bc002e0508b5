//! Revoking works at once where it was done, and everywhere within five seconds.

use std::time::Duration;

use handrail_domain::outbound::Reach;
use handrail_testkit::{ApiOnly, World};

#[tokio::test]
async fn a_revoked_key_stops_working() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = world.asked_by(&agent).await;
    let elsewhere = ApiOnly::start(&world.running.cx, Reach::LoopbackToo).await;
    let there = elsewhere.client(&agent);
    there.get("/auth/me").await.expect(200);
    let own = agent.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].as_str().unwrap().to_owned();

    for _ in 0..2 {
        let revoked = world.admin.delete(&format!("/auth/api-keys/{own}")).await.expect(200).json;
        assert_eq!((revoked["id"].as_str(), revoked["is_active"].as_bool()), (Some(own.as_str()), Some(false)));
    }
    agent.get("/auth/me").await.expect_error(401, "INVALID_KEY");
    agent.post("/decisions", &world.ask()).await.expect_error(401, "INVALID_KEY");
    world.advance(Duration::from_secs(5)).await;
    there.get("/auth/me").await.expect_error(401, "INVALID_KEY");
    there.get(&format!("/decisions/{id}")).await.expect_error(401, "INVALID_KEY");

    let listed = world.admin.get("/auth/me").await.expect(200).json;
    for key in listed["api_keys"].as_array().unwrap() {
        assert_eq!(key["is_active"].as_bool(), Some(key["id"] != own), "{key}");
    }
    // What was asked before is still answered, and its callback signed as before.
    world.admin.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    assert!(!world.expect_webhook("decision.resolved").await.header("x-handover-signature").is_empty());
    world.end().await;
}

#[tokio::test]
async fn only_a_key_of_the_own_account_can_be_revoked() {
    let world = World::new().await;
    let stranger = world.stranger(handrail_domain::access::Role::Admin).await;
    let theirs = stranger.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].as_str().unwrap().to_owned();
    let absent =
        world.admin.delete("/auth/api-keys/key_01K0000000000000000000000Z").await.expect_error(404, "NOT_FOUND");
    for id in [theirs.as_str(), "nothing", "key_", "%00", "01990000-0000-7000-8000-000000000000"] {
        let refused = world.admin.delete(&format!("/auth/api-keys/{id}")).await.expect_error(404, "NOT_FOUND");
        assert_eq!(refused.text, absent.text);
    }
    stranger.get("/auth/me").await.expect(200);
    world.end().await;
}
