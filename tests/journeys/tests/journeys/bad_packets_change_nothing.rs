//! Whatever comes in, the answer is in the door's words and never an accident of ours.

use handrail_testkit::{Answer, Client, World};
use http::Method;
use serde_json::{Value, json};

use crate::packets::{PACKETS, ids, made, packet, patch, seen, take};

async fn send(client: &Client, body: impl Into<Vec<u8>>) -> Answer {
    client.send(Method::POST, PACKETS, &[("content-type", "application/json")], body.into()).await
}

/// The packet with another value at this place.
fn with(pointer: &str, value: Value) -> Value {
    let mut packet = packet("billing-01");
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    packet.pointer_mut(parent).unwrap()[name] = value;
    packet
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    for (pointer, value, field) in [
        ("/metadata", json!(null), "metadata"),
        ("/metadata", json!([]), "metadata"),
        ("/metadata/source_agent", json!("sales"), "metadata.source_agent"),
        ("/metadata/source_agent/id", json!(5), "metadata.source_agent.id"),
        ("/metadata/source_agent/id", json!(null), "metadata.source_agent.id"),
        ("/metadata/priority", json!("urgent"), "metadata.priority"),
        ("/metadata/tags", json!("a"), "metadata.tags"),
        ("/metadata/tags", json!(["a", 5]), "metadata.tags.1"),
        ("/metadata/created_at", json!("soon"), "metadata.created_at"),
        ("/context", json!("text"), "context"),
        ("/context/summary", json!(5), "context.summary"),
        (
            "/context/conversation_state",
            json!([{"role": "robot", "content": "x"}]),
            "context.conversation_state.0.role",
        ),
        ("/context/conversation_state", json!([{"role": "user"}]), "context.conversation_state.0.content"),
        ("/context/artifacts", json!([{"key": "k", "value": 5}]), "context.artifacts.0.value"),
        ("/context/artifacts", json!([{"key": "k", "value": true}]), "context.artifacts.0.value"),
        ("/context/custom", json!([]), "context.custom"),
        ("/decisions", json!([{"id": "d", "decision": "x"}]), "decisions.0.rationale"),
        ("/actions", json!({"pending": [{"id": "p", "description": "d"}]}), "actions.pending.0.assignee"),
        (
            "/actions",
            json!({"failed": [{"id": "f", "description": "d", "error": "e", "retries_remaining": "2"}]}),
            "actions.failed.0.retries_remaining",
        ),
        ("/dependencies", json!([{"id": "x", "type": "weather", "description": "d"}]), "dependencies.0.type"),
        ("/hitl", json!({"reason": ""}), "hitl.reason"),
        ("/hitl", json!({"required": "yes", "reason": "r"}), "hitl.required"),
        ("/hitl", json!({"reason": "r", "timeout_seconds": "60"}), "hitl.timeout_seconds"),
        ("/parent_packet_id", json!("no-id"), "parent_packet_id"),
    ] {
        let refused = client.post(PACKETS, &with(pointer, value.clone())).await.expect_detail(400);
        assert_eq!(refused.json["field"], field, "{pointer} {value}: {}", refused.text);
        let first = &refused.json["errors"][0];
        assert!(first["loc"][0] == "body" && first["msg"].is_string() && first["type"].is_string(), "{}", refused.text);
    }
    let page = client.get(PACKETS).await.expect(200).json;
    assert_eq!(page["total"], 0);
    world.end().await;
}

#[tokio::test]
async fn what_is_no_json_is_refused_in_words() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let nested = format!(r#"{{"metadata": {deep}}}"#);
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\"text\"".to_vec(),
        b"{\"a\": \"\xff\"}".to_vec(),
        br#"{"metadata": {"source_agent": {"id": "\ud800", "name": "x"}}}"#.to_vec(),
        br#"{"context": {"summary": "\udc00 alone"}}"#.to_vec(),
        br#"{"unknown": "\ud83d"}"#.to_vec(),
        br#"{"\ud800": 1}"#.to_vec(),
        b"{} {}".to_vec(),
        b"{\"metadata\": NaN}".to_vec(),
        nested.into_bytes(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let refused = send(&client, body).await;
        assert_eq!(refused.status, 400, "{shown}: {}", refused.text);
        refused.expect_detail(400);
    }
    world.end().await;
}

