//! A revoked key is refused at once in the same process, and everywhere within five seconds.

use std::time::Duration;

use handrail_domain::outbound::AddressPolicy;
use handrail_testkit::{ApiOnlyServer, TestServer};

#[tokio::test]
async fn revoked_key_stops_working() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = server.create_decision(&agent).await;
    let elsewhere = ApiOnlyServer::start(&server.running.cx, AddressPolicy::AllowLoopback).await;
    let there = elsewhere.client(&agent);
    there.get("/auth/me").await.expect(200);
    let own = agent.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].as_str().unwrap().to_owned();

    for _ in 0..2 {
        let revoked = server.admin.delete(&format!("/auth/api-keys/{own}")).await.expect(200).json;
        assert_eq!((revoked["id"].as_str(), revoked["is_active"].as_bool()), (Some(own.as_str()), Some(false)));
    }
    agent.get("/auth/me").await.expect_error(401, "INVALID_KEY");
    agent.post("/decisions", &server.decision_body()).await.expect_error(401, "INVALID_KEY");
    server.advance(Duration::from_secs(5)).await;
    there.get("/auth/me").await.expect_error(401, "INVALID_KEY");
    there.get(&format!("/decisions/{id}")).await.expect_error(401, "INVALID_KEY");

    let listed = server.admin.get("/auth/me").await.expect(200).json;
    for key in listed["api_keys"].as_array().unwrap() {
        assert_eq!(key["is_active"].as_bool(), Some(key["id"] != own), "{key}");
    }
    // Earlier decisions can still be answered, and their callbacks are signed as before.
    server.admin.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    assert!(!server.expect_webhook("decision.resolved").await.header("x-handover-signature").is_empty());
    server.finish().await;
}

#[tokio::test]
async fn key_of_other_tenant_cannot_be_revoked() {
    let server = TestServer::new().await;
    let stranger = server.other_tenant(handrail_domain::access::Role::Admin).await;
    let other_key_id =
        stranger.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].as_str().unwrap().to_owned();
    let absent =
        server.admin.delete("/auth/api-keys/key_01K0000000000000000000000Z").await.expect_error(404, "NOT_FOUND");
    for id in [other_key_id.as_str(), "nothing", "key_", "%00", "01990000-0000-7000-8000-000000000000"] {
        let refused = server.admin.delete(&format!("/auth/api-keys/{id}")).await.expect_error(404, "NOT_FOUND");
        assert_eq!(refused.text, absent.text);
    }
    stranger.get("/auth/me").await.expect(200);
    server.finish().await;
}
