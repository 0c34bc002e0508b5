//! One agent platform moves a conversation to another agent, which works on it as a packet.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_testkit::TestServer;
use http::Method;
use serde_json::{Value, json};

use crate::packets::{claim_packet, get_packet, ids, patch_packet};

const HANDOFF_PATH: &str = "/api/agents/route-handoff";

fn handoff_body(to: &str) -> Value {
    json!({
        "fromAgent": "sales",
        "toAgent": to,
        "conversationContext": {"customer": {"name": "Zoë"}, "turns": ["hello", 1, null]},
        "handoffReason": "Wants to pay",
        "handoffTime": "2026-01-31T09:30:00Z",
    })
}

async fn register_agent(client: &handrail_testkit::Client, id: &str, body: &Value) -> Value {
    let at = format!("/api/agents/{id}");
    let body = body.to_string().into_bytes();
    client.send(Method::PUT, &at, &[("content-type", "application/json")], body).await.expect(200).json
}

#[tokio::test]
async fn conversation_moves_to_active_agent() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    agent.post(HANDOFF_PATH, &handoff_body("billing")).await.expect_detail(404);
    assert_eq!(register_agent(&agent, "billing", &json!({"name": "Billing"})).await["available"], true);
    let done = agent.post(HANDOFF_PATH, &handoff_body("billing")).await.expect(200).json;
    assert_eq!((&done["status"], &done["result"]), (&json!("success"), &json!(true)));
    let id = done["handoffId"].as_str().unwrap();
    // The target agent finds the packet, claims it and completes it.
    let packets = agent.of_packets();
    let inbox = packets.get("/api/v1/packets?target_agent=billing&status=created").await.expect(200).json;
    assert_eq!(ids(&inbox), [id]);
    claim_packet(&packets, id, "billing").await.expect(200);
    assert_eq!(
        get_packet(&packets, id).await["context"]["custom"]["conversationContext"],
        handoff_body("")["conversationContext"]
    );
    patch_packet(&packets, id, json!({"status": "completed"})).await.expect(200);
    let history = agent.get("/api/agents/handoffs?agent=billing").await.expect(200).json;
    let listed = &history["handoffs"][0];
    assert_eq!((&listed["handoffId"], &listed["status"]), (&done["handoffId"], &json!("completed")));
    assert_eq!((&listed["priority"], &listed["handoffTime"]), (&json!("medium"), &json!("2026-01-31T09:30:00.000Z")));
    server.finish().await;
}

#[tokio::test]
async fn silent_agent_gets_no_handoff() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    register_agent(&agent, "billing", &json!({})).await;
    register_agent(&agent, "archive", &json!({"static": true})).await;
    server.advance(Duration::from_secs(60 * 60)).await;
    agent.post(HANDOFF_PATH, &handoff_body("billing")).await.expect_detail(404);
    agent.post(HANDOFF_PATH, &handoff_body("archive")).await.expect(200);
    agent.post("/api/agents/billing/heartbeat", &json!({})).await.expect(200);
    agent.post("/api/agents/handoff", &handoff_body("billing")).await.expect(200);
    agent.delete("/api/agents/billing").await.expect(204);
    agent.post(HANDOFF_PATH, &handoff_body("billing")).await.expect_detail(404);
    agent.get("/api/agents/billing").await.expect_detail(404);
    server.finish().await;
}

#[tokio::test]
async fn handoff_stays_within_tenant() {
    let server = TestServer::new().await;
    let (agent, stranger) = (server.key("agent").await, server.other_tenant(Role::Admin).await);
    register_agent(&agent, "billing", &json!({})).await;
    agent.post(HANDOFF_PATH, &handoff_body("billing")).await.expect(200);
    stranger.post(HANDOFF_PATH, &handoff_body("billing")).await.expect_detail(404);
    stranger.get("/api/agents/billing").await.expect_detail(404);
    assert_eq!(stranger.get("/api/agents").await.expect(200).json, json!({"agents": []}));
    assert_eq!(stranger.get("/api/agents/handoffs").await.expect(200).json["total"], 0);
    agent.without_key().post(HANDOFF_PATH, &handoff_body("billing")).await.expect_detail(401);
    agent.get("/api/agents/a/b/c").await.expect_detail(404);
    agent.get(HANDOFF_PATH).await.expect_detail(405);
    server.finish().await;
}
