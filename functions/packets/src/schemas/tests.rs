//! Packets that name a schema, by every way in which a packet is made.

use handrail_domain::ids::RecordId;
use serde_json::{Value, json};

use super::create;
use crate::testing::{AGENT, Answer, Desk, NOON, WRITER, key, packet, tenant};

const PACKETS: &str = "/api/v1/packets";

async fn registered(desk: &Desk, json_schema: Value) -> RecordId {
    let body = json!({"name": "order", "json_schema": json_schema});
    let made = desk.call(create::ENDPOINT, "/api/v1/schemas", WRITER, body).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.json);
    made.id()
}

/// At least so many turns, and a sum in cents.
async fn orders(desk: &Desk, turns: usize) -> RecordId {
    let custom = json!({"properties": {"sum": {"type": "integer"}}, "required": ["sum"]});
    let turns = json!({"minItems": turns});
    let properties = json!({"custom": custom, "conversation_state": turns});
    registered(desk, json!({"type": "object", "properties": properties})).await
}

fn naming(schema: impl std::fmt::Display, sum: impl Into<Value>) -> Value {
    let mut packet = packet();
    packet["schema_id"] = schema.to_string().into();
    packet["context"]["custom"] = json!({"sum": sum.into()});
    packet["context"]["conversation_state"] = json!([{"role": "user", "content": "one"}]);
    packet
}

async fn hand_over(desk: &Desk, packet: Value) -> Answer {
    desk.call(crate::create::ENDPOINT, PACKETS, AGENT, packet).await
}

async fn count(desk: &Desk) -> u64 {
    desk.call(crate::list::ENDPOINT, PACKETS, AGENT, Value::Null).await.json["total"].as_u64().unwrap()
}

#[tokio::test]
async fn a_packet_is_held_to_the_schema_that_it_names() {
    let desk = Desk::new().await;
    let schema = orders(&desk, 0).await;
    let made = hand_over(&desk, naming(schema, 4711)).await;
    assert_eq!((made.status.as_u16(), &made.json["schema_id"]), (201, &json!(schema)));
    let refused = hand_over(&desk, naming(schema, "much")).await;
    assert_eq!(refused.refusal(), (400, "context.custom.sum: value is not of type \"integer\""));
    assert_eq!(refused.json["field"], "context.custom.sum");
    assert_eq!(refused.json["errors"][0]["loc"], json!(["body", "context", "custom", "sum"]));
    assert_eq!(count(&desk).await, 1);
}

#[tokio::test]
async fn a_schema_that_is_not_there_or_not_theirs_is_refused_alike() {
    let desk = Desk::new().await;
    let schema = orders(&desk, 0).await;
    let other = handrail_domain::ids::TenantId::new(NOON, [8; 10]);
    let theirs = handrail_kernel::store::Key { tenant: other, ..key(handrail_domain::access::Role::Agent) };
    desk.with_key(theirs, "ho_test_other").await;
    let foreign = desk.call(crate::create::ENDPOINT, PACKETS, "ho_test_other", naming(schema, 1)).await;
    for absent in ["018f0000-0000-7000-8000-000000000000", "order", ""] {
        let refused = hand_over(&desk, naming(absent, 1)).await;
        assert_eq!((refused.refusal(), &refused.json["field"]), (foreign.refusal(), &json!("schema_id")), "{absent}");
    }
    assert_eq!(foreign.refusal(), (400, "schema_id: There is no such schema"));
    assert_ne!(tenant(), other);
}

#[tokio::test]
async fn a_chain_is_held_to_it_with_the_conversation_so_far() {
    let desk = Desk::new().await;
    let schema = orders(&desk, 2).await;
    assert_eq!(hand_over(&desk, naming(schema, 1)).await.status.as_u16(), 400);
    let mut first = packet();
    first["context"]["conversation_state"] = json!([{"role": "user", "content": "zero"}]);
    let path = format!("{PACKETS}/{}/chain", desk.made_of(first).await);
    let chained = desk.call(crate::chain::ENDPOINT, &path, AGENT, naming(schema, 1)).await;
    assert_eq!(chained.status.as_u16(), 201, "{}", chained.json);
    let refused = desk.call(crate::chain::ENDPOINT, &path, AGENT, naming(schema, 1.5)).await;
    assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("context.custom.sum")));
}

#[tokio::test]
async fn in_a_batch_each_is_held_to_its_own() {
    let desk = Desk::new().await;
    let schema = orders(&desk, 0).await;
    let packets = json!([naming(schema, 1), naming(schema, "x"), naming("nowhere", 1), packet()]);
    let batch = desk.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", AGENT, json!({"packets": packets}));
    let made = batch.await;
    assert_eq!((made.status.as_u16(), made.json["created"].as_array().unwrap().len()), (201, 2), "{}", made.json);
    let errors = json!([
        {"index": 1, "error": "context.custom.sum: value is not of type \"integer\""},
        {"index": 2, "error": "schema_id: There is no such schema"},
    ]);
    assert_eq!(made.json["errors"], errors);
}
