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

use handrail_domain::ids::TenantId;
use handrail_platform::fault::Fault;
use handrail_store::Schema;
use serde_json::{Value, json};

/// Builds the JSON view of a schema.
fn schema_json(tenant: TenantId, schema: &Schema) -> Result<Value, Fault> {
    let json_schema: Value = serde_json::from_str(&schema.text)
        .map_err(|error| Fault::internal_with_source("stored schema is not JSON", error))?;
    Ok(json!({
        "id": schema.id,
        "name": schema.name,
        "version": schema.version,
        "json_schema": json_schema,
        "tenant_id": tenant,
        "created_at": schema.created_at,
    }))
}
