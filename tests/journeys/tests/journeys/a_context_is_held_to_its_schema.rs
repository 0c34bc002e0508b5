//! An account says how the contexts of its packets look, and what names that schema is held to it.

use handrail_testkit::World;
use serde_json::json;

use crate::packets::{PACKETS, ids, made, packet};

const SCHEMAS: &str = "/api/v1/schemas";

#[tokio::test]
async fn what_an_app_registers_binds_every_agent_of_the_account() {
    let world = World::new().await;
    let (app, agent) = (world.key("app").await.of_packets(), world.key("agent").await.of_packets());
    let order = json!({"type": "integer", "minimum": 1});
    let custom = json!({"type": "object", "properties": {"order": order}, "required": ["order"]});
    let schema = json!({"type": "object", "properties": {"custom": custom}});
    let body = json!({"name": "order", "json_schema": schema, "version": 2});
    agent.post(SCHEMAS, &body).await.expect_detail(403);
    let first = app.post(SCHEMAS, &body).await.expect(201).json;
    let second = app.post(SCHEMAS, &json!({"name": "any", "json_schema": {"type": "object"}})).await.expect(201).json;
    let listed = app.get(SCHEMAS).await.expect(200).json;
    assert_eq!((&listed["total"], listed["schemas"].as_array().unwrap().len()), (&json!(2), 2));
    assert!([&first, &second].iter().all(|one| listed["schemas"].as_array().unwrap().contains(one)));
    let id = first["id"].as_str().unwrap();
    assert_eq!(app.get(&format!("{SCHEMAS}/{id}")).await.expect(200).json, first);

    let mut wanted = packet("billing-01");
    wanted["schema_id"] = id.into();
    wanted["context"]["custom"] = json!({"order": 4711});
    let parent = made(&agent, &wanted).await;
    wanted["context"]["custom"] = json!({"order": 0});
    for path in [PACKETS.to_owned(), format!("{PACKETS}/{parent}/chain")] {
        let refused = agent.post(&path, &wanted).await.expect_detail(400).json;
        assert_eq!(refused["field"], "context.custom.order", "{refused}");
    }
    let batch = agent.post(&format!("{PACKETS}/batch"), &json!({"packets": [wanted, packet("x")]})).await.expect(201);
    assert_eq!(batch.json["created"].as_array().unwrap().len(), 1);
    assert!(batch.json["errors"][0]["error"].as_str().unwrap().starts_with("context.custom.order: "));
    let all = agent.get(PACKETS).await.expect(200).json;
    assert!(ids(&all).contains(&parent.as_str()) && all["total"] == 2, "{all}");
    world.end().await;
}
