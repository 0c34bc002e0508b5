//! Webhook journey: a packet is created and claimed, and two webhooks get both events.

use std::collections::{BTreeMap, BTreeSet};

use handrail_testkit::Client;
use http::Method;
use serde_json::{Value, json};

use crate::journeys::{CallCount, Journey};
use crate::scenario::{IDLE_ADVANCE, Scenario};

const WEBHOOKS_PATH: &str = "/api/v1/hooks";
const PACKETS_PATH: &str = "/api/v1/packets";
const RECEIVER_PATHS: [&str; 2] = ["/one", "/two"];
const EVENTS: [&str; 2] = ["packet.claimed", "packet.created"];
const JSON_HEADER: (&str, &str) = ("content-type", "application/json");
const MAX_POLLS: u32 = 12;

pub(crate) const WEBHOOK_DELIVERIES: Journey = Journey {
    name: "webhook deliveries",
    backup: false,
    calls_min: CallCount { total: 58, writes: 29 },
    local_calls_min: CallCount { total: 20, writes: 9 },
    run: |scenario| {
        Box::pin(async {
            scenario.enable_fault();
            let client = scenario.server.admin.of_packets();
            for path in RECEIVER_PATHS {
                ensure_webhook(scenario, &client, path).await;
            }
            let packet = json!({
                "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
                "context": {"summary": "Sent to both webhooks"},
            });
            let headers = [JSON_HEADER, ("idempotency-key", "told")];
            let id =
                scenario.retry_until(&client, Method::POST, PACKETS_PATH, &headers, packet.to_string(), 201).await.id();
            let claim = json!({"agent_id": "b", "agent_name": "B"}).to_string();
            scenario
                .retry_until(&client, Method::POST, &format!("{PACKETS_PATH}/{id}/claim"), &headers, claim, 200)
                .await;
            wait_until_delivered(scenario, &client).await;
            scenario.received_calls.extend(scenario.server.receiver.take());
            assert_same_events_received(scenario, &id);
        })
    },
};

/// Creates the webhook unless one with this URL exists.
async fn ensure_webhook(scenario: &Scenario, client: &Client, path: &str) {
    let url = scenario.server.receiver.url.replace("/hook", path);
    let webhooks = scenario.retry_until(client, Method::GET, WEBHOOKS_PATH, &[], String::new(), 200).await.json;
    if webhooks.as_array().expect("a list").iter().any(|webhook| webhook["url"] == url) {
        return;
    }
    let webhook = json!({"url": url, "events": EVENTS, "secret": "sixteen letters or more"});
    scenario.retry_until(client, Method::POST, WEBHOOKS_PATH, &[JSON_HEADER], webhook.to_string(), 201).await;
}

async fn wait_until_delivered(scenario: &Scenario, client: &Client) {
    for _ in 0..MAX_POLLS {
        scenario.server.run_due_work().await;
        if all_delivered(scenario, client).await {
            return;
        }
        scenario.server.advance(IDLE_ADVANCE / MAX_POLLS).await;
    }
    panic!("a webhook delivery is missing");
}

/// Returns `true` if every webhook got all events, including one created twice because a response was lost.
async fn all_delivered(scenario: &Scenario, client: &Client) -> bool {
    let webhooks = scenario.retry_until(client, Method::GET, WEBHOOKS_PATH, &[], String::new(), 200).await.json;
    for webhook in webhooks.as_array().expect("a list") {
        let path = format!("{WEBHOOKS_PATH}/{}/deliveries?status=delivered", webhook["id"].as_str().expect("an id"));
        let deliveries = scenario.retry_until(client, Method::GET, &path, &[], String::new(), 200).await.json;
        if deliveries.as_array().expect("a list").len() < EVENTS.len() {
            return false;
        }
    }
    true
}

fn assert_same_events_received(scenario: &Scenario, packet: &str) {
    let mut events_by_path: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
    let mut by_event: BTreeMap<String, Value> = BTreeMap::new();
    for call in scenario.received_calls.iter().filter(|call| !call.header("x-hr-event").is_empty()) {
        let (id, event) = (call.header("x-hr-delivery-id"), call.header("x-hr-event"));
        events_by_path.entry(&call.path).or_default().insert(event.to_owned());
        assert_eq!(*bodies.entry(id).or_insert(&call.body), &call.body[..], "a repeat of {id} has another body");
        assert_eq!(*by_event.entry(event.to_owned()).or_insert_with(|| call.json()), call.json());
        assert_eq!(call.json()["packet_id"], *packet);
    }
    let all_events: BTreeSet<String> = EVENTS.map(str::to_owned).into();
    assert_eq!(events_by_path, BTreeMap::from(RECEIVER_PATHS.map(|path| (path, all_events.clone()))));
}
