//! Test table with three sparse indexes, a stream and a time to live.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};
use handrail_engine::{Engine, Item};

pub(crate) const TABLE: &str = "records";

/// Creates an engine in memory with the test table.
pub(crate) async fn engine_with_table() -> Engine {
    let engine = Engine::in_memory().unwrap();
    create_table(&engine.client()).await;
    engine
}

pub(crate) async fn create_table(client: &Client) {
    let indexes = ["one", "two", "three"];
    let attributes = ["pk".to_owned(), "sk".to_owned()]
        .into_iter()
        .chain(indexes.iter().flat_map(|index| [format!("{index}pk"), format!("{index}sk")]));
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.map(attribute).collect()))
        .set_key_schema(Some(key("pk", "sk")))
        .set_global_secondary_indexes(Some(indexes.iter().map(|name| index(name)).collect()))
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewAndOldImages)
                .build()
                .unwrap(),
        )
        .send()
        .await
        .unwrap();
    let expiry = TimeToLiveSpecification::builder().attribute_name("ttl").enabled(true);
    client
        .update_time_to_live()
        .table_name(TABLE)
        .time_to_live_specification(expiry.build().unwrap())
        .send()
        .await
        .unwrap();
}

fn index(name: &str) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(key(&format!("{name}pk"), &format!("{name}sk"))))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .unwrap()
}

fn attribute(name: String) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
}

fn key(hash: &str, range: &str) -> Vec<KeySchemaElement> {
    [(hash, KeyType::Hash), (range, KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap())
        .collect()
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Returns an item with text attributes.
pub(crate) fn item<const N: usize>(pairs: [(&str, &str); N]) -> Item {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}

pub(crate) async fn put(client: &Client, item: Item) {
    client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
}

pub(crate) async fn get(client: &Client, pk: &str, sk: &str) -> Option<Item> {
    let key = item([("pk", pk), ("sk", sk)]);
    let response = client.get_item().table_name(TABLE).set_key(Some(key)).send().await;
    response.unwrap().item
}
