//! Operators manage all tenants and read no data of them; admins manage only their own tenant.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::outbound::AddressPolicy;
use handrail_testkit::{ApiOnlyServer, Client, TestServer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::packets::{PACKETS, create_packet, packet_body};

const KEYS: &str = "/api/v1/keys";
const TENANTS: &str = "/api/v1/tenants";

async fn operator_client(server: &TestServer) -> Client {
    server.other_tenant(Role::Operator).await.of_packets()
}

async fn create_tenant(operator: &Client, body: Value) -> String {
    operator.post(TENANTS, &body).await.expect(201).id()
}

async fn create_key(by: &Client, body: Value) -> (String, Client) {
    let created = by.post(KEYS, &body).await.expect(201);
    (created.id(), by.with_key(created.json["key"].as_str().unwrap()))
}

#[tokio::test]
async fn new_tenant_admin_sees_only_own_tenant() {
    let server = TestServer::new().await;
    let operator = operator_client(&server).await;
    let acme = create_tenant(&operator, json!({"name": "Acme", "tier": "pro"})).await;
    let (_, admin) = create_key(&operator, json!({"name": "admin", "role": "admin", "tenant_id": acme})).await;
    let (key_id, writer) = create_key(&admin, json!({"name": "writer", "role": "writer"})).await;
    let id = create_packet(&writer, &packet_body("b-1")).await;
    let at = format!("{PACKETS}/{id}");
    writer.get(&at).await.expect(200);

    let own_admin = server.admin.of_packets();
    let path = format!("{TENANTS}/{acme}");
    for absent in [at.clone(), path.clone(), format!("{path}/keys")] {
        own_admin.get(&absent).await.expect(404);
    }
    own_admin.delete(&format!("{KEYS}/{key_id}")).await.expect(404);
    own_admin.delete(&format!("{KEYS}/{key_id}?tenant_id={acme}")).await.expect(404);
    own_admin.post(&format!("{KEYS}/{key_id}/rotate"), &Value::Null).await.expect(404);
    own_admin.post(KEYS, &json!({"name": "x", "role": "admin", "tenant_id": acme})).await.expect(404);
    for refused in [
        own_admin.post(TENANTS, &json!({"name": "mine"})).await,
        own_admin.patch(&path, &json!({"tier": "enterprise"})).await,
        own_admin.delete(&path).await,
        admin.patch(&path, &json!({"tier": "enterprise"})).await,
        // Operators cannot read a tenant's data.
        operator.get(&at).await,
        operator.get(PACKETS).await,
        operator.post(PACKETS, &packet_body("b-1")).await,
    ] {
        assert!(refused.expect(403).json["detail"].is_string());
    }
    let listed = |answer: Value| answer.as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    assert_eq!(listed(admin.get(TENANTS).await.expect(200).json), [json!(acme)]);
    assert!(listed(operator.get(TENANTS).await.expect(200).json).len() > 1);
    assert!(!listed(own_admin.get(KEYS).await.expect(200).json).contains(&json!(key_id)));
    assert!(listed(operator.get(&format!("{path}/keys")).await.expect(200).json).contains(&json!(key_id)));
    writer.get(&at).await.expect(200);
    server.finish().await;
}

#[tokio::test]
async fn admin_cannot_become_operator() {
    let server = TestServer::new().await;
    let own_admin = server.admin.of_packets();
    let refused = own_admin.post(KEYS, &json!({"name": "x", "role": "operator"})).await.expect(400);
    assert_eq!(refused.json["field"], "role");
    let body = json!({"name": "x", "role": "operator"});
    server.admin.post("/auth/api-keys", &body).await.expect_error(400, "VALIDATION_ERROR");
    server.finish().await;
}

/// Checked in another process, which is not notified and caches keys for five seconds.
#[tokio::test]
async fn deleted_tenant_keys_stop_within_seconds() {
    let server = TestServer::new().await;
    let operator = operator_client(&server).await;
    let acme = create_tenant(&operator, json!({"name": "Acme"})).await;
    let (_, writer) = create_key(&operator, json!({"name": "writer", "role": "writer", "tenant_id": acme})).await;
    let elsewhere = ApiOnlyServer::start(&server.running.cx, AddressPolicy::AllowLoopback).await;
    let there = elsewhere.client(&writer);
    there.get(PACKETS).await.expect(200);
    operator.delete(&format!("{TENANTS}/{acme}")).await.expect(204);
    writer.get(PACKETS).await.expect(403);
    there.get(PACKETS).await.expect(200);
    server.advance(Duration::from_secs(5)).await;
    let refused = there.get(PACKETS).await.expect(403);
    assert_eq!(refused.json["detail"], "API key has been revoked");
    // The decisions door refuses the key as well.
    server.admin.with_key(writer.key()).get("/auth/me").await.expect_error(401, "INVALID_KEY");
    operator.delete(&format!("{TENANTS}/{acme}")).await.expect(404);
    operator.post(KEYS, &json!({"name": "late", "tenant_id": acme})).await.expect(404);
    server.finish().await;
}

#[tokio::test]
async fn concurrent_handoffs_do_not_exceed_daily_quota() {
    let server = TestServer::new().await;
    let operator = operator_client(&server).await;
    let acme = create_tenant(&operator, json!({"name": "Acme", "tier": "pro", "handoffs_per_day": 7})).await;
    let body = |number: u8| json!({"name": format!("writer {number}"), "role": "writer", "tenant_id": acme});
    let mut racers = JoinSet::new();
    for number in 0..2 {
        let (_, writer) = create_key(&operator, body(number)).await;
        for _ in 0..10 {
            let writer = writer.clone();
            racers.spawn(async move { writer.post(PACKETS, &packet_body("b-1")).await });
        }
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 7);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((refused.status, refused.header("retry-after")), (429, ""));
        assert!(refused.json["detail"].as_str().unwrap().contains('7'));
    }
    let (_, reader) = create_key(&operator, json!({"name": "reader", "role": "reader", "tenant_id": acme})).await;
    assert_eq!(reader.get(PACKETS).await.expect(200).json["total"], 7);
    server.finish().await;
}

