//! Lifecycle of a packet: created, claimed, perhaps stopped at a checkpoint, completed.

use std::time::Duration;

use handrail_testkit::TestServer;
use serde_json::json;

use crate::packets::{PACKETS, claim_packet, create_packet, get_history, get_packet, ids, packet_body, patch_packet};

#[tokio::test]
async fn packet_is_created_claimed_and_completed() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let id = create_packet(&agent, &packet_body("billing-01")).await;
    let inbox = agent.get(&format!("{PACKETS}?status=created&target_agent=billing-01&limit=10")).await.expect(200);
    assert_eq!((ids(&inbox.json), &inbox.json["total"]), (vec![id.as_str()], &json!(1)));
    let claimed = claim_packet(&agent, &id, "billing-02").await.expect(200).json;
    assert_eq!(
        (&claimed["status"], &claimed["metadata"]["target_agent"]["id"]),
        (&json!("claimed"), &json!("billing-02"))
    );
    patch_packet(&agent, &id, json!({"status": "in_progress"})).await.expect(200);
    let done = patch_packet(&agent, &id, json!({"status": "completed"})).await.expect(200).json;
    assert_eq!(done["status"], "completed");
    assert!(done["metadata"]["completed_at"].is_string());
    assert_eq!(get_packet(&agent, &id).await, done);
    let events = get_history(&agent, &id).await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["created", "claimed", "in_progress", "completed"]);
    assert_eq!(
        claim_packet(&agent, &id, "billing-03").await.expect_detail(400).json["detail"],
        "Cannot transition from 'completed' to 'claimed'. Allowed transitions from 'completed': ['expired']"
    );
    server.finish().await;
}

#[tokio::test]
async fn checkpoint_pauses_and_resumes_work() {
    let server = TestServer::new().await;
    let (agent, writer) = (server.key("agent").await.of_packets(), server.key("writer").await.of_packets());
    let id = create_packet(&writer, &packet_body("billing-01")).await;
    claim_packet(&agent, &id, "billing-01").await.expect(200);
    let question = json!({"reason": "Above the limit", "options": ["yes", "no"], "timeout_seconds": 3_600});
    patch_packet(&agent, &id, json!({"status": "awaiting_human", "hitl": question})).await.expect(200);
    let waiting = agent.get(&format!("{PACKETS}/awaiting")).await.expect(200).json;
    assert_eq!(ids(&waiting), [id.as_str()]);
    // Work is blocked until a person answers, and agents cannot answer.
    for status in ["claimed", "in_progress", "completed"] {
        patch_packet(&agent, &id, json!({"status": status})).await.expect_detail(400);
    }
    claim_packet(&agent, &id, "billing-02").await.expect_detail(409);
    let path = format!("{PACKETS}/{id}/respond");
    let answer = json!({"response": "something else", "responded_by": "ann"});
    agent.post(&path, &answer).await.expect_detail(403);
    assert_eq!(get_packet(&agent, &id).await["status"], "awaiting_human");
    let answered = writer.post(&path, &answer).await.expect(200).json;
    assert_eq!((&answered["status"], &answered["hitl"]["response"]), (&json!("claimed"), &json!("something else")));
    assert_eq!(answered["metadata"]["target_agent"]["id"], "billing-01");
    writer.post(&path, &answer).await.expect_detail(409);
    assert_eq!(get_history(&agent, &id).await.last().unwrap(), &("hitl_responded".to_owned(), "human:ann".to_owned()));
    patch_packet(&agent, &id, json!({"status": "completed"})).await.expect(200);
    server.finish().await;
}

