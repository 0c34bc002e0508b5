//! An agent hands over, another takes it, works and is done; in between a person may have to answer.

use std::time::Duration;

use handrail_testkit::World;
use serde_json::json;

use crate::packets::{PACKETS, ids, made, packet, patch, seen, take, told};

#[tokio::test]
async fn created_claimed_and_completed() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let id = made(&agent, &packet("billing-01")).await;
    let inbox = agent.get(&format!("{PACKETS}?status=created&target_agent=billing-01&limit=10")).await.expect(200);
    assert_eq!((ids(&inbox.json), &inbox.json["total"]), (vec![id.as_str()], &json!(1)));
    let held = take(&agent, &id, "billing-02").await.expect(200).json;
    assert_eq!((&held["status"], &held["metadata"]["target_agent"]["id"]), (&json!("claimed"), &json!("billing-02")));
    patch(&agent, &id, json!({"status": "in_progress"})).await.expect(200);
    let done = patch(&agent, &id, json!({"status": "completed"})).await.expect(200).json;
    assert_eq!(done["status"], "completed");
    assert!(done["metadata"]["completed_at"].is_string());
    assert_eq!(seen(&agent, &id).await, done);
    let events = told(&agent, &id).await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["created", "claimed", "in_progress", "completed"]);
    assert_eq!(
        take(&agent, &id, "billing-03").await.expect_detail(400).json["detail"],
        "Cannot claim from status 'completed'"
    );
    world.end().await;
}

#[tokio::test]
async fn a_checkpoint_in_the_middle_of_the_work() {
    let world = World::new().await;
    let (agent, writer) = (world.key("agent").await.of_packets(), world.key("writer").await.of_packets());
    let id = made(&agent, &packet("billing-01")).await;
    take(&agent, &id, "billing-01").await.expect(200);
    let question = json!({"reason": "Above the limit", "options": ["yes", "no"], "timeout_seconds": 3_600});
    patch(&agent, &id, json!({"status": "awaiting_human", "hitl": question})).await.expect(200);
    let waiting = agent.get(&format!("{PACKETS}/awaiting")).await.expect(200).json;
    assert_eq!(ids(&waiting), [id.as_str()]);
    // The work stands still until the person has answered, and no agent answers.
    for status in ["claimed", "in_progress", "completed"] {
        patch(&agent, &id, json!({"status": status})).await.expect_detail(400);
    }
    take(&agent, &id, "billing-02").await.expect_detail(409);
    let path = format!("{PACKETS}/{id}/respond");
    let answer = json!({"response": "something else", "responded_by": "ann"});
    agent.post(&path, &answer).await.expect_detail(403);
    assert_eq!(seen(&agent, &id).await["status"], "awaiting_human");
    let answered = writer.post(&path, &answer).await.expect(200).json;
    assert_eq!((&answered["status"], &answered["hitl"]["response"]), (&json!("claimed"), &json!("something else")));
    assert_eq!(answered["metadata"]["target_agent"]["id"], "billing-01");
    writer.post(&path, &answer).await.expect_detail(409);
    assert_eq!(told(&agent, &id).await.last().unwrap(), &("hitl_responded".to_owned(), "human:ann".to_owned()));
    patch(&agent, &id, json!({"status": "completed"})).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn nobody_answers_in_time() {
    let world = World::new().await;
    let writer = world.key("writer").await.of_packets();
    let mut asks = packet("billing-01");
    asks["hitl"] = json!({"reason": "Large sum", "timeout_seconds": 120});
    let id = made(&writer, &asks).await;
    world.advance(Duration::from_secs(120)).await;
    assert_eq!(seen(&writer, &id).await["status"], "expired");
    let answer = json!({"response": "yes", "responded_by": "ann"});
    writer.post(&format!("{PACKETS}/{id}/respond"), &answer).await.expect_detail(410);
    take(&writer, &id, "billing-01").await.expect_detail(410);
    assert_eq!(told(&writer, &id).await.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn a_day_is_all_a_packet_has() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let (open, held, done) =
        (made(&agent, &packet("a")).await, made(&agent, &packet("b")).await, made(&agent, &packet("c")).await);
    take(&agent, &held, "b").await.expect(200);
    take(&agent, &done, "c").await.expect(200);
    patch(&agent, &done, json!({"status": "completed"})).await.expect(200);
    world.advance(Duration::from_secs(24 * 60 * 60)).await;
    for (id, status) in [(&open, "expired"), (&held, "expired"), (&done, "completed")] {
        assert_eq!(seen(&agent, id).await["status"], status);
    }
    assert_eq!(told(&agent, &open).await[1], ("expired".to_owned(), "system:expiry_task".to_owned()));
    // A completed one can still be put away.
    assert_eq!(agent.delete(&format!("{PACKETS}/{done}")).await.expect(204).text, "");
    agent.delete(&format!("{PACKETS}/{done}")).await.expect_detail(409);
    world.end().await;
}

#[tokio::test]
async fn a_holder_that_falls_silent_loses_it_to_the_next() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let id = made(&agent, &packet("billing-01")).await;
    let mut claim = crate::packets::claim("silent");
    claim["lease_seconds"] = 60.into();
    agent.post(&format!("{PACKETS}/{id}/claim"), &claim).await.expect(200);
    world.advance(Duration::from_secs(59)).await;
    // A sign of life.
    patch(&agent, &id, json!({})).await.expect(200);
    world.advance(Duration::from_secs(59)).await;
    take(&agent, &id, "next").await.expect(409);
    world.advance(Duration::from_secs(1)).await;
    assert_eq!(seen(&agent, &id).await["status"], "created");
    take(&agent, &id, "next").await.expect(200);
    let events = told(&agent, &id).await;
    assert_eq!(events[2], ("lease_lapsed".to_owned(), "system:lease".to_owned()));
    world.end().await;
}

#[tokio::test]
async fn one_packet_leads_to_the_next() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let mut first = packet("billing-01");
    first["context"]["conversation_state"] = json!([{"role": "user", "content": "one"}]);
    let parent = made(&agent, &first).await;
    agent.delete(&format!("{PACKETS}/{parent}")).await.expect(204);
    let mut next = packet("support-01");
    next["context"]["conversation_state"] = json!([{"role": "agent", "content": "two"}]);
    let child = agent.post(&format!("{PACKETS}/{parent}/chain"), &next).await.expect(201).json;
    assert_eq!((&child["parent_packet_id"], &child["status"]), (&json!(parent), &json!("created")));
    let said: Vec<&str> = child["context"]["conversation_state"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| turn["content"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["one", "two"]);
    assert_eq!(told(&agent, &parent).await.last().unwrap(), &("chained".to_owned(), "agent:sales-01".to_owned()));
    // What follows from the child's beginning says it again; it is told once.
    world.settle().await;
    assert_eq!(told(&agent, &parent).await.len(), 3);
    assert_eq!(seen(&agent, &parent).await["status"], "expired");
    world.end().await;
}
