//! Each packet event is delivered once, under its published name, to every subscribed webhook.

use std::time::Duration;

use handrail_domain::outbound::AddressPolicy;
use handrail_testkit::{ApiOnlyServer, Received, TestServer};
use serde_json::{Value, json};

use crate::packets::{PACKETS, claim_body, claim_packet, create_packet, packet_body, patch_packet};
use crate::webhooks::{EVENTS, WEBHOOKS_PATH, assert_signature_valid, create_webhook, list_deliveries, webhook_body};

fn received_events(calls: &[Received]) -> Vec<(String, String)> {
    let text = |call: &Received, name: &str| call.json()[name].as_str().unwrap_or_default().to_owned();
    let mut events: Vec<_> = calls.iter().map(|call| (text(call, "event"), text(call, "status"))).collect();
    events.sort();
    events
}

#[track_caller]
fn assert_received(calls: &[Received], expected: &[(&str, &str)]) {
    calls.iter().for_each(assert_signature_valid);
    let mut expected: Vec<_> =
        expected.iter().map(|(event, status)| ((*event).to_owned(), (*status).to_owned())).collect();
    expected.sort();
    assert_eq!(received_events(calls), expected);
}

#[tokio::test]
async fn each_packet_event_is_delivered_once() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    create_webhook(&client, &server.receiver.url).await;
    let calls = async || {
        server.run_due_work().await;
        server.receiver.take()
    };
    let id = create_packet(&client, &packet_body("b-1")).await;
    assert_received(&calls().await, &[("packet.created", "created")]);
    claim_packet(&client, &id, "b-1").await.expect(200);
    assert_received(&calls().await, &[("packet.claimed", "claimed")]);
    patch_packet(&client, &id, json!({"context": {"summary": "An edit is nobody's business"}})).await.expect(200);
    patch_packet(&client, &id, json!({"status": "claimed"})).await.expect(200);
    assert_received(&calls().await, &[]);
    patch_packet(&client, &id, json!({"status": "in_progress"})).await.expect(200);
    assert_received(&calls().await, &[("packet.in_progress", "in_progress")]);
    let hitl = json!({"required": true, "reason": "Large sum"});
    patch_packet(&client, &id, json!({"status": "awaiting_human", "hitl": hitl})).await.expect(200);
    assert_received(&calls().await, &[("packet.awaiting_human", "awaiting_human")]);
    let answer = json!({"response": "yes", "responded_by": "ann"});
    client.post(&format!("{PACKETS}/{id}/respond"), &answer).await.expect(200);
    let answered = calls().await;
    assert_received(&answered, &[("hitl.response_ready", "claimed")]);
    let details = answered[0].json()["details"].clone();
    let published = ["response", "notes", "responded_by", "transition_to"].map(|name| details[name].clone());
    assert_eq!(published, [json!("yes"), Value::Null, json!("ann"), json!("claimed")]);
    let given = ["resolved_via", "resolved_with_key_name", "answered_by_asker"].map(|name| details[name].clone());
    assert_eq!(given, [json!("api"), json!("local admin"), json!(true)]);
    patch_packet(&client, &id, json!({"status": "completed"})).await.expect(200);
    assert_received(&calls().await, &[("packet.completed", "completed")]);
    client.post(&format!("{PACKETS}/{id}/chain"), &packet_body("c-1")).await.expect(201);
    let chained = calls().await;
    assert_received(&chained, &[("packet.created", "created")]);
    assert_eq!(chained[0].json()["details"], json!({"parent_packet_id": id, "chain": true}));
    client.delete(&format!("{PACKETS}/{id}")).await.expect(204);
    assert_received(&calls().await, &[("packet.expired", "expired")]);
    let failing = create_packet(&client, &packet_body("b-1")).await;
    patch_packet(&client, &failing, json!({"status": "failed"})).await.expect(200);
    assert_received(&calls().await, &[("packet.created", "created"), ("packet.failed", "failed")]);
    server.finish().await;
}

#[tokio::test]
async fn waiting_packet_sends_created_then_expired() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    create_webhook(&client, &server.receiver.url).await;
    let mut asking = packet_body("b-1");
    asking["hitl"] = json!({"required": true, "reason": "Large sum", "timeout_seconds": 60});
    let checkpoint_id = create_packet(&client, &asking).await;
    server.run_due_work().await;
    assert_received(&server.receiver.take(), &[("packet.created", "awaiting_human")]);
    server.advance(Duration::from_secs(60)).await;
    let ended = server.receiver.take();
    assert_received(&ended, &[("packet.expired", "expired")]);
    assert_eq!(ended[0].json()["details"]["reason"], "hitl_timeout");
    assert_eq!(ended[0].json()["packet_id"], checkpoint_id);

    let left = create_packet(&client, &packet_body("b-1")).await;
    let mut leased = claim_body("b-1");
    leased["lease_seconds"] = 30.into();
    client.post(&format!("{PACKETS}/{left}/claim"), &leased).await.expect(200);
    server.run_due_work().await;
    server.receiver.take();
    server.advance(Duration::from_secs(60)).await;
    assert_received(&server.receiver.take(), &[]);
    server.advance(Duration::from_hours(24)).await;
    let ended = server.receiver.take();
    assert_received(&ended, &[("packet.expired", "expired")]);
    assert_eq!(ended[0].json()["details"]["reason"], "ttl_exceeded");
    server.finish().await;
}

