//! `GET /events`: events arrive as they happen, and a reconnecting client continues after its last event.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::account::Tier;
use handrail_testkit::{EventStream, ServerEvent, TestServer};
use serde_json::json;

use crate::packets::{PACKETS, claim_packet, create_packet, get_packet, packet_body, patch_packet};

/// Reads `count` events and returns their names.
async fn next_event_names(stream: &mut EventStream, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(stream.next().await.expect("the stream goes on").name);
    }
    names
}

async fn next_event(stream: &mut EventStream) -> ServerEvent {
    stream.next().await.expect("the stream goes on")
}

#[tokio::test]
async fn stream_sends_events_immediately() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    create_packet(&agent, &packet_body("before-it-was-opened")).await;
    server.run_due_work().await;
    let mut stream = EventStream::open(&agent, "", None).await;
    let id = create_packet(&agent, &packet_body("billing-01")).await;
    server.run_due_work().await;
    let created = next_event(&mut stream).await;
    let shown = get_packet(&agent, &id).await;
    let expected = json!({
        "type": "packet.created",
        "packet_id": id,
        "data": {"status": "created", "metadata": shown["metadata"]},
        "timestamp": shown["created_at"],
    });
    assert_eq!((created.name.as_str(), created.data), ("packet.created", expected));
    claim_packet(&agent, &id, "billing-02").await.expect(200);
    patch_packet(&agent, &id, json!({"context": {"summary": "in other words"}})).await.expect(200);
    patch_packet(&agent, &id, json!({"status": "completed"})).await.expect(200);
    server.run_due_work().await;
    assert_eq!(next_event_names(&mut stream, 3).await, ["packet.claimed", "packet.updated", "packet.completed"]);
    // The clock moves only now, so the events above came at once.
    server.advance(Duration::from_secs(30)).await;
    let ping = next_event(&mut stream).await;
    assert_eq!((ping.name.as_str(), &ping.data["type"]), ("ping", &json!("ping")));
    server.finish().await;
}

#[tokio::test]
async fn answer_and_chain_have_own_event_names() {
    let server = TestServer::new().await;
    let writer = server.key("writer").await.of_packets();
    let mut stream = EventStream::open(&writer, "", None).await;
    let mut packet = packet_body("billing-01");
    packet["hitl"] = json!({"reason": "Large sum"});
    let id = create_packet(&writer, &packet).await;
    let answer = json!({"response": "Yes.\nGladly.", "responded_by": "ann"});
    writer.post(&format!("{PACKETS}/{id}/respond"), &answer).await.expect(200);
    // Events of different packets have no order, unless one is in the journal before the other happens.
    server.run_due_work().await;
    let child = writer.post(&format!("{PACKETS}/{id}/chain"), &packet_body("support-01")).await.expect(201).id();
    server.run_due_work().await;
    let first = next_event(&mut stream).await;
    assert_eq!((first.name.as_str(), &first.data["data"]["status"]), ("packet.created", &json!("awaiting_human")));
    let ready = next_event(&mut stream).await;
    assert_eq!(
        (ready.name.as_str(), &ready.data["data"]["hitl_response"]),
        ("hitl.response_ready", &json!("Yes.\nGladly."))
    );
    let chained = next_event(&mut stream).await;
    assert_eq!((chained.name.as_str(), &chained.data["packet_id"]), ("packet.chained", &json!(child)));
    assert_eq!(chained.data["data"]["parent_packet_id"], json!(id));
    server.finish().await;
}

#[tokio::test]
async fn resumed_stream_sends_each_event_once() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let mut stream = EventStream::open(&agent, "", None).await;
    let id = create_packet(&agent, &packet_body("billing-01")).await;
    server.run_due_work().await;
    let created = next_event(&mut stream).await;
    // More events happen while the client is disconnected.
    drop(stream);
    claim_packet(&agent, &id, "billing-01").await.expect(200);
    server.run_due_work().await;
    let mut stream = EventStream::open(&agent, "", Some(&created.id)).await;
    let claimed = next_event(&mut stream).await;
    assert_eq!(claimed.name, "packet.claimed");
    patch_packet(&agent, &id, json!({"status": "in_progress"})).await.expect(200);
    server.run_due_work().await;
    let moved = next_event(&mut stream).await;
    assert_eq!(moved.name, "packet.in_progress");
    let ids = [&created.id, &claimed.id, &moved.id].map(|id| id.parse::<u64>().unwrap());
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    // The query parameter works too, for clients that cannot send headers, and can start from the beginning.
    drop(stream);
    let mut stream = EventStream::open(&agent, "&last_event_id=0", None).await;
    assert_eq!(next_event_names(&mut stream, 3).await, ["packet.created", "packet.claimed", "packet.in_progress"]);
    server.finish().await;
}

