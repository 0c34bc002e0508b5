//! The template's table equals the table that the code creates elsewhere.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, BillingModeSummary, KeySchemaElement, Projection, ProjectionType, StreamViewType,
    TimeToLiveStatus,
};
use handrail_engine::Engine;
use handrail_store::table;
use serde_json::{Value, json};

use crate::template::Template;

#[tokio::test]
async fn template_table_matches_created_table() {
    let db = Engine::in_memory().unwrap().client();
    assert!(table::create(&db, "made").await.unwrap());
    let created = db.describe_table().table_name("made").send().await.unwrap().table.unwrap();
    let expiry = db.describe_time_to_live().table_name("made").send().await.unwrap().time_to_live_description.unwrap();
    let stream = created.stream_specification.as_ref().unwrap();
    let indexes = created.global_secondary_indexes().iter().map(|index| {
        let name = index.index_name().unwrap_or_default();
        json!({"IndexName": name, "KeySchema": keys(index.key_schema()), "Projection": projected(index.projection())})
    });
    assert_eq!(indexes.len(), table::INDEXES.len());
    let in_code = json!({
        "AttributeDefinitions": by_name("AttributeName", created.attribute_definitions().iter().map(attribute).collect()),
        "KeySchema": keys(created.key_schema()),
        "GlobalSecondaryIndexes": by_name("IndexName", indexes.collect()),
        "BillingMode": created.billing_mode_summary().and_then(BillingModeSummary::billing_mode).map(BillingMode::as_str),
        "StreamSpecification": {"StreamViewType": stream.stream_view_type().map(StreamViewType::as_str)},
        "TimeToLiveSpecification": {
            "AttributeName": expiry.attribute_name(),
            "Enabled": expiry.time_to_live_status().map(TimeToLiveStatus::as_str) == Some("ENABLED"),
        },
    });

    let template = Template::root();
    let properties = template.resource("Table");
    let list = |name: &str| properties[name].as_array().cloned().unwrap_or_default();
    let found = json!({
        "AttributeDefinitions": by_name("AttributeName", list("AttributeDefinitions")),
        "KeySchema": properties["KeySchema"],
        "GlobalSecondaryIndexes": by_name("IndexName", list("GlobalSecondaryIndexes")),
        "BillingMode": properties["BillingMode"],
        "StreamSpecification": properties["StreamSpecification"],
        "TimeToLiveSpecification": properties["TimeToLiveSpecification"],
    });
    assert_eq!(found, in_code);
}

fn keys(schema: &[KeySchemaElement]) -> Vec<Value> {
    let key =
        |key: &KeySchemaElement| json!({"AttributeName": key.attribute_name(), "KeyType": key.key_type().as_str()});
    schema.iter().map(key).collect()
}

fn attribute(attribute: &AttributeDefinition) -> Value {
    json!({"AttributeName": attribute.attribute_name(), "AttributeType": attribute.attribute_type().as_str()})
}

fn projected(projection: Option<&Projection>) -> Value {
    let kind = projection.and_then(Projection::projection_type).map(ProjectionType::as_str);
    match projection.map(Projection::non_key_attributes).filter(|names| !names.is_empty()) {
        Some(names) => json!({"ProjectionType": kind, "NonKeyAttributes": names}),
        None => json!({"ProjectionType": kind}),
    }
}

/// Sorts attributes or indexes by name, because their order has no meaning.
fn by_name(name: &str, mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by_key(|item| item[name].to_string());
    items
}
