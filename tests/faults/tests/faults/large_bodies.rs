//! What a packet carries in several parts: whatever call breaks between them, or wherever the process dies, the packet is
//! there whole or not at all, and what nobody names is lent.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_testkit::{Client, Counted, Plan, World};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::evidence::TABLE;

const PACKETS: &str = "/api/v1/packets";
/// Two parts.
const BYTES: usize = 440_000;
/// One fault makes a client ask once more; a second one would be ours.
const TRIES_MAX: usize = 3;
const CALLS_MAX: usize = 60;
const SMALL: &str = "It was too much";

fn packet() -> Value {
    let mut state = 2_463_534_242_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b' ' + u8::try_from((state >> 8) % 95).unwrap_or(0))
    };
    let text = (0..BYTES).map(|_| next()).collect::<String>().replace(['"', '\\'], "_");
    json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Upgrade", "custom": {"text": text}},
    })
}

async fn insist(client: &Client, method: Method, path: &str, body: &Value) -> Value {
    for _ in 0..TRIES_MAX {
        let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
        let answer = client.send(method.clone(), path, &headers, body.to_string().into_bytes()).await;
        if answer.status != 503 {
            assert!(answer.status < 300, "{} {}", answer.status, answer.text);
            return answer.json;
        }
    }
    panic!("{method} {path} is never done");
}

/// Hands over, and then replaces what was handed over by something small. Whoever walks again finds what is there.
async fn walk(client: &Client) -> String {
    let made = insist(client, Method::POST, PACKETS, &packet()).await;
    let path = format!("{PACKETS}/{}", made["id"].as_str().expect("a packet has an id"));
    let seen = insist(client, Method::GET, &path, &Value::Null).await;
    whole(&seen);
    let small = json!({"context": {"summary": SMALL}});
    let patched = insist(client, Method::PATCH, &path, &small).await;
    assert_eq!(patched["context"]["summary"], SMALL);
    path
}

/// Before it is replaced, or after.
fn whole(seen: &Value) {
    let is_small = seen["context"]["summary"] == SMALL && seen["context"]["custom"] == json!({});
    assert!(is_small || seen["context"]["custom"] == packet()["context"]["custom"], "it is neither one");
}

/// The laws, once everybody has done what there was to do.
async fn check(world: &World, client: &Client, path: &str) {
    world.settle().await;
    let listed = client.get(PACKETS).await.expect(200).json;
    assert_eq!((&listed["total"], &listed["packets"][0]["context"]["summary"]), (&json!(1), &json!(SMALL)));
    assert_eq!(client.get(path).await.expect(200).json["context"], listed["packets"][0]["context"]);
    let items = items_by_name(world).await;
    assert!(items.keys().any(|sk| sk.starts_with("part#")));
    let named = items.values().filter_map(|item| item.get("body_sk")?.as_s().ok()).collect::<HashSet<_>>();
    assert_eq!(named.len(), 1);
    for (sk, item) in &items {
        let name = sk.strip_prefix("head.body#").or_else(|| Some(sk.strip_prefix("part#")?.rsplit_once('#')?.0));
        if let Some(name) = name {
            let is_named = named.contains(&format!("head.body#{name}"));
            assert_eq!(item.contains_key("ttl"), !is_named, "{sk} of {named:?}");
        }
    }
}

async fn items_by_name(world: &World) -> HashMap<String, HashMap<String, AttributeValue>> {
    let (mut items, mut start) = (HashMap::new(), None);
    loop {
        let scan = world.engine.client().scan().table_name(TABLE).set_exclusive_start_key(start);
        let found = scan.send().await.expect("a table can be read");
        for item in found.items.unwrap_or_default() {
            items.insert(item["sk"].as_s().expect("a name is a text").clone(), item);
        }
        start = found.last_evaluated_key;
        if start.is_none() {
            return items;
        }
    }
}

async fn agent(world: &World) -> Client {
    // Another than the first: that one is made anew when the process starts again.
    let agent = world.key("agent").await.of_packets();
    world.settle().await;
    agent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_packet_is_whole_whatever_call_breaks() {
    let mut sweeps = JoinSet::new();
    for fault in [Plan::FailBefore as fn(usize) -> Plan, Plan::FailAfter, Plan::Twice] {
        sweeps.spawn(async move {
            for k in 1..CALLS_MAX {
                let world = World::new().await;
                let agent = agent(&world).await;
                world.meter.plan_for(Counted { table: Some(TABLE.to_owned()), writes_only: true }, fault(k));
                let path = walk(&agent).await;
                world.settle().await;
                let fired = world.meter.fired();
                world.meter.plan(TABLE, Plan::LetPass);
                check(&world, &agent, &path).await;
                world.end().await;
                if !fired {
                    return k - 1;
                }
            }
            panic!("a large packet takes more than {CALLS_MAX} calls");
        });
    }
    // Two parts and a head, twice; the stream's worker keeps and lets go.
    assert!(sweeps.join_all().await.into_iter().all(|points| points >= 6));
}

#[tokio::test]
async fn a_large_packet_is_whole_or_not_there_wherever_the_process_dies() {
    // What is there after a call is what is there before the next: dying before each is enough.
    for k in 1..CALLS_MAX {
        let world = World::new().await;
        let key = agent(&world).await.key().to_owned();
        let (meter, client) = (world.meter.clone(), world.admin.with_key(&key).of_packets());
        meter.plan_for(Counted { table: Some(TABLE.to_owned()), writes_only: true }, Plan::DieBefore(k));
        tokio::select! {
            () = async { walk(&client).await; world.settle().await; } => {}
            () = meter.died() => {}
        }
        let fired = meter.fired();
        let world = World::with(world.kill().await).await;
        let client = world.admin.with_key(&key).of_packets();
        // Nobody has come back to it yet.
        let listed = client.get(PACKETS).await.expect(200).json;
        listed["packets"].as_array().expect("a list").iter().for_each(whole);
        let path = walk(&client).await;
        check(&world, &client, &path).await;
        world.end().await;
        if !fired {
            assert!(k > 6, "only {k} calls");
            return;
        }
    }
    panic!("a large packet takes more than {CALLS_MAX} calls");
}
