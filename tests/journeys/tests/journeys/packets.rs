//! What the journeys of packets begin with.

use handrail_testkit::{Answer, Client};
use serde_json::{Value, json};

pub(crate) const PACKETS: &str = "/api/v1/packets";

pub(crate) fn packet(to: &str) -> Value {
    json!({
        "metadata": {
            "source_agent": {"id": "sales-01", "name": "Sales"},
            "target_agent": {"id": to, "name": "The target"},
        },
        "context": {"summary": "Upgrade to Business"},
    })
}

pub(crate) fn claim(agent: &str) -> Value {
    json!({"agent_id": agent, "agent_name": format!("The {agent}")})
}

pub(crate) async fn made(client: &Client, packet: &Value) -> String {
    client.post(PACKETS, packet).await.expect(201).id()
}

pub(crate) async fn seen(client: &Client, id: &str) -> Value {
    client.get(&format!("{PACKETS}/{id}")).await.expect(200).json
}

pub(crate) async fn take(client: &Client, id: &str, agent: &str) -> Answer {
    client.post(&format!("{PACKETS}/{id}/claim"), &claim(agent)).await
}

pub(crate) async fn patch(client: &Client, id: &str, body: Value) -> Answer {
    client.patch(&format!("{PACKETS}/{id}"), &body).await
}

/// What happened, by name, with who did it.
pub(crate) async fn told(client: &Client, id: &str) -> Vec<(String, String)> {
    let history = client.get(&format!("{PACKETS}/{id}/history")).await.expect(200).json;
    let events = history["events"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    events.map(|event| (text(&event["event_type"]), text(&event["actor"]))).collect()
}

pub(crate) fn ids(page: &Value) -> Vec<&str> {
    page["packets"].as_array().unwrap().iter().map(|packet| packet["id"].as_str().unwrap()).collect()
}
