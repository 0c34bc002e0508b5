//! Definition of the table, for `handrail table create`, the runner and the tests. On AWS the template creates the
//! table; a test keeps the two definitions equal.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    StreamSpecification, StreamViewType, TableDescription, TimeToLiveSpecification, TimeToLiveStatus,
};

use handrail_platform::fault::Fault;

/// Index with its keys, and the other attributes that it projects.
#[derive(Debug)]
pub struct Index {
    pub name: &'static str,
    pub pk: &'static str,
    pub sk: &'static str,
    pub sk_type: ScalarAttributeType,
    pub projected: &'static [&'static str],
}

const fn index(name: &'static str, pk: &'static str, sk: &'static str, sk_type: ScalarAttributeType) -> Index {
    Index { name, pk, sk, sk_type, projected: &[] }
}

pub const INDEXES: [Index; 4] = [
    index("by_kind", "kind_pk", "kind_sk", ScalarAttributeType::S),
    index("by_state", "state_pk", "state_sk", ScalarAttributeType::S),
    index("by_due", "due_pk", "due_sk", ScalarAttributeType::N),
    Index {
        name: "by_facet",
        pk: "facet_pk",
        sk: "facet_sk",
        sk_type: ScalarAttributeType::S,
        // Attributes that filters compare: of heads the filter fields and the deadline, of bodies the terms.
        projected: &[
            "due_at",
            "due_for",
            "facet_holder",
            "facet_priority",
            "facet_source",
            "facet_tags",
            "facet_words",
        ],
    },
];

/// Creates the table. Returns `false` if it exists; a missing index or time to live is then added.
pub async fn create(db: &Client, table: &str) -> Result<bool, Fault> {
    let build_fault = |error: BuildError| Fault::internal_with_source("the table's description can't be built", error);
    let mut request = db
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("pk", KeyType::Hash).map_err(build_fault)?)
        .key_schema(key("sk", KeyType::Range).map_err(build_fault)?)
        .attribute_definitions(attribute("pk", ScalarAttributeType::S).map_err(build_fault)?)
        .attribute_definitions(attribute("sk", ScalarAttributeType::S).map_err(build_fault)?)
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewAndOldImages)
                .build()
                .map_err(build_fault)?,
        );
    for index in INDEXES {
        request = request
            .attribute_definitions(attribute(index.pk, ScalarAttributeType::S).map_err(build_fault)?)
            .attribute_definitions(attribute(index.sk, index.sk_type.clone()).map_err(build_fault)?)
            .global_secondary_indexes(
                GlobalSecondaryIndex::builder()
                    .index_name(index.name)
                    .key_schema(key(index.pk, KeyType::Hash).map_err(build_fault)?)
                    .key_schema(key(index.sk, KeyType::Range).map_err(build_fault)?)
                    .projection(projection(&index))
                    .build()
                    .map_err(build_fault)?,
            );
    }
    match request.send().await {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
            add_indexes(db, table).await?;
            // An earlier create may have ended before this step.
            if !ttl_enabled(db, table).await? {
                enable_ttl(db, table).await?;
            }
            return Ok(false);
        }
        Err(error) => return Err(Fault::from_sdk("create the table", error)),
    }
    enable_ttl(db, table).await?;
    Ok(true)
}

/// Returns `true` if DynamoDB deletes expired items.
async fn ttl_enabled(db: &Client, table: &str) -> Result<bool, Fault> {
    let described = db.describe_time_to_live().table_name(table).send().await;
    let described = described.map_err(|error| Fault::from_sdk("describe the table's time to live", error))?;
    let status = described.time_to_live_description.and_then(|time| time.time_to_live_status);
    Ok(matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)))
}

async fn enable_ttl(db: &Client, table: &str) -> Result<(), Fault> {
    let build_fault = |error: BuildError| Fault::internal_with_source("a time to live can't be described", error);
    let ttl = TimeToLiveSpecification::builder().attribute_name("ttl").enabled(true).build().map_err(build_fault)?;
    let enable = db.update_time_to_live().table_name(table).time_to_live_specification(ttl);
    enable.send().await.map(drop).map_err(|error| Fault::from_sdk("set the table's time to live", error))
}

/// Adds the indexes that a table of an older version lacks. They are sparse, so no older item is in them.
async fn add_indexes(db: &Client, table: &str) -> Result<(), Fault> {
    let build_fault = |error: BuildError| Fault::internal_with_source("an index's description can't be built", error);
    let described = db.describe_table().table_name(table).send().await;
    let described = described.map_err(|error| Fault::from_sdk("describe the table", error))?.table;
    let existing: Vec<String> = described
        .iter()
        .flat_map(TableDescription::global_secondary_indexes)
        .filter_map(|index| index.index_name().map(str::to_owned))
        .collect();
    for index in INDEXES.iter().filter(|index| !existing.iter().any(|name| name == index.name)) {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .index_name(index.name)
            .key_schema(key(index.pk, KeyType::Hash).map_err(build_fault)?)
            .key_schema(key(index.sk, KeyType::Range).map_err(build_fault)?)
            .projection(projection(index))
            .build()
            .map_err(build_fault)?;
        let update = db
            .update_table()
            .table_name(table)
            .attribute_definitions(attribute(index.pk, ScalarAttributeType::S).map_err(build_fault)?)
            .attribute_definitions(attribute(index.sk, index.sk_type.clone()).map_err(build_fault)?)
            .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build());
        update.send().await.map_err(|error| Fault::from_sdk("add an index to the table", error))?;
    }
    Ok(())
}

fn projection(index: &Index) -> Projection {
    let projection = Projection::builder();
    if index.projected.is_empty() {
        return projection.projection_type(ProjectionType::KeysOnly).build();
    }
    let names = index.projected.iter().map(|name| (*name).to_owned()).collect();
    projection.projection_type(ProjectionType::Include).set_non_key_attributes(Some(names)).build()
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
}