#[tokio::test]
async fn concurrent_key_creates_do_not_exceed_limit() {
    let server = TestServer::new().await;
    let operator = operator_client(&server).await;
    let acme = create_tenant(&operator, json!({"name": "Acme", "max_api_keys": 3})).await;
    let mut racers = JoinSet::new();
    for number in 0..20 {
        let (operator, body) = (operator.clone(), json!({"name": format!("key {number}"), "tenant_id": acme}));
        racers.spawn(async move { operator.post(KEYS, &body).await });
    }
    let answers = racers.join_all().await;
    let created: Vec<String> =
        answers.iter().filter(|answer| answer.status == 201).map(handrail_testkit::TestResponse::id).collect();
    assert_eq!(created.len(), 3);
    assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)));
    operator.delete(&format!("{KEYS}/{}?tenant_id={acme}", created[0])).await.expect(204);
    operator.post(KEYS, &json!({"name": "one more", "tenant_id": acme})).await.expect(201);
    operator.post(KEYS, &json!({"name": "one too many", "tenant_id": acme})).await.expect(409);
    server.finish().await;
}

#[tokio::test]
async fn rotated_key_frees_its_slot() {
    let server = TestServer::new().await;
    let own_admin = server.admin.of_packets();
    let (id, old) = create_key(&own_admin, json!({"name": "Sales", "role": "writer"})).await;
    let at = format!("{KEYS}/{id}/rotate");
    let rotated = own_admin.post(&at, &Value::Null).await.expect(201);
    assert_eq!((&rotated.json["name"], &rotated.json["role"]), (&json!("Sales (rotated)"), &json!("writer")));
    create_packet(&own_admin.with_key(rotated.json["key"].as_str().unwrap()), &packet_body("b-1")).await;
    old.get(PACKETS).await.expect(403);
    own_admin.post(&at, &Value::Null).await.expect(409);
    own_admin.delete(&format!("{KEYS}/{id}")).await.expect(409);
    server.finish().await;
}

/// Of three concurrent rotations of a key one is accepted and makes one new key.
#[tokio::test]
async fn key_can_be_rotated_once() {
    let server = TestServer::new().await;
    let own_admin = server.admin.of_packets();
    for round in 0..10 {
        let (id, _) = create_key(&own_admin, json!({"name": format!("round {round}")})).await;
        let mut racers = JoinSet::new();
        for _ in 0..3 {
            let (own_admin, at) = (own_admin.clone(), format!("{KEYS}/{id}/rotate"));
            racers.spawn(async move { own_admin.post(&at, &Value::Null).await.status });
        }
        let mut statuses = racers.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409]);
        let keys = own_admin.get(KEYS).await.expect(200).json;
        let name = format!("round {round} (rotated)");
        assert_eq!(keys.as_array().unwrap().iter().filter(|key| key["name"] == name.as_str()).count(), 1);
    }
    server.finish().await;
}
