//! Packets whose body is stored in several parts: after any failed call or crash the packet is complete or absent, and
//! parts that no head names expire.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_testkit::{CallFilter, Client, FaultPlan, TestServer};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::each_call::check_broken_calls;
use crate::snapshot::TABLE;

const PACKETS: &str = "/api/v1/packets";
/// Large enough for two parts.
const BODY_BYTES: usize = 440_000;
/// One fault makes one attempt fail; a third attempt is spare.
const MAX_ATTEMPTS: usize = 3;
const MAX_CALLS: usize = 60;
/// Fewest writes that are broken. Two parts and a head, then a body and a head, and the writes of the stream worker, which retains new parts and
/// releases old ones.
const LARGE_PACKET_WRITES: usize = 24;
const SMALL_SUMMARY: &str = "It was too much";

fn packet_body() -> Value {
    let mut state = 2_463_534_242_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b' ' + u8::try_from((state >> 8) % 95).unwrap_or(0))
    };
    let text = (0..BODY_BYTES).map(|_| next()).collect::<String>().replace(['"', '\\'], "_");
    json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Upgrade", "custom": {"text": text}},
    })
}

async fn retry_until_accepted(client: &Client, method: Method, path: &str, body: &Value) -> Value {
    for _ in 0..MAX_ATTEMPTS {
        let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
        let response = client.send(method.clone(), path, &headers, body.to_string().into_bytes()).await;
        if response.status != 503 {
            assert!(response.status < 300, "{} {}", response.status, response.text);
            return response.json;
        }
    }
    panic!("{method} {path} was never accepted");
}

/// Creates a large packet and replaces its context by a small one. Running it again finds the same packet.
async fn run_journey(client: &Client) -> String {
    let packet = retry_until_accepted(client, Method::POST, PACKETS, &packet_body()).await;
    let path = format!("{PACKETS}/{}", packet["id"].as_str().expect("a packet has an id"));
    let packet = retry_until_accepted(client, Method::GET, &path, &Value::Null).await;
    assert_complete(&packet);
    let small = json!({"context": {"summary": SMALL_SUMMARY}});
    let patched = retry_until_accepted(client, Method::PATCH, &path, &small).await;
    assert_eq!(patched["context"]["summary"], SMALL_SUMMARY);
    path
}

/// Asserts that the packet has its complete large context or the small one that replaces it.
fn assert_complete(packet: &Value) {
    let is_small = packet["context"]["summary"] == SMALL_SUMMARY && packet["context"]["custom"] == json!({});
    assert!(
        is_small || packet["context"]["custom"] == packet_body()["context"]["custom"],
        "the context is neither the large nor the small one"
    );
}

/// Asserts that one packet with the small context is left, and that only the parts of the current body do not expire.
async fn check_stored_items(server: &TestServer, client: &Client, path: &str) {
    server.run_due_work().await;
    let list = client.get(PACKETS).await.expect(200).json;
    assert_eq!((&list["total"], &list["packets"][0]["context"]["summary"]), (&json!(1), &json!(SMALL_SUMMARY)));
    assert_eq!(client.get(path).await.expect(200).json["context"], list["packets"][0]["context"]);
    let items = items_by_name(server).await;
    assert!(items.keys().any(|sk| sk.starts_with("part#")));
    let named_bodies = items.values().filter_map(|item| item.get("body_sk")?.as_s().ok()).collect::<HashSet<_>>();
    assert_eq!(named_bodies.len(), 1);
    for (sk, item) in &items {
        let name = sk.strip_prefix("head.body#").or_else(|| Some(sk.strip_prefix("part#")?.rsplit_once('#')?.0));
        if let Some(name) = name {
            let is_named = named_bodies.contains(&format!("head.body#{name}"));
            assert_eq!(item.contains_key("ttl"), !is_named, "{sk} of {named_bodies:?}");
        }
    }
}

async fn items_by_name(server: &TestServer) -> HashMap<String, HashMap<String, AttributeValue>> {
    let (mut items, mut start) = (HashMap::new(), None);
    loop {
        let scan = server.engine.client().scan().table_name(TABLE).set_exclusive_start_key(start);
        let output = scan.send().await.expect("a table can be read");
        for item in output.items.unwrap_or_default() {
            items.insert(item["sk"].as_s().expect("a sort key is a string").clone(), item);
        }
        start = output.last_evaluated_key;
        if start.is_none() {
            return items;
        }
    }
}

async fn agent_client(server: &TestServer) -> Client {
    // The admin key changes on restart, so the client uses a key of its own.
    let agent = server.key("writer").await.of_packets();
    server.run_due_work().await;
    agent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_packet_is_complete_after_failed_calls() {
    let mut sweeps = JoinSet::new();
    for fault in [FaultPlan::FailBefore as fn(usize) -> FaultPlan, FaultPlan::FailAfter, FaultPlan::Duplicate] {
        sweeps.spawn(async move {
            for k in 1..MAX_CALLS {
                let server = TestServer::new().await;
                let agent = agent_client(&server).await;
                server
                    .fault_injector
                    .plan_for(CallFilter { table: Some(TABLE.to_owned()), writes_only: true }, fault(k));
                let path = run_journey(&agent).await;
                server.run_due_work().await;
                let fired = server.fault_injector.fired();
                server.fault_injector.plan(TABLE, FaultPlan::LetPass);
                check_stored_items(&server, &agent, &path).await;
                server.finish().await;
                if !fired {
                    return k - 1;
                }
            }
            panic!("a large packet takes more than {MAX_CALLS} calls");
        });
    }
    for broken_calls in sweeps.join_all().await {
        println!("a large packet: {broken_calls} calls were broken");
        assert_eq!(check_broken_calls("LARGE_PACKET_WRITES", broken_calls, LARGE_PACKET_WRITES), None);
    }
}

#[tokio::test]
async fn large_packet_is_complete_or_absent_after_crash() {
    // The state after a call is the state before the next, so crashing before each call is enough.
    for k in 1..MAX_CALLS {
        let server = TestServer::new().await;
        let key = agent_client(&server).await.key().to_owned();
        let (fault_injector, client) = (server.fault_injector.clone(), server.admin.with_key(&key).of_packets());
        fault_injector
            .plan_for(CallFilter { table: Some(TABLE.to_owned()), writes_only: true }, FaultPlan::CrashBefore(k));
        tokio::select! {
            () = async { run_journey(&client).await; server.run_due_work().await; } => {}
            () = fault_injector.crashed() => {}
        }
        let fired = fault_injector.fired();
        let server = TestServer::with(server.kill().await).await;
        let client = server.admin.with_key(&key).of_packets();
        // The client has not repeated its requests yet.
        let list = client.get(PACKETS).await.expect(200).json;
        list["packets"].as_array().expect("a list").iter().for_each(assert_complete);
        let path = run_journey(&client).await;
        check_stored_items(&server, &client, &path).await;
        server.finish().await;
        if !fired {
            println!("a large packet: {} crashes", k - 1);
            assert_eq!(check_broken_calls("LARGE_PACKET_WRITES", k - 1, LARGE_PACKET_WRITES), None);
            return;
        }
    }
    panic!("a large packet takes more than {MAX_CALLS} calls");
}
