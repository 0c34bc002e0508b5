//! JSON schemas of a tenant. A packet that names a schema must have a context that matches the schema.

mod cost;
pub mod create;
pub mod get;
pub mod list;
mod patterns;
mod schema_graph;
#[cfg(test)]
mod tests;
pub(crate) mod validation;

use handrail_domain::ids::RecordId;
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_store::Schema;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// JSON view of a schema.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ContextSchema")]
struct SchemaView {
    id: RecordId,
    name: String,
    version: u32,
    /// JSON Schema of a context.
    #[schemars(with = "Map<String, Value>")]
    json_schema: Value,
    tenant_id: TenantId,
    created_at: Timestamp,
}

impl SchemaView {
    fn new(tenant: TenantId, schema: &Schema) -> Result<Self, Fault> {
        let json_schema = serde_json::from_str(&schema.text)
            .map_err(|error| Fault::internal_with_source("stored schema is not JSON", error))?;
        Ok(Self {
            id: schema.id,
            name: schema.name.clone(),
            version: schema.version,
            json_schema,
            tenant_id: tenant,
            created_at: schema.created_at,
        })
    }
}