#[tokio::test]
async fn unanswered_checkpoint_times_out() {
    let server = TestServer::new().await;
    let writer = server.key("writer").await.of_packets();
    let mut asks = packet_body("billing-01");
    asks["hitl"] = json!({"reason": "Large sum", "timeout_seconds": 120});
    let id = create_packet(&writer, &asks).await;
    server.advance(Duration::from_secs(120)).await;
    assert_eq!(get_packet(&writer, &id).await["status"], "expired");
    let answer = json!({"response": "yes", "responded_by": "ann"});
    writer.post(&format!("{PACKETS}/{id}/respond"), &answer).await.expect_detail(410);
    claim_packet(&writer, &id, "billing-01").await.expect_detail(410);
    assert_eq!(get_history(&writer, &id).await.len(), 2);
    server.finish().await;
}

#[tokio::test]
async fn packet_expires_after_one_day() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let (open, claimed, done) = (
        create_packet(&agent, &packet_body("a")).await,
        create_packet(&agent, &packet_body("b")).await,
        create_packet(&agent, &packet_body("c")).await,
    );
    claim_packet(&agent, &claimed, "b").await.expect(200);
    claim_packet(&agent, &done, "c").await.expect(200);
    patch_packet(&agent, &done, json!({"status": "completed"})).await.expect(200);
    server.advance(Duration::from_secs(24 * 60 * 60)).await;
    for (id, status) in [(&open, "expired"), (&claimed, "expired"), (&done, "completed")] {
        assert_eq!(get_packet(&agent, id).await["status"], status);
    }
    assert_eq!(get_history(&agent, &open).await[1], ("expired".to_owned(), "system:expiry_task".to_owned()));
    // A completed packet can still be deleted.
    assert_eq!(agent.delete(&format!("{PACKETS}/{done}")).await.expect(204).text, "");
    agent.delete(&format!("{PACKETS}/{done}")).await.expect_detail(409);
    server.finish().await;
}

#[tokio::test]
async fn silent_holder_loses_claim_to_next_agent() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let id = create_packet(&agent, &packet_body("billing-01")).await;
    let mut claim = crate::packets::claim_body("silent");
    claim["lease_seconds"] = 60.into();
    agent.post(&format!("{PACKETS}/{id}/claim"), &claim).await.expect(200);
    server.advance(Duration::from_secs(59)).await;
    // Heartbeat.
    patch_packet(&agent, &id, json!({})).await.expect(200);
    server.advance(Duration::from_secs(59)).await;
    claim_packet(&agent, &id, "next").await.expect(409);
    server.advance(Duration::from_secs(1)).await;
    assert_eq!(get_packet(&agent, &id).await["status"], "created");
    claim_packet(&agent, &id, "next").await.expect(200);
    let events = get_history(&agent, &id).await;
    assert_eq!(events[2], ("lease_lapsed".to_owned(), "system:lease".to_owned()));
    server.finish().await;
}

#[tokio::test]
async fn packets_form_a_chain() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let mut first = packet_body("billing-01");
    first["context"]["conversation_state"] = json!([{"role": "user", "content": "one"}]);
    let parent = create_packet(&agent, &first).await;
    agent.delete(&format!("{PACKETS}/{parent}")).await.expect(204);
    let mut next = packet_body("support-01");
    next["context"]["conversation_state"] = json!([{"role": "agent", "content": "two"}]);
    let child = agent.post(&format!("{PACKETS}/{parent}/chain"), &next).await.expect(201).json;
    assert_eq!((&child["parent_packet_id"], &child["status"]), (&json!(parent), &json!("created")));
    let contents: Vec<&str> = child["context"]["conversation_state"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| turn["content"].as_str().unwrap())
        .collect();
    assert_eq!(contents, ["one", "two"]);
    assert_eq!(
        get_history(&agent, &parent).await.last().unwrap(),
        &("chained".to_owned(), "agent:sales-01".to_owned())
    );
    // The worker that follows the child's creation adds no second `chained` event to the parent.
    server.run_due_work().await;
    assert_eq!(get_history(&agent, &parent).await.len(), 3);
    assert_eq!(get_packet(&agent, &parent).await["status"], "expired");
    server.finish().await;
}
