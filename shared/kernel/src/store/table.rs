//! The table itself: made by `handrail table create`, by the runner and by the tests. On AWS the template makes it, and a
//! test holds the two equal.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};

use crate::fault::Fault;

/// Index name, partition key, sort key and the sort key's type.
pub const INDEXES: [(&str, &str, &str, ScalarAttributeType); 3] = [
    ("by_kind", "kind_pk", "kind_sk", ScalarAttributeType::S),
    ("by_state", "state_pk", "state_sk", ScalarAttributeType::S),
    ("by_due", "due_pk", "due_sk", ScalarAttributeType::N),
];

/// Makes the table if it is not there. `false`: it was.
pub async fn create(db: &Client, table: &str) -> Result<bool, Fault> {
    let unbuilt = |error: BuildError| Fault::broken_by("the table's description can't be built", error);
    let mut request = db
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("pk", KeyType::Hash).map_err(unbuilt)?)
        .key_schema(key("sk", KeyType::Range).map_err(unbuilt)?)
        .attribute_definitions(attribute("pk", ScalarAttributeType::S).map_err(unbuilt)?)
        .attribute_definitions(attribute("sk", ScalarAttributeType::S).map_err(unbuilt)?)
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewAndOldImages)
                .build()
                .map_err(unbuilt)?,
        );
    for (name, pk, sk, sk_type) in INDEXES {
        request = request
            .attribute_definitions(attribute(pk, ScalarAttributeType::S).map_err(unbuilt)?)
            .attribute_definitions(attribute(sk, sk_type).map_err(unbuilt)?)
            .global_secondary_indexes(
                GlobalSecondaryIndex::builder()
                    .index_name(name)
                    .key_schema(key(pk, KeyType::Hash).map_err(unbuilt)?)
                    .key_schema(key(sk, KeyType::Range).map_err(unbuilt)?)
                    .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
                    .build()
                    .map_err(unbuilt)?,
            );
    }
    match request.send().await {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
            return Ok(false);
        }
        Err(error) => return Err(Fault::from_sdk("create the table", error)),
    }
    let ttl = TimeToLiveSpecification::builder().attribute_name("ttl").enabled(true).build().map_err(unbuilt)?;
    let enable = db.update_time_to_live().table_name(table).time_to_live_specification(ttl);
    enable.send().await.map_err(|error| Fault::from_sdk("set the table's time to live", error))?;
    Ok(true)
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
}
