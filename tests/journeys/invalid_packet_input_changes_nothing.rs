//! Invalid input gets an error of the packets door, and never a 500.

use handrail_testkit::{Client, TestResponse, TestServer};
use http::Method;
use serde_json::{Value, json};

use crate::packets::{PACKETS, claim_packet, create_packet, get_packet, ids, packet_body, patch_packet};

async fn post_packet(client: &Client, body: impl Into<Vec<u8>>) -> TestResponse {
    client.send(Method::POST, PACKETS, &[("content-type", "application/json")], body.into()).await
}

/// Returns the packet body with another value at this path.
fn packet_with(pointer: &str, value: Value) -> Value {
    let mut packet = packet_body("billing-01");
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    packet.pointer_mut(parent).unwrap()[name] = value;
    packet
}

#[tokio::test]
async fn invalid_field_is_named() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
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
        let refused = client.post(PACKETS, &packet_with(pointer, value.clone())).await.expect_detail(400);
        assert_eq!(refused.json["field"], field, "{pointer} {value}: {}", refused.text);
        let first = &refused.json["errors"][0];
        assert!(first["loc"][0] == "body" && first["msg"].is_string() && first["type"].is_string(), "{}", refused.text);
    }
    let page = client.get(PACKETS).await.expect(200).json;
    assert_eq!(page["total"], 0);
    server.finish().await;
}

#[tokio::test]
async fn malformed_json_is_refused_with_message() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
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
        let refused = post_packet(&client, body).await;
        assert_eq!(refused.status, 400, "{shown}: {}", refused.text);
        refused.expect_detail(400);
    }
    server.finish().await;
}

#[tokio::test]
async fn every_character_is_returned_unchanged() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let odd = "\u{0}\u{1}\u{7f}\u{feff}\u{202e}\u{ffff}😀 \"\\ </script> ' OR 1=1 -- {{x}} %00";
    let mut new_packet = packet_body(odd);
    new_packet["metadata"]["source_agent"] = json!({"id": odd, "name": "", "framework": odd, "version": odd});
    new_packet["metadata"]["tags"] = json!([odd, "", "a,b"]);
    new_packet["context"] = json!({
        "summary": odd,
        "conversation_state": [{"role": "human", "content": odd, "timestamp": null, "metadata": {odd: [odd, null, 1.5]}}],
        "artifacts": [{"key": odd, "value": {odd: odd}, "content_type": odd}],
        "custom": {odd: {"": [true, false, null, 0, -1, 1e300, 9007199254740993_u64]}},
    });
    let id = create_packet(&client, &new_packet).await;
    let back = get_packet(&client, &id).await;
    assert_eq!(back["context"], new_packet["context"]);
    assert_eq!(back["metadata"]["source_agent"], new_packet["metadata"]["source_agent"]);
    assert_eq!(back["metadata"]["tags"], new_packet["metadata"]["tags"]);
    let page = client.get(PACKETS).await.expect(200).json;
    assert_eq!(page["packets"][0], back);
    claim_packet(&client, &id, odd).await.expect(200);
    assert_eq!(get_packet(&client, &id).await["metadata"]["target_agent"]["id"], odd);
    // Packets with these texts are found by search.
    let encoded: String = odd.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for query in
        [format!("?source_agent={encoded}"), format!("?target_agent={encoded}"), format!("/search?q={encoded}")]
    {
        let page = client.get(&format!("{PACKETS}{query}")).await.expect(200).json;
        assert_eq!(ids(&page), [id.as_str()], "{query}");
    }
    server.finish().await;
}

#[tokio::test]
async fn unknown_and_server_fields_are_ignored() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let mut new_packet = packet_body("billing-01");
    new_packet["id"] = "018f0000-0000-7000-8000-000000000000".into();
    new_packet["status"] = "completed".into();
    new_packet["tenant_id"] = "ten_x".into();
    new_packet["metadata"]["unknown"] = json!({"a": 1});
    new_packet["hitl"] = Value::Null;
    let created = client.post(PACKETS, &new_packet).await.expect(201).json;
    assert_eq!(created["status"], "created");
    assert_ne!(created["id"], new_packet["id"]);
    assert!(created["metadata"].get("unknown").is_none() && created.get("tenant_id").is_none());
    server.finish().await;
}

#[tokio::test]
async fn invalid_field_of_packet_command_is_named() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let id = create_packet(&client, &packet_body("billing-01")).await;
    let at = format!("{PACKETS}/{id}");
    let before = get_packet(&client, &id).await;
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
        let refused = patch_packet(&client, &id, body).await.expect_detail(400);
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
    assert_eq!(get_packet(&client, &id).await, before);
    server.finish().await;
}

#[tokio::test]
async fn oversized_packet_is_refused_and_largest_accepted() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let of = |bytes: usize| {
        let mut new_packet = packet_body("billing-01");
        new_packet["context"]["custom"] = json!({"text": "large ".repeat(bytes / 6)});
        new_packet
    };
    client.post(PACKETS, &of(1_100_000)).await.expect_detail(413);
    let large = of(900_000);
    let id = create_packet(&client, &large).await;
    assert_eq!(get_packet(&client, &id).await["context"]["custom"], large["context"]["custom"]);
    // A second conversation of that size would exceed the limit.
    let mut next = packet_body("next");
    next["context"]["conversation_state"] = json!([{"role": "user", "content": "large ".repeat(150_000)}]);
    let parent = create_packet(&client, &next).await;
    client.post(&format!("{PACKETS}/{parent}/chain"), &next).await.expect_detail(413);
    server.finish().await;
}
