//! The journey of hooks: two are made, a packet is handed over and taken, and both hear of both.

use std::collections::{BTreeMap, BTreeSet};

use handrail_testkit::Client;
use http::Method;
use serde_json::{Value, json};

use crate::journeys::{CallsMin, Journey};
use crate::scene::{REST, Scene};

const HOOKS: &str = "/api/v1/hooks";
const PACKETS: &str = "/api/v1/packets";
const PLACES: [&str; 2] = ["/one", "/two"];
const EVENTS: [&str; 2] = ["packet.claimed", "packet.created"];
const JSON: (&str, &str) = ("content-type", "application/json");
const LOOKS_MAX: u32 = 12;

pub(crate) const TOLD: Journey = Journey {
    name: "hooks are told",
    backup: false,
    calls_min: [CallsMin { all: 20, writes: 10 }, CallsMin { all: 4, writes: 4 }],
    walk: |scene| {
        Box::pin(async {
            scene.begins();
            let client = scene.world.admin.of_packets();
            for place in PLACES {
                hook(scene, &client, place).await;
            }
            let packet = json!({
                "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
                "context": {"summary": "Told to all who want to know"},
            });
            let named = [JSON, ("idempotency-key", "told")];
            let id = scene.insist(&client, Method::POST, PACKETS, &named, packet.to_string(), 201).await.id();
            let claim = json!({"agent_id": "b", "agent_name": "B"}).to_string();
            scene.insist(&client, Method::POST, &format!("{PACKETS}/{id}/claim"), &named, claim, 200).await;
            wait_until_told(scene, &client).await;
            scene.calls.extend(scene.world.receiver.take());
            all_heard_the_same(scene, &id);
        })
    },
};

/// As a program does that comes back: what is there it does not make again.
async fn hook(scene: &Scene, client: &Client, place: &str) {
    let url = scene.world.receiver.url.replace("/hook", place);
    let there = scene.insist(client, Method::GET, HOOKS, &[], String::new(), 200).await.json;
    if there.as_array().expect("a list").iter().any(|hook| hook["url"] == url) {
        return;
    }
    let hook = json!({"url": url, "events": EVENTS, "secret": "sixteen letters or more"});
    scene.insist(client, Method::POST, HOOKS, &[JSON], hook.to_string(), 201).await;
}

async fn wait_until_told(scene: &Scene, client: &Client) {
    for _ in 0..LOOKS_MAX {
        scene.world.settle().await;
        if are_told(scene, client).await {
            return;
        }
        scene.world.advance(REST / LOOKS_MAX).await;
    }
    panic!("a hook was not told");
}

/// Every hook, also one that was made twice because nobody heard that it was made.
async fn are_told(scene: &Scene, client: &Client) -> bool {
    let hooks = scene.insist(client, Method::GET, HOOKS, &[], String::new(), 200).await.json;
    for hook in hooks.as_array().expect("a list") {
        let path = format!("{HOOKS}/{}/deliveries?status=delivered", hook["id"].as_str().expect("an id"));
        let told = scene.insist(client, Method::GET, &path, &[], String::new(), 200).await.json;
        if told.as_array().expect("a list").len() < EVENTS.len() {
            return false;
        }
    }
    true
}

fn all_heard_the_same(scene: &Scene, packet: &str) {
    let mut heard: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
    let mut by_event: BTreeMap<String, Value> = BTreeMap::new();
    for call in scene.calls.iter().filter(|call| !call.header("x-hr-event").is_empty()) {
        let (id, event) = (call.header("x-hr-delivery-id"), call.header("x-hr-event"));
        heard.entry(&call.path).or_default().insert(event.to_owned());
        assert_eq!(*bodies.entry(id).or_insert(&call.body), &call.body[..], "a repeat of {id} has another body");
        assert_eq!(*by_event.entry(event.to_owned()).or_insert_with(|| call.json()), call.json());
        assert_eq!(call.json()["packet_id"], *packet);
    }
    let all: BTreeSet<String> = EVENTS.map(str::to_owned).into();
    assert_eq!(heard, BTreeMap::from(PLACES.map(|place| (place, all.clone()))));
}