#[tokio::test]
async fn every_character_comes_back() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let odd = "\u{0}\u{1}\u{7f}\u{feff}\u{202e}\u{ffff}😀 \"\\ </script> ' OR 1=1 -- {{x}} %00";
    let mut wanted = packet(odd);
    wanted["metadata"]["source_agent"] = json!({"id": odd, "name": "", "framework": odd, "version": odd});
    wanted["metadata"]["tags"] = json!([odd, "", "a,b"]);
    wanted["context"] = json!({
        "summary": odd,
        "conversation_state": [{"role": "human", "content": odd, "timestamp": null, "metadata": {odd: [odd, null, 1.5]}}],
        "artifacts": [{"key": odd, "value": {odd: odd}, "content_type": odd}],
        "custom": {odd: {"": [true, false, null, 0, -1, 1e300, 9007199254740993_u64]}},
    });
    let id = made(&client, &wanted).await;
    let back = seen(&client, &id).await;
    assert_eq!(back["context"], wanted["context"]);
    assert_eq!(back["metadata"]["source_agent"], wanted["metadata"]["source_agent"]);
    assert_eq!(back["metadata"]["tags"], wanted["metadata"]["tags"]);
    let page = client.get(PACKETS).await.expect(200).json;
    assert_eq!(page["packets"][0], back);
    take(&client, &id, odd).await.expect(200);
    assert_eq!(seen(&client, &id).await["metadata"]["target_agent"]["id"], odd);
    // What is found by them is found.
    let encoded: String = odd.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for query in
        [format!("?source_agent={encoded}"), format!("?target_agent={encoded}"), format!("/search?q={encoded}")]
    {
        let page = client.get(&format!("{PACKETS}{query}")).await.expect(200).json;
        assert_eq!(ids(&page), [id.as_str()], "{query}");
    }
    world.end().await;
}

#[tokio::test]
async fn unknown_members_and_members_of_ours_are_read_over() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let mut wanted = packet("billing-01");
    wanted["id"] = "018f0000-0000-7000-8000-000000000000".into();
    wanted["status"] = "completed".into();
    wanted["tenant_id"] = "ten_x".into();
    wanted["metadata"]["unknown"] = json!({"a": 1});
    wanted["hitl"] = Value::Null;
    let made = client.post(PACKETS, &wanted).await.expect(201).json;
    assert_eq!(made["status"], "created");
    assert_ne!(made["id"], wanted["id"]);
    assert!(made["metadata"].get("unknown").is_none() && made.get("tenant_id").is_none());
    world.end().await;
}

#[tokio::test]
async fn what_is_wrong_about_an_act_is_named_too() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let id = made(&client, &packet("billing-01")).await;
    let at = format!("{PACKETS}/{id}");
    let before = seen(&client, &id).await;
    for (path, body, field) in [
        ("/claim", json!({}), "agent_id"),
        ("/claim", json!({"agent_id": "a"}), "agent_name"),
        ("/claim", json!({"agent_id": 1, "agent_name": "A"}), "agent_id"),
        ("/claim", json!({"agent_id": "a", "agent_name": "A", "framework": 5}), "framework"),
        ("/claim", json!({"agent_id": "a", "agent_name": "A", "lease_seconds": -1}), "lease_seconds"),
        ("/claim", json!({"agent_id": "a".repeat(300), "agent_name": "A"}), "agent_id"),
        ("/respond", json!({"responded_by": "ann"}), "response"),
        ("/respond", json!({"response": "x".repeat(10_001), "responded_by": "ann"}), "response"),
        ("/respond", json!({"response": "x", "responded_by": "ann", "notes": 5}), "notes"),
        ("/chain", json!({}), "metadata"),
    ] {
        let refused = client.post(&format!("{at}{path}"), &body).await.expect_detail(400);
        assert_eq!(refused.json["field"], field, "{path}: {}", refused.text);
    }
    for (body, field) in [
        (json!({"status": "done"}), "status"),
        (json!({"status": 5}), "status"),
        (json!({"context": {"summary": null}}), "context.summary"),
        (json!({"decisions": {}}), "decisions"),
        (json!({"actions": {"completed": [{"id": "c", "description": "d"}]}}), "actions.completed.0.result"),
        (json!({"hitl": {}}), "hitl.reason"),
    ] {
        let refused = patch(&client, &id, body).await.expect_detail(400);
        assert_eq!(refused.json["field"], field, "{}", refused.text);
    }
    for (path, body) in [
        ("/batch", json!({"packets": []})),
        ("/batch", json!({"packets": [1]})),
        ("/batch/claim", json!({"packet_ids": ["x"], "agent_id": "a", "agent_name": "A"})),
        ("/batch/complete", json!({"packet_ids": []})),
        ("/batch/complete", json!({"packet_ids": vec![&id; 51]})),
    ] {
        client.post(&format!("{PACKETS}{path}"), &body).await.expect_detail(400);
    }
    assert_eq!(seen(&client, &id).await, before);
    world.end().await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_the_largest_comes_back() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let of = |bytes: usize| {
        let mut wanted = packet("billing-01");
        wanted["context"]["custom"] = json!({"text": "large ".repeat(bytes / 6)});
        wanted
    };
    client.post(PACKETS, &of(1_100_000)).await.expect_detail(413);
    let large = of(900_000);
    let id = made(&client, &large).await;
    assert_eq!(seen(&client, &id).await["context"]["custom"], large["context"]["custom"]);
    // With a second conversation of that size it would be too much.
    let mut next = packet("next");
    next["context"]["conversation_state"] = json!([{"role": "user", "content": "large ".repeat(150_000)}]);
    let parent = made(&client, &next).await;
    client.post(&format!("{PACKETS}/{parent}/chain"), &next).await.expect_detail(413);
    world.end().await;
}
