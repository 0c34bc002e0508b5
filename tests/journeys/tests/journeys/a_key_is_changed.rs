//! A change of a key counts at once where it was made, and everywhere within five seconds.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::outbound::Reach;
use handrail_testkit::{ApiOnly, Client, World};
use http::Method;
use serde_json::{Value, json};

async fn change(admin: &Client, id: &str, body: &Value) -> handrail_testkit::Answer {
    let headers = [("content-type", "application/json")];
    admin.send(Method::PUT, &format!("/auth/api-keys/{id}"), &headers, body.to_string().into_bytes()).await
}

async fn id_of(key: &Client) -> String {
    key.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whom_a_key_asks_is_changed_everywhere() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    let elsewhere = ApiOnly::start(&world.running.cx, Reach::LoopbackToo).await;
    let there = elsewhere.client(&agent);
    let id = id_of(&there).await;
    let changed = change(&world.admin, &id, &json!({"approvers": ["bob@example.com"]})).await.expect(200);
    assert_eq!(changed.json["approvers"], json!(["bob@example.com"]));
    agent.post("/decisions", &world.ask()).await.expect_error(403, "APPROVER_NOT_ALLOWED");
    world.advance(Duration::from_secs(5)).await;
    there.post("/decisions", &world.ask()).await.expect_error(403, "APPROVER_NOT_ALLOWED");
    let seen = world.admin.get(&format!("/auth/api-keys/{id}")).await.expect(200);
    assert_eq!(seen.json, changed.json);
    world.end().await;
}

#[tokio::test]
async fn only_an_admin_of_the_account_changes_a_key() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    let id = id_of(&agent).await;
    let wanted = json!({"name": "taken over"});
    change(&agent, &id, &wanted).await.expect_error(403, "FORBIDDEN");
    let stranger = world.stranger(Role::Admin).await;
    let foreign = change(&stranger, &id, &wanted).await.expect_error(404, "NOT_FOUND");
    let absent = change(&world.admin, "key_01K0000000000000000000000Z", &wanted).await.expect_error(404, "NOT_FOUND");
    assert_eq!(foreign.text, absent.text);
    assert_eq!(agent.get("/auth/me").await.expect(200).json["api_keys"][0]["name"], "agent of the test");
    world.end().await;
}

#[tokio::test]
async fn a_revoked_key_is_not_brought_back_by_a_change() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    let id = id_of(&agent).await;
    world.admin.delete(&format!("/auth/api-keys/{id}")).await.expect(200);
    change(&world.admin, &id, &json!({"name": "again"})).await.expect_error(409, "KEY_REVOKED");
    agent.get("/auth/me").await.expect_error(401, "INVALID_KEY");
    world.end().await;
}
