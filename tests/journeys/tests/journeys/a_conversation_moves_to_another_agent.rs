//! One agent platform moves a conversation to another agent, which works on it as a packet.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_testkit::World;
use http::Method;
use serde_json::{Value, json};

use crate::packets::{ids, patch, seen, take};

const HAND_OVER: &str = "/api/agents/route-handoff";

fn handoff(to: &str) -> Value {
    json!({
        "fromAgent": "sales",
        "toAgent": to,
        "conversationContext": {"customer": {"name": "Zoë"}, "turns": ["hello", 1, null]},
        "handoffReason": "Wants to pay",
        "handoffTime": "2026-01-31T09:30:00Z",
    })
}

async fn register(client: &handrail_testkit::Client, id: &str, body: &Value) -> Value {
    let at = format!("/api/agents/{id}");
    let body = body.to_string().into_bytes();
    client.send(Method::PUT, &at, &[("content-type", "application/json")], body).await.expect(200).json
}

#[tokio::test]
async fn to_an_agent_that_is_there() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    agent.post(HAND_OVER, &handoff("billing")).await.expect_detail(404);
    assert_eq!(register(&agent, "billing", &json!({"name": "Billing"})).await["available"], true);
    let done = agent.post(HAND_OVER, &handoff("billing")).await.expect(200).json;
    assert_eq!((&done["status"], &done["result"]), (&json!("success"), &json!(true)));
    let id = done["handoffId"].as_str().unwrap();
    // The target finds it, takes it and is done with it.
    let packets = agent.of_packets();
    let inbox = packets.get("/api/v1/packets?target_agent=billing&status=created").await.expect(200).json;
    assert_eq!(ids(&inbox), [id]);
    take(&packets, id, "billing").await.expect(200);
    assert_eq!(
        seen(&packets, id).await["context"]["custom"]["conversationContext"],
        handoff("")["conversationContext"]
    );
    patch(&packets, id, json!({"status": "completed"})).await.expect(200);
    let history = agent.get("/api/agents/handoffs?agent=billing").await.expect(200).json;
    let listed = &history["handoffs"][0];
    assert_eq!((&listed["handoffId"], &listed["status"]), (&done["handoffId"], &json!("completed")));
    assert_eq!((&listed["priority"], &listed["handoffTime"]), (&json!("medium"), &json!("2026-01-31T09:30:00.000Z")));
    world.end().await;
}

#[tokio::test]
async fn not_to_one_that_fell_silent() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    register(&agent, "billing", &json!({})).await;
    register(&agent, "archive", &json!({"static": true})).await;
    world.advance(Duration::from_secs(60 * 60)).await;
    agent.post(HAND_OVER, &handoff("billing")).await.expect_detail(404);
    agent.post(HAND_OVER, &handoff("archive")).await.expect(200);
    agent.post("/api/agents/billing/heartbeat", &json!({})).await.expect(200);
    agent.post("/api/agents/handoff", &handoff("billing")).await.expect(200);
    agent.delete("/api/agents/billing").await.expect(204);
    agent.post(HAND_OVER, &handoff("billing")).await.expect_detail(404);
    agent.get("/api/agents/billing").await.expect_detail(404);
    world.end().await;
}

#[tokio::test]
async fn within_one_account() {
    let world = World::new().await;
    let (agent, stranger) = (world.key("agent").await, world.stranger(Role::Admin).await);
    register(&agent, "billing", &json!({})).await;
    agent.post(HAND_OVER, &handoff("billing")).await.expect(200);
    stranger.post(HAND_OVER, &handoff("billing")).await.expect_detail(404);
    stranger.get("/api/agents/billing").await.expect_detail(404);
    assert_eq!(stranger.get("/api/agents").await.expect(200).json, json!({"agents": []}));
    assert_eq!(stranger.get("/api/agents/handoffs").await.expect(200).json["total"], 0);
    agent.without_key().post(HAND_OVER, &handoff("billing")).await.expect_detail(401);
    agent.get("/api/agents/a/b/c").await.expect_detail(404);
    agent.get(HAND_OVER).await.expect_detail(405);
    world.end().await;
}
