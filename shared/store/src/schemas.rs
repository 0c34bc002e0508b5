//! Schemas that a tenant registered: one item each, in one partition per tenant, and one more item with all their ids.
//! A schema is never changed or deleted.

use std::cmp::Reverse;

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;

use crate::attributes::{Item, ReadItem, n, s};
use crate::client::Store;
use crate::item::{pack, unpack_text};
use crate::item_ops::item_key;
use crate::outcome::unless_condition_failed;
use crate::partition_items::PartitionQuery;
use handrail_platform::fault::Fault;

/// Number of a tenant's schemas at most.
pub const SCHEMAS_MAX: usize = 200;
/// Size of a schema at most, as compact JSON.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// Number of queries of a list at most. All schemas of a tenant take up to 13 MB, and a query returns 1 MB.
const MAX_QUERIES_PER_LIST: usize = 2 * SCHEMAS_MAX * SCHEMA_BYTES_MAX / (1024 * 1024);

const SCHEMA_SK_PREFIX: &str = "schema#";
/// Sorts before the schemas.
const NAMES_SK: &str = "names";

#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    pub id: RecordId,
    pub name: String,
    pub version: u32,
    /// Compact JSON.
    pub text: String,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PutSchemaOutcome {
    /// The schema is stored, by this request or by an earlier one.
    Done(Schema),
    /// Another schema has this id.
    IdempotencyConflict,
    /// The tenant has reached [`SCHEMAS_MAX`].
    TooMany,
}

impl Store {
    /// Stores a schema. Its id is added to the set of ids first, on condition that the set has room, so that the limit
    /// is exact; a repeat finds both.
    ///
    /// A process that dies in between leaves an id without a schema, which counts until the request is repeated.
    pub async fn put_schema(&self, tenant: TenantId, schema: Schema) -> Result<PutSchemaOutcome, Fault> {
        let id = s(schema.id.to_string());
        let add_id = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key_of(tenant, NAMES_SK.to_owned())))
            .update_expression("ADD schema_ids :one")
            .condition_expression(
                "attribute_not_exists(schema_ids) OR size(schema_ids) < :max OR contains(schema_ids, :name)",
            )
            .expression_attribute_values(":one", AttributeValue::Ss(vec![schema.id.to_string()]))
            .expression_attribute_values(":name", id)
            .expression_attribute_values(":max", n(SCHEMAS_MAX));
        if unless_condition_failed(add_id.send().await, "add a schema's id")?.is_none() {
            return Ok(PutSchemaOutcome::TooMany);
        }
        let mut item = item_key_of(tenant, schema_sk(schema.id));
        item.insert("schema".to_owned(), pack(&schema.text)?);
        item.insert("schema_id".to_owned(), s(schema.id.to_string()));
        item.insert("schema_name".to_owned(), s(&schema.name));
        item.insert("schema_version".to_owned(), n(schema.version));
        item.insert("created_at".to_owned(), n(schema.created_at.as_unix_ms()));
        let Err(found) = self.put_or_get(item, "put a schema").await? else {
            return Ok(PutSchemaOutcome::Done(schema));
        };
        let found = schema_from_item(&found)?;
        let is_repeat = Schema { created_at: found.created_at, ..schema } == found;
        Ok(if is_repeat { PutSchemaOutcome::Done(found) } else { PutSchemaOutcome::IdempotencyConflict })
    }

    pub async fn schema(&self, tenant: TenantId, id: RecordId) -> Result<Option<Schema>, Fault> {
        self.get(item_key_of(tenant, schema_sk(id)), "read a schema").await?.as_ref().map(schema_from_item).transpose()
    }

    /// Returns the tenant's schemas, newest first.
    pub async fn schemas(&self, tenant: TenantId) -> Result<Vec<Schema>, Fault> {
        let query = PartitionQuery {
            pk: s(partition(tenant)),
            sk_prefix: SCHEMA_SK_PREFIX.to_owned(),
            after: None,
            items_max: SCHEMAS_MAX + 1,
            queries_max: MAX_QUERIES_PER_LIST,
        };
        let found = self.partition_items(query, "list schemas").await?;
        if found.has_more {
            return Err(Fault::internal("a tenant has more schemas than allowed"));
        }
        let mut schemas = found.items.iter().map(schema_from_item).collect::<Result<Vec<_>, _>>()?;
        schemas.sort_unstable_by_key(|schema| Reverse((schema.created_at, schema.id)));
        Ok(schemas)
    }
}

fn partition(tenant: TenantId) -> String {
    format!("schemas#{tenant}")
}

fn schema_sk(id: RecordId) -> String {
    format!("{SCHEMA_SK_PREFIX}{id}")
}

fn item_key_of(tenant: TenantId, sk: String) -> Item {
    item_key(s(partition(tenant)), sk)
}

fn schema_from_item(item: &Item) -> Result<Schema, Fault> {
    let packed = item.get("schema").ok_or_else(|| Fault::internal("a schema has no content"))?;
    let id = item.text("schema_id")?.parse();
    Ok(Schema {
        id: id.map_err(|error| Fault::internal_with_source("a schema's id can't be read", error))?,
        name: item.text("schema_name")?.to_owned(),
        version: item.number("schema_version")?,
        text: unpack_text(packed, SCHEMA_BYTES_MAX as u64)?,
        created_at: item.time("created_at")?,
    })
}
