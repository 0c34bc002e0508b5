//! Tests of packets that name a schema, for every operation that creates packets.

use handrail_domain::ids::RecordId;
use serde_json::{Value, json};

use super::create;
use crate::testing::{NOON, TestApp, TestResponse, WRITER, api_key, packet_body, tenant};

const PACKETS_PATH: &str = "/api/v1/packets";

async fn register_schema(app: &TestApp, json_schema: Value) -> RecordId {
    let body = json!({"name": "order", "json_schema": json_schema});
    let created = app.call(create::ENDPOINT, "/api/v1/schemas", WRITER, body).await;
    assert_eq!(created.status.as_u16(), 201, "{}", created.json);
    created.id()
}

/// Registers a schema that requires a minimum number of conversation turns and an integer `sum`.
async fn register_order_schema(app: &TestApp, turns: usize) -> RecordId {
    let custom = json!({"properties": {"sum": {"type": "integer"}}, "required": ["sum"]});
    let turns = json!({"minItems": turns});
    let properties = json!({"custom": custom, "conversation_state": turns});
    register_schema(app, json!({"type": "object", "properties": properties})).await
}

fn packet_with_schema(schema: impl std::fmt::Display, sum: impl Into<Value>) -> Value {
    let mut packet = packet_body();
    packet["schema_id"] = schema.to_string().into();
    packet["context"]["custom"] = json!({"sum": sum.into()});
    packet["context"]["conversation_state"] = json!([{"role": "user", "content": "one"}]);
    packet
}

async fn create_packet(app: &TestApp, packet: Value) -> TestResponse {
    app.call(crate::create::ENDPOINT, PACKETS_PATH, WRITER, packet).await
}

async fn count_packets(app: &TestApp) -> u64 {
    app.call(crate::list::ENDPOINT, PACKETS_PATH, WRITER, Value::Null).await.json["total"].as_u64().unwrap()
}

#[tokio::test]
async fn packet_context_must_match_its_schema() {
    let app = TestApp::new().await;
    let schema = register_order_schema(&app, 0).await;
    let created = create_packet(&app, packet_with_schema(schema, 4711)).await;
    assert_eq!((created.status.as_u16(), &created.json["schema_id"]), (201, &json!(schema)));
    let refused = create_packet(&app, packet_with_schema(schema, "much")).await;
    assert_eq!(refused.error(), (400, "context.custom.sum: value is not of type \"integer\""));
    assert_eq!(refused.json["field"], "context.custom.sum");
    assert_eq!(refused.json["errors"][0]["loc"], json!(["body", "context", "custom", "sum"]));
    assert_eq!(count_packets(&app).await, 1);
}

#[tokio::test]
async fn unknown_and_foreign_schemas_are_refused_alike() {
    let app = TestApp::new().await;
    let schema = register_order_schema(&app, 0).await;
    let other = handrail_domain::ids::TenantId::new(NOON, [8; 10]);
    let foreign_key = handrail_store::ApiKey { tenant: other, ..api_key(handrail_domain::access::Role::Writer) };
    app.add_key(foreign_key, "ho_test_other").await;
    let foreign = app.call(crate::create::ENDPOINT, PACKETS_PATH, "ho_test_other", packet_with_schema(schema, 1)).await;
    for unknown in ["018f0000-0000-7000-8000-000000000000", "order", ""] {
        let refused = create_packet(&app, packet_with_schema(unknown, 1)).await;
        assert_eq!((refused.error(), &refused.json["field"]), (foreign.error(), &json!("schema_id")), "{unknown}");
    }
    assert_eq!(foreign.error(), (400, "schema_id: There is no such schema"));
    assert_ne!(tenant(), other);
}

#[tokio::test]
async fn chained_packet_is_validated_with_inherited_conversation() {
    let app = TestApp::new().await;
    let schema = register_order_schema(&app, 2).await;
    assert_eq!(create_packet(&app, packet_with_schema(schema, 1)).await.status.as_u16(), 400);
    let mut first = packet_body();
    first["context"]["conversation_state"] = json!([{"role": "user", "content": "zero"}]);
    let path = format!("{PACKETS_PATH}/{}/chain", app.create_packet_with(first).await);
    let chained = app.call(crate::chain::ENDPOINT, &path, WRITER, packet_with_schema(schema, 1)).await;
    assert_eq!(chained.status.as_u16(), 201, "{}", chained.json);
    let refused = app.call(crate::chain::ENDPOINT, &path, WRITER, packet_with_schema(schema, 1.5)).await;
    assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("context.custom.sum")));
}

#[tokio::test]
async fn batch_packets_are_validated_separately() {
    let app = TestApp::new().await;
    let schema = register_order_schema(&app, 0).await;
    let packets = json!([
        packet_with_schema(schema, 1),
        packet_with_schema(schema, "x"),
        packet_with_schema("nowhere", 1),
        packet_body()
    ]);
    let batch = app.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", WRITER, json!({"packets": packets}));
    let created = batch.await;
    assert_eq!(
        (created.status.as_u16(), created.json["created"].as_array().unwrap().len()),
        (201, 2),
        "{}",
        created.json
    );
    let errors = json!([
        {"index": 1, "error": "context.custom.sum: value is not of type \"integer\""},
        {"index": 2, "error": "schema_id: There is no such schema"},
    ]);
    assert_eq!(created.json["errors"], errors);
}