#[tokio::test]
async fn batch_claim_sends_event_per_packet() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    create_webhook(&client, &server.receiver.url).await;
    let batch = json!({"packets": [packet_body("b-1"), packet_body("b-1"), {"metadata": {}}]});
    let result = client.post(&format!("{PACKETS}/batch"), &batch).await.expect(201).json;
    assert_eq!((result["created"].as_array().map(Vec::len), &result["errors"][0]["index"]), (Some(2), &json!(2)));
    server.run_due_work().await;
    let created = server.receiver.take();
    assert_received(&created, &[("packet.created", "created"); 2]);
    let ids: Vec<Value> = created.iter().map(|call| call.json()["packet_id"].clone()).collect();
    let mut claims = claim_body("b-1");
    claims["packet_ids"] = json!(ids);
    client.post(&format!("{PACKETS}/batch/claim"), &claims).await.expect(200);
    client.post(&format!("{PACKETS}/batch/complete"), &json!({"packet_ids": ids})).await.expect(200);
    server.run_due_work().await;
    assert_received(
        &server.receiver.take(),
        &[
            ("packet.claimed", "claimed"),
            ("packet.claimed", "claimed"),
            ("packet.completed", "completed"),
            ("packet.completed", "completed"),
        ],
    );
    server.finish().await;
}

#[tokio::test]
async fn webhook_body_shows_packet_at_event_time() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    create_webhook(&client, &server.receiver.url).await;
    let (begun, cx) = (server.now(), server.running.cx.clone());
    let options = server.kill().await;
    let process = ApiOnlyServer::start(&cx, AddressPolicy::AllowLoopback).await;
    let late = process.client(&client);
    let id = create_packet(&late, &packet_body("b-1")).await;
    claim_packet(&late, &id, "c-1").await.expect(200);
    patch_packet(&late, &id, json!({"status": "completed"})).await.expect(200);
    drop(process);
    // The workers run only after all events have happened.
    let server = TestServer::with(options).await;
    server.run_due_work().await;
    let mut bodies: Vec<Value> = server.receiver.take().iter().map(Received::json).collect();
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
    server.finish().await;
}

#[tokio::test]
async fn webhook_gets_only_subscribed_tenant_events() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let stranger = server.other_tenant(handrail_domain::access::Role::Admin).await.of_packets();
    let url = |name: &str| server.receiver.url.replace("/hook", name);
    let usual =
        client.post(WEBHOOKS_PATH, &json!({"url": url("/usual"), "secret": crate::webhooks::SECRET})).await.expect(201);
    assert_eq!(usual.json["events"], json!(["packet.created", "packet.claimed", "packet.completed", "packet.failed"]));
    let some = client.post(WEBHOOKS_PATH, &webhook_body(&url("/some"), &["packet.claimed"])).await.expect(201).id();
    client.post(WEBHOOKS_PATH, &webhook_body(&url("/none"), &[])).await.expect(201);
    let gone = create_webhook(&client, &url("/gone")).await;
    client.delete(&format!("{WEBHOOKS_PATH}/{gone}")).await.expect(204);
    let foreign = create_webhook(&stranger, &url("/foreign")).await;
    let id = create_packet(&client, &packet_body("b-1")).await;
    claim_packet(&client, &id, "b-1").await.expect(200);
    server.run_due_work().await;
    let mut received: Vec<_> = server
        .receiver
        .take()
        .iter()
        .map(|call| (call.path.clone(), call.json()["event"].as_str().unwrap().to_owned()))
        .collect();
    received.sort();
    let expected = [("/some", "packet.claimed"), ("/usual", "packet.claimed"), ("/usual", "packet.created")];
    assert_eq!(received, expected.map(|(path, event)| (path.to_owned(), event.to_owned())));

    let shown = list_deliveries(&client, &some).await;
    assert_eq!(shown.len(), 1);
    assert_eq!((&shown[0]["status"], &shown[0]["packet_id"]), (&json!("delivered"), &json!(id)));
    // Webhooks and deliveries of another tenant are not found.
    let absent = "018f0000-0000-7000-8000-000000000000";
    let refused = client.get(&format!("{WEBHOOKS_PATH}/{foreign}/deliveries")).await.expect_detail(404);
    let none = client.get(&format!("{WEBHOOKS_PATH}/{absent}/deliveries")).await.expect_detail(404);
    assert_eq!(refused.text, none.text.replace(absent, &foreign));
    client.delete(&format!("{WEBHOOKS_PATH}/{foreign}")).await.expect_detail(404);
    assert_eq!(stranger.get(WEBHOOKS_PATH).await.expect(200).json[0]["active"], true);
    server.finish().await;
}
