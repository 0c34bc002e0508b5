//! A changed key takes effect at once in the same process, and everywhere within five seconds.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::outbound::AddressPolicy;
use handrail_testkit::{ApiOnlyServer, Client, TestServer};
use http::Method;
use serde_json::{Value, json};

async fn update_key(admin: &Client, id: &str, body: &Value) -> handrail_testkit::TestResponse {
    let headers = [("content-type", "application/json")];
    admin.send(Method::PUT, &format!("/auth/api-keys/{id}"), &headers, body.to_string().into_bytes()).await
}

async fn key_id_of(key: &Client) -> String {
    key.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn updated_approvers_apply_to_new_decisions() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    let elsewhere = ApiOnlyServer::start(&server.running.cx, AddressPolicy::AllowLoopback).await;
    let there = elsewhere.client(&agent);
    let id = key_id_of(&there).await;
    let changed = update_key(&server.admin, &id, &json!({"approvers": ["bob@example.com"]})).await.expect(200);
    assert_eq!(changed.json["approvers"], json!(["bob@example.com"]));
    agent.post("/decisions", &server.decision_body()).await.expect_error(403, "APPROVER_NOT_ALLOWED");
    server.advance(Duration::from_secs(5)).await;
    there.post("/decisions", &server.decision_body()).await.expect_error(403, "APPROVER_NOT_ALLOWED");
    let seen = server.admin.get(&format!("/auth/api-keys/{id}")).await.expect(200);
    assert_eq!(seen.json, changed.json);
    server.finish().await;
}

#[tokio::test]
async fn only_tenant_admin_can_update_key() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    let id = key_id_of(&agent).await;
    let wanted = json!({"name": "taken over"});
    update_key(&agent, &id, &wanted).await.expect_error(403, "FORBIDDEN");
    let stranger = server.other_tenant(Role::Admin).await;
    let foreign = update_key(&stranger, &id, &wanted).await.expect_error(404, "NOT_FOUND");
    let absent =
        update_key(&server.admin, "key_01K0000000000000000000000Z", &wanted).await.expect_error(404, "NOT_FOUND");
    assert_eq!(foreign.text, absent.text);
    assert_eq!(agent.get("/auth/me").await.expect(200).json["api_keys"][0]["name"], "agent of the test");
    server.finish().await;
}

#[tokio::test]
async fn revoked_key_cannot_be_updated() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    let id = key_id_of(&agent).await;
    server.admin.delete(&format!("/auth/api-keys/{id}")).await.expect(200);
    update_key(&server.admin, &id, &json!({"name": "again"})).await.expect_error(409, "KEY_REVOKED");
    agent.get("/auth/me").await.expect_error(401, "INVALID_KEY");
    server.finish().await;
}
