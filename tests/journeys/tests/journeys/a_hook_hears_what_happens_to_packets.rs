//! All that can happen to a packet, by its published name, each once, to every hook that wants to hear it.

use std::time::Duration;

use handrail_domain::outbound::Reach;
use handrail_testkit::{ApiOnly, Received, World};
use serde_json::{Value, json};

use crate::hooks::{EVENTS, HOOKS, deliveries, hook, hooked, verify};
use crate::packets::{PACKETS, claim, made, packet, patch, take};

fn told(calls: &[Received]) -> Vec<(String, String)> {
    let text = |call: &Received, name: &str| call.json()[name].as_str().unwrap_or_default().to_owned();
    let mut told: Vec<_> = calls.iter().map(|call| (text(call, "event"), text(call, "status"))).collect();
    told.sort();
    told
}

#[track_caller]
fn expect(calls: &[Received], expected: &[(&str, &str)]) {
    calls.iter().for_each(verify);
    let mut expected: Vec<_> =
        expected.iter().map(|(event, status)| ((*event).to_owned(), (*status).to_owned())).collect();
    expected.sort();
    assert_eq!(told(calls), expected);
}

#[tokio::test]
async fn each_event_is_told_once_under_its_name() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    hooked(&client, &world.receiver.url).await;
    let calls = async || {
        world.settle().await;
        world.receiver.take()
    };
    let id = made(&client, &packet("b-1")).await;
    expect(&calls().await, &[("packet.created", "created")]);
    take(&client, &id, "b-1").await.expect(200);
    expect(&calls().await, &[("packet.claimed", "claimed")]);
    patch(&client, &id, json!({"context": {"summary": "An edit is nobody's business"}})).await.expect(200);
    patch(&client, &id, json!({"status": "claimed"})).await.expect(200);
    expect(&calls().await, &[]);
    patch(&client, &id, json!({"status": "in_progress"})).await.expect(200);
    expect(&calls().await, &[("packet.in_progress", "in_progress")]);
    let hitl = json!({"required": true, "reason": "Large sum"});
    patch(&client, &id, json!({"status": "awaiting_human", "hitl": hitl})).await.expect(200);
    expect(&calls().await, &[("packet.awaiting_human", "awaiting_human")]);
    let answer = json!({"response": "yes", "responded_by": "ann"});
    client.post(&format!("{PACKETS}/{id}/respond"), &answer).await.expect(200);
    let answered = calls().await;
    expect(&answered, &[("hitl.response_ready", "claimed")]);
    let details = json!({"response": "yes", "notes": null, "responded_by": "ann", "transition_to": "claimed"});
    assert_eq!(answered[0].json()["details"], details);
    patch(&client, &id, json!({"status": "completed"})).await.expect(200);
    expect(&calls().await, &[("packet.completed", "completed")]);
    client.post(&format!("{PACKETS}/{id}/chain"), &packet("c-1")).await.expect(201);
    let chained = calls().await;
    expect(&chained, &[("packet.created", "created")]);
    assert_eq!(chained[0].json()["details"], json!({"parent_packet_id": id, "chain": true}));
    client.delete(&format!("{PACKETS}/{id}")).await.expect(204);
    expect(&calls().await, &[("packet.expired", "expired")]);
    let failing = made(&client, &packet("b-1")).await;
    patch(&client, &failing, json!({"status": "failed"})).await.expect(200);
    expect(&calls().await, &[("packet.created", "created"), ("packet.failed", "failed")]);
    world.end().await;
}

#[tokio::test]
async fn what_waits_for_a_person_is_only_created_and_what_time_ends_expires() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    hooked(&client, &world.receiver.url).await;
    let mut asking = packet("b-1");
    asking["hitl"] = json!({"required": true, "reason": "Large sum", "timeout_seconds": 60});
    let asked = made(&client, &asking).await;
    world.settle().await;
    expect(&world.receiver.take(), &[("packet.created", "awaiting_human")]);
    world.advance(Duration::from_secs(60)).await;
    let ended = world.receiver.take();
    expect(&ended, &[("packet.expired", "expired")]);
    assert_eq!(ended[0].json()["details"]["reason"], "hitl_timeout");
    assert_eq!(ended[0].json()["packet_id"], asked);

    let left = made(&client, &packet("b-1")).await;
    let mut leased = claim("b-1");
    leased["lease_seconds"] = 30.into();
    client.post(&format!("{PACKETS}/{left}/claim"), &leased).await.expect(200);
    world.settle().await;
    world.receiver.take();
    world.advance(Duration::from_secs(60)).await;
    expect(&world.receiver.take(), &[]);
    world.advance(Duration::from_hours(24)).await;
    let ended = world.receiver.take();
    expect(&ended, &[("packet.expired", "expired")]);
    assert_eq!(ended[0].json()["details"]["reason"], "ttl_exceeded");
    world.end().await;
}

