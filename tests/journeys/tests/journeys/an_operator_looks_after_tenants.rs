//! An operator looks after every tenant and reads none; an admin looks after its own and sees no other.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::outbound::Reach;
use handrail_testkit::{ApiOnly, Client, World};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::packets::{PACKETS, made, packet};

const KEYS: &str = "/api/v1/keys";
const TENANTS: &str = "/api/v1/tenants";

async fn operator(world: &World) -> Client {
    world.stranger(Role::Operator).await.of_packets()
}

async fn tenant(operator: &Client, wish: Value) -> String {
    operator.post(TENANTS, &wish).await.expect(201).id()
}

async fn key(by: &Client, wish: Value) -> (String, Client) {
    let made = by.post(KEYS, &wish).await.expect(201);
    (made.id(), by.with_key(made.json["key"].as_str().unwrap()))
}

#[tokio::test]
async fn a_tenant_begins_with_an_admin_who_sees_no_other() {
    let world = World::new().await;
    let operator = operator(&world).await;
    let acme = tenant(&operator, json!({"name": "Acme", "tier": "pro"})).await;
    let (_, admin) = key(&operator, json!({"name": "admin", "role": "admin", "tenant_id": acme})).await;
    let (theirs, writer) = key(&admin, json!({"name": "writer", "role": "writer"})).await;
    let id = made(&writer, &packet("b-1")).await;
    let at = format!("{PACKETS}/{id}");
    writer.get(&at).await.expect(200);

    let ours = world.admin.of_packets();
    let path = format!("{TENANTS}/{acme}");
    for absent in [at.clone(), path.clone(), format!("{path}/keys")] {
        ours.get(&absent).await.expect(404);
    }
    ours.delete(&format!("{KEYS}/{theirs}")).await.expect(404);
    ours.delete(&format!("{KEYS}/{theirs}?tenant_id={acme}")).await.expect(404);
    ours.post(&format!("{KEYS}/{theirs}/rotate"), &Value::Null).await.expect(404);
    ours.post(KEYS, &json!({"name": "x", "role": "admin", "tenant_id": acme})).await.expect(404);
    for refused in [
        ours.post(TENANTS, &json!({"name": "mine"})).await,
        ours.patch(&path, &json!({"tier": "enterprise"})).await,
        ours.delete(&path).await,
        admin.patch(&path, &json!({"tier": "enterprise"})).await,
        // Whoever looks after all of them reads nothing in them.
        operator.get(&at).await,
        operator.get(PACKETS).await,
        operator.post(PACKETS, &packet("b-1")).await,
    ] {
        assert!(refused.expect(403).json["detail"].is_string());
    }
    let listed = |answer: Value| answer.as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    assert_eq!(listed(admin.get(TENANTS).await.expect(200).json), [json!(acme)]);
    assert!(listed(operator.get(TENANTS).await.expect(200).json).len() > 1);
    assert!(!listed(ours.get(KEYS).await.expect(200).json).contains(&json!(theirs)));
    assert!(listed(operator.get(&format!("{path}/keys")).await.expect(200).json).contains(&json!(theirs)));
    writer.get(&at).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn no_admin_becomes_an_operator() {
    let world = World::new().await;
    let ours = world.admin.of_packets();
    let refused = ours.post(KEYS, &json!({"name": "x", "role": "operator"})).await.expect(400);
    assert_eq!(refused.json["field"], "role");
    let wish = json!({"name": "x", "role": "operator"});
    world.admin.post("/auth/api-keys", &wish).await.expect_error(400, "VALIDATION_ERROR");
    world.end().await;
}

/// In another process, which is told nothing.
#[tokio::test]
async fn a_deleted_tenants_keys_stop_within_seconds() {
    let world = World::new().await;
    let operator = operator(&world).await;
    let acme = tenant(&operator, json!({"name": "Acme"})).await;
    let (_, writer) = key(&operator, json!({"name": "writer", "role": "writer", "tenant_id": acme})).await;
    let elsewhere = ApiOnly::start(&world.running.cx, Reach::LoopbackToo).await;
    let there = elsewhere.client(&writer);
    there.get(PACKETS).await.expect(200);
    operator.delete(&format!("{TENANTS}/{acme}")).await.expect(204);
    writer.get(PACKETS).await.expect(403);
    there.get(PACKETS).await.expect(200);
    world.advance(Duration::from_secs(5)).await;
    let refused = there.get(PACKETS).await.expect(403);
    assert_eq!(refused.json["detail"], "API key has been revoked");
    // The same at the other door.
    world.admin.with_key(writer.key()).get("/auth/me").await.expect_error(401, "INVALID_KEY");
    operator.delete(&format!("{TENANTS}/{acme}")).await.expect(404);
    operator.post(KEYS, &json!({"name": "late", "tenant_id": acme})).await.expect(404);
    world.end().await;
}

#[tokio::test]
async fn of_twenty_handoffs_at_once_as_many_are_made_as_a_day_has() {
    let world = World::new().await;
    let operator = operator(&world).await;
    let acme = tenant(&operator, json!({"name": "Acme", "tier": "pro", "handoffs_per_day": 7})).await;
    let wish = |number: u8| json!({"name": format!("writer {number}"), "role": "writer", "tenant_id": acme});
    let mut racers = JoinSet::new();
    for number in 0..2 {
        let (_, writer) = key(&operator, wish(number)).await;
        for _ in 0..10 {
            let writer = writer.clone();
            racers.spawn(async move { writer.post(PACKETS, &packet("b-1")).await });
        }
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 7);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((refused.status, refused.header("retry-after")), (429, ""));
        assert!(refused.json["detail"].as_str().unwrap().contains('7'));
    }
    let (_, reader) = key(&operator, json!({"name": "reader", "role": "reader", "tenant_id": acme})).await;
    assert_eq!(reader.get(PACKETS).await.expect(200).json["total"], 7);
    world.end().await;
}

