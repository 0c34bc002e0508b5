//! Fixtures of the packet journeys.

use handrail_testkit::{Client, TestResponse};
use serde_json::{Value, json};

pub(crate) const PACKETS: &str = "/api/v1/packets";

pub(crate) fn packet_body(to: &str) -> Value {
    json!({
        "metadata": {
            "source_agent": {"id": "sales-01", "name": "Sales"},
            "target_agent": {"id": to, "name": "The target"},
        },
        "context": {"summary": "Upgrade to Business"},
    })
}

pub(crate) fn claim_body(agent: &str) -> Value {
    json!({"agent_id": agent, "agent_name": format!("The {agent}")})
}

pub(crate) async fn create_packet(client: &Client, packet: &Value) -> String {
    client.post(PACKETS, packet).await.expect(201).id()
}

pub(crate) async fn get_packet(client: &Client, id: &str) -> Value {
    client.get(&format!("{PACKETS}/{id}")).await.expect(200).json
}

pub(crate) async fn claim_packet(client: &Client, id: &str, agent: &str) -> TestResponse {
    client.post(&format!("{PACKETS}/{id}/claim"), &claim_body(agent)).await
}

pub(crate) async fn patch_packet(client: &Client, id: &str, body: Value) -> TestResponse {
    client.patch(&format!("{PACKETS}/{id}"), &body).await
}

/// Returns the history as pairs of action and actor.
pub(crate) async fn get_history(client: &Client, id: &str) -> Vec<(String, String)> {
    let history = client.get(&format!("{PACKETS}/{id}/history")).await.expect(200).json;
    let events = history["events"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    events.map(|event| (text(&event["event_type"]), text(&event["actor"]))).collect()
}

pub(crate) fn ids(page: &Value) -> Vec<&str> {
    page["packets"].as_array().unwrap().iter().map(|packet| packet["id"].as_str().unwrap()).collect()
}