#[tokio::test]
async fn stream_resumes_after_process_kill() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let mut stream = EventStream::open(&agent, "", None).await;
    let id = create_packet(&agent, &packet_body("billing-01")).await;
    server.run_due_work().await;
    let created = next_event(&mut stream).await;
    claim_packet(&agent, &id, "billing-01").await.expect(200);
    // Whether or not the claim was processed before the kill, its event is sent after the restart.
    let server = TestServer::with(server.kill().await).await;
    let agent = server.admin.with_key(agent.key()).of_packets();
    server.run_due_work().await;
    let mut stream = EventStream::open(&agent, "", Some(&created.id)).await;
    assert_eq!(next_event(&mut stream).await.name, "packet.claimed");
    server.finish().await;
}

#[tokio::test]
async fn stream_filters_events_and_hides_other_tenants() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let stranger = server.other_tenant(Role::Writer).await.of_packets();
    let mut to_one = EventStream::open(&agent, "&subscribe=agent:billing-01&subscribe=status:failed", None).await;
    let mut all = EventStream::open(&agent, "", None).await;
    let mut other_stream = EventStream::open(&stranger, "", None).await;
    // One at a time, because events of different packets come in the order in which they are processed.
    let other = create_packet(&agent, &packet_body("support-01")).await;
    server.run_due_work().await;
    let foreign = create_packet(&stranger, &packet_body("billing-01")).await;
    let expected_id = create_packet(&agent, &packet_body("billing-01")).await;
    server.run_due_work().await;
    patch_packet(&agent, &other, json!({"status": "failed"})).await.expect(200);
    server.run_due_work().await;
    for (name, id) in [("packet.created", &expected_id), ("packet.failed", &other)] {
        let event = next_event(&mut to_one).await;
        assert_eq!((event.name.as_str(), &event.data["packet_id"]), (name, &json!(id)));
    }
    for id in [&other, &expected_id, &other] {
        assert_eq!(next_event(&mut all).await.data["packet_id"], json!(id));
    }
    assert_eq!(next_event(&mut other_stream).await.data["packet_id"], json!(foreign));
    server.finish().await;
}

#[tokio::test]
async fn revoked_key_closes_stream() {
    let server = TestServer::new().await;
    let made_key =
        server.admin.post("/auth/api-keys", &json!({"name": "follower", "role": "reader"})).await.expect(201);
    let reader = server.admin.with_key(made_key.json["key"].as_str().unwrap()).of_packets();
    let mut stream = EventStream::open(&reader, "", None).await;
    server.admin.delete(&format!("/auth/api-keys/{}", made_key.id())).await.expect(200);
    server.advance(Duration::from_secs(10)).await;
    assert!(stream.next().await.is_none(), "the stream ends");
    assert_eq!(EventStream::try_open(&reader).await, 403);
    server.finish().await;
}

#[tokio::test]
async fn tier_limits_concurrent_connections() {
    let server = TestServer::new().await;
    let free = server.client_of_tenant("free@example.com", Tier::Free, Role::Agent).await.of_packets();
    let stream = EventStream::open(&free, "", None).await;
    assert_eq!(EventStream::try_open(&free).await, 403);
    drop(stream);
    // The server notices only later that the connections are closed.
    for _ in 0..100 {
        if EventStream::try_open(&free).await == 200 {
            server.finish().await;
            return;
        }
        server.advance(Duration::from_secs(60)).await;
    }
    panic!("the place of a connection that was closed stays taken");
}

/// Events of every kind are numbered in one journal, and each door shows those of its own kind.
#[tokio::test]
async fn stream_and_audit_omit_other_kinds() {
    let mut server = TestServer::new().await;
    let writer = server.key("writer").await;
    let agent = writer.of_packets();
    let mut stream = EventStream::open(&agent, "", None).await;
    let before = create_packet(&agent, &packet_body("billing-01")).await;
    server.run_due_work().await;
    let first = next_event(&mut stream).await;
    writer.post("/decisions", &json!({"action": "Refund", "approver": "ann@example.com"})).await.expect(201);
    server.run_due_work().await;
    server.expect_mail("ann@example.com").await;
    let after = create_packet(&agent, &packet_body("billing-01")).await;
    server.run_due_work().await;
    let second = next_event(&mut stream).await;
    assert_eq!((&first.data["packet_id"], &second.data["packet_id"]), (&json!(before), &json!(after)));
    let number = |event: &ServerEvent| event.id.parse::<u64>().expect("an event has a number");
    assert_eq!(number(&second), number(&first) + 2, "the decision has the number between them");
    drop(stream);
    let mut resumed = EventStream::open(&agent, "", Some(&first.id)).await;
    assert_eq!(next_event(&mut resumed).await.data, second.data);
    let audit = agent.get("/api/v1/audit").await.expect(200).json;
    assert_eq!((audit["entries"].as_array().map(Vec::len), &audit["total"]), (Some(2), &json!(2)));
    server.finish().await;
}
