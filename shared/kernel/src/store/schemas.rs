//! The schemas that an account registered: an item each, together in a partition of their account, and one more that names
//! them all. A schema never changes and is never taken away.

use std::cmp::Reverse;

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;

use super::item::{pack, unpack_text};
use super::outcome::met;
use super::single::item_key;
use super::{Item, ReadItem, Store, n, s};
use crate::fault::Fault;

/// Of an account.
pub const SCHEMAS_MAX: usize = 200;
/// As compact JSON.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// All schemas of an account are 13 MB at most, and a query answers 1 MB.
const QUERIES_OF_A_LIST_MAX: usize = 2 * SCHEMAS_MAX * SCHEMA_BYTES_MAX / (1024 * 1024);

const SCHEMA: &str = "schema#";
/// Sorts in front of them.
const NAMES: &str = "names";

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
pub enum PutSchema {
    /// It lies there, as it was written now or by a repeat before.
    Done(Schema),
    /// Another one has this id.
    OtherContent,
    /// The account has as many as it may.
    TooMany,
}

impl Store {
    /// First its name, under the condition that there is room, so that the number is exact; a repeat finds both.
    ///
    /// A process that dies in between leaves a name that leads nowhere. It takes a place until the request comes again.
    pub async fn put_schema(&self, tenant: TenantId, schema: Schema) -> Result<PutSchema, Fault> {
        let name = s(schema.id.to_string());
        let take = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(tenant, NAMES.to_owned())))
            .update_expression("ADD schema_ids :one")
            .condition_expression(
                "attribute_not_exists(schema_ids) OR size(schema_ids) < :max OR contains(schema_ids, :name)",
            )
            .expression_attribute_values(":one", AttributeValue::Ss(vec![schema.id.to_string()]))
            .expression_attribute_values(":name", name)
            .expression_attribute_values(":max", n(SCHEMAS_MAX));
        if met(take.send().await, "make room for a schema")?.is_none() {
            return Ok(PutSchema::TooMany);
        }
        let mut item = key(tenant, sk(schema.id));
        item.insert("schema".to_owned(), pack(&schema.text)?);
        item.insert("schema_id".to_owned(), s(schema.id.to_string()));
        item.insert("schema_name".to_owned(), s(&schema.name));
        item.insert("schema_version".to_owned(), n(schema.version));
        item.insert("created_at".to_owned(), n(schema.created_at.as_unix_ms()));
        let Err(found) = self.put_or_find(item, "put a schema").await? else { return Ok(PutSchema::Done(schema)) };
        let found = read(&found)?;
        let same = Schema { created_at: found.created_at, ..schema } == found;
        Ok(if same { PutSchema::Done(found) } else { PutSchema::OtherContent })
    }

    pub async fn schema(&self, tenant: TenantId, id: RecordId) -> Result<Option<Schema>, Fault> {
        self.get(key(tenant, sk(id)), "read a schema").await?.as_ref().map(read).transpose()
    }

    /// All of the account's, newest first.
    pub async fn schemas(&self, tenant: TenantId) -> Result<Vec<Schema>, Fault> {
        let (mut schemas, mut start) = (Vec::new(), None);
        for _ in 0..QUERIES_OF_A_LIST_MAX {
            let query = self
                .db
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :schema)")
                .expression_attribute_values(":pk", s(partition(tenant)))
                .expression_attribute_values(":schema", s(SCHEMA))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk("list schemas", error))?;
            for item in found.items() {
                schemas.push(read(item)?);
            }
            start = found.last_evaluated_key;
            if start.is_none() {
                schemas.sort_unstable_by_key(|schema| Reverse((schema.created_at, schema.id)));
                return Ok(schemas);
            }
        }
        Err(Fault::broken("an account has more schemas than it can have"))
    }
}

fn partition(tenant: TenantId) -> String {
    format!("schemas#{tenant}")
}

fn sk(id: RecordId) -> String {
    format!("{SCHEMA}{id}")
}

fn key(tenant: TenantId, sk: String) -> Item {
    item_key(s(partition(tenant)), sk)
}

fn read(item: &Item) -> Result<Schema, Fault> {
    let packed = item.get("schema").ok_or_else(|| Fault::broken("a schema says nothing"))?;
    let id = item.text("schema_id")?.parse();
    Ok(Schema {
        id: id.map_err(|error| Fault::broken_by("a schema's id can't be read", error))?,
        name: item.text("schema_name")?.to_owned(),
        version: item.number("schema_version")?,
        text: unpack_text(packed, SCHEMA_BYTES_MAX as u64)?,
        created_at: item.time("created_at")?,
    })
}