#[tokio::test]
async fn of_twenty_keys_at_once_as_many_are_made_as_there_is_room_for() {
    let world = World::new().await;
    let operator = operator(&world).await;
    let acme = tenant(&operator, json!({"name": "Acme", "max_api_keys": 3})).await;
    let mut racers = JoinSet::new();
    for number in 0..20 {
        let (operator, wish) = (operator.clone(), json!({"name": format!("key {number}"), "tenant_id": acme}));
        racers.spawn(async move { operator.post(KEYS, &wish).await });
    }
    let answers = racers.join_all().await;
    let made: Vec<String> =
        answers.iter().filter(|answer| answer.status == 201).map(handrail_testkit::Answer::id).collect();
    assert_eq!(made.len(), 3);
    assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)));
    operator.delete(&format!("{KEYS}/{}?tenant_id={acme}", made[0])).await.expect(204);
    operator.post(KEYS, &json!({"name": "one more", "tenant_id": acme})).await.expect(201);
    operator.post(KEYS, &json!({"name": "one too many", "tenant_id": acme})).await.expect(409);
    world.end().await;
}

#[tokio::test]
async fn a_rotated_key_gives_its_place_to_a_new_one() {
    let world = World::new().await;
    let ours = world.admin.of_packets();
    let (id, old) = key(&ours, json!({"name": "Sales", "role": "writer"})).await;
    let at = format!("{KEYS}/{id}/rotate");
    let rotated = ours.post(&at, &Value::Null).await.expect(201);
    assert_eq!((&rotated.json["name"], &rotated.json["role"]), (&json!("Sales (rotated)"), &json!("writer")));
    made(&ours.with_key(rotated.json["key"].as_str().unwrap()), &packet("b-1")).await;
    old.get(PACKETS).await.expect(403);
    ours.post(&at, &Value::Null).await.expect(409);
    ours.delete(&format!("{KEYS}/{id}")).await.expect(409);
    world.end().await;
}

/// Of three rotations of one key at once one wins, and there is one new key.
#[tokio::test]
async fn a_key_is_rotated_once() {
    let world = World::new().await;
    let ours = world.admin.of_packets();
    for round in 0..10 {
        let (id, _) = key(&ours, json!({"name": format!("round {round}")})).await;
        let mut racers = JoinSet::new();
        for _ in 0..3 {
            let (ours, at) = (ours.clone(), format!("{KEYS}/{id}/rotate"));
            racers.spawn(async move { ours.post(&at, &Value::Null).await.status });
        }
        let mut statuses = racers.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409]);
        let keys = ours.get(KEYS).await.expect(200).json;
        let name = format!("round {round} (rotated)");
        assert_eq!(keys.as_array().unwrap().iter().filter(|key| key["name"] == name.as_str()).count(), 1);
    }
    world.end().await;
}
