//! Tenants register context schemas, and packets that name a schema are validated.

use handrail_testkit::TestServer;
use serde_json::json;

use crate::packets::{PACKETS, create_packet, ids, packet_body};

const SCHEMAS: &str = "/api/v1/schemas";

#[tokio::test]
async fn registered_schema_applies_to_all_tenant_agents() {
    let server = TestServer::new().await;
    let (app, writer) = (server.key("app").await.of_packets(), server.key("writer").await.of_packets());
    let order = json!({"type": "integer", "minimum": 1});
    let custom = json!({"type": "object", "properties": {"order": order}, "required": ["order"]});
    let schema = json!({"type": "object", "properties": {"custom": custom}});
    let body = json!({"name": "order", "json_schema": schema, "version": 2});
    server.key("agent").await.of_packets().post(SCHEMAS, &body).await.expect_detail(403);
    let first = app.post(SCHEMAS, &body).await.expect(201).json;
    let second = app.post(SCHEMAS, &json!({"name": "any", "json_schema": {"type": "object"}})).await.expect(201).json;
    let listed = app.get(SCHEMAS).await.expect(200).json;
    assert_eq!((&listed["total"], listed["schemas"].as_array().unwrap().len()), (&json!(2), 2));
    assert!([&first, &second].iter().all(|one| listed["schemas"].as_array().unwrap().contains(one)));
    let id = first["id"].as_str().unwrap();
    assert_eq!(app.get(&format!("{SCHEMAS}/{id}")).await.expect(200).json, first);

    let mut packet = packet_body("billing-01");
    packet["schema_id"] = id.into();
    packet["context"]["custom"] = json!({"order": 4711});
    let parent = create_packet(&writer, &packet).await;
    packet["context"]["custom"] = json!({"order": 0});
    for path in [PACKETS.to_owned(), format!("{PACKETS}/{parent}/chain")] {
        let refused = writer.post(&path, &packet).await.expect_detail(400).json;
        assert_eq!(refused["field"], "context.custom.order", "{refused}");
    }
    let batch =
        writer.post(&format!("{PACKETS}/batch"), &json!({"packets": [packet, packet_body("x")]})).await.expect(201);
    assert_eq!(batch.json["created"].as_array().unwrap().len(), 1);
    assert!(batch.json["errors"][0]["error"].as_str().unwrap().starts_with("context.custom.order: "));
    let all = writer.get(PACKETS).await.expect(200).json;
    assert!(ids(&all).contains(&parent.as_str()) && all["total"] == 2, "{all}");
    server.finish().await;
}