#[tokio::test]
async fn batches_tell_of_each() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    hooked(&client, &world.receiver.url).await;
    let batch = json!({"packets": [packet("b-1"), packet("b-1"), {"metadata": {}}]});
    client.post(&format!("{PACKETS}/batch"), &json!({"packets": [packet("b-1"), packet("b-1")]})).await.expect(201);
    client.post(&format!("{PACKETS}/batch"), &batch).await.expect(400);
    world.settle().await;
    let created = world.receiver.take();
    expect(&created, &[("packet.created", "created"); 2]);
    let ids: Vec<Value> = created.iter().map(|call| call.json()["packet_id"].clone()).collect();
    let mut claims = claim("b-1");
    claims["packet_ids"] = json!(ids);
    client.post(&format!("{PACKETS}/batch/claim"), &claims).await.expect(200);
    client.post(&format!("{PACKETS}/batch/complete"), &json!({"packet_ids": ids})).await.expect(200);
    world.settle().await;
    expect(
        &world.receiver.take(),
        &[
            ("packet.claimed", "claimed"),
            ("packet.claimed", "claimed"),
            ("packet.completed", "completed"),
            ("packet.completed", "completed"),
        ],
    );
    world.end().await;
}

#[tokio::test]
async fn a_body_says_how_the_packet_stood_then() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    hooked(&client, &world.receiver.url).await;
    let (begun, cx) = (world.now(), world.running.cx.clone());
    let nobody_works = world.kill().await;
    let process = ApiOnly::start(&cx, Reach::LoopbackToo).await;
    let late = process.client(&client);
    let id = made(&late, &packet("b-1")).await;
    take(&late, &id, "c-1").await.expect(200);
    patch(&late, &id, json!({"status": "completed"})).await.expect(200);
    drop(process);
    // The workers come to it when all has happened.
    let world = World::with(nobody_works).await;
    world.settle().await;
    let mut bodies: Vec<Value> = world.receiver.take().iter().map(Received::json).collect();
    bodies.sort_by_key(|body| EVENTS.iter().position(|event| body["event"] == *event));
    let expected = |event: &str, status: &str, holder: Value, times: [Value; 2], details: Value| {
        let mut body = json!({
            "event": event,
            "timestamp": begun,
            "packet_id": id,
            "status": status,
            "metadata": {
                "source_agent": {"id": "sales-01", "name": "Sales", "framework": null, "version": null},
                "target_agent": holder,
                "created_at": begun,
                "claimed_at": times[0],
                "completed_at": times[1],
                "priority": "normal",
                "tags": [],
            },
        });
        if !details.is_null() {
            body["details"] = details;
        }
        body
    };
    let meant = json!({"id": "b-1", "name": "The target", "framework": null});
    let holder = json!({"id": "c-1", "name": "The c-1", "framework": null});
    let (at, none) = (json!(begun), Value::Null);
    let details = json!({"agent_name": "The c-1", "framework": null});
    let moved = json!({"from_status": "claimed", "to_status": "completed"});
    assert_eq!(
        bodies,
        [
            expected("packet.created", "created", meant, [none.clone(), none.clone()], Value::Null),
            expected("packet.claimed", "claimed", holder.clone(), [at.clone(), none], details),
            expected("packet.completed", "completed", holder, [at.clone(), at], moved),
        ]
    );
    world.end().await;
}

#[tokio::test]
async fn a_hook_hears_what_it_asked_for_from_its_own_account() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let stranger = world.stranger(handrail_domain::access::Role::Admin).await.of_packets();
    let url = |name: &str| world.receiver.url.replace("/hook", name);
    let usual = client.post(HOOKS, &json!({"url": url("/usual"), "secret": crate::hooks::SECRET})).await.expect(201);
    assert_eq!(usual.json["events"], json!(["packet.created", "packet.claimed", "packet.completed", "packet.failed"]));
    let some = client.post(HOOKS, &hook(&url("/some"), &["packet.claimed"])).await.expect(201).id();
    client.post(HOOKS, &hook(&url("/none"), &[])).await.expect(201);
    let gone = hooked(&client, &url("/gone")).await;
    client.delete(&format!("{HOOKS}/{gone}")).await.expect(204);
    let foreign = hooked(&stranger, &url("/foreign")).await;
    let id = made(&client, &packet("b-1")).await;
    take(&client, &id, "b-1").await.expect(200);
    world.settle().await;
    let mut heard: Vec<_> = world
        .receiver
        .take()
        .iter()
        .map(|call| (call.path.clone(), call.json()["event"].as_str().unwrap().to_owned()))
        .collect();
    heard.sort();
    let expected = [("/some", "packet.claimed"), ("/usual", "packet.claimed"), ("/usual", "packet.created")];
    assert_eq!(heard, expected.map(|(path, event)| (path.to_owned(), event.to_owned())));

    let shown = deliveries(&client, &some).await;
    assert_eq!(shown.len(), 1);
    assert_eq!((&shown[0]["status"], &shown[0]["packet_id"]), (&json!("delivered"), &json!(id)));
    // A stranger's hook, and what it was called about, are not there.
    let absent = "018f0000-0000-7000-8000-000000000000";
    let refused = client.get(&format!("{HOOKS}/{foreign}/deliveries")).await.expect_detail(404);
    let none = client.get(&format!("{HOOKS}/{absent}/deliveries")).await.expect_detail(404);
    assert_eq!(refused.text, none.text.replace(absent, &foreign));
    client.delete(&format!("{HOOKS}/{foreign}")).await.expect_detail(404);
    assert_eq!(stranger.get(HOOKS).await.expect(200).json[0]["active"], true);
    world.end().await;
}
