//! Schemas: an account says how the contexts of its packets look, and a packet that names one is held to it.

pub mod create;
mod effort;
pub(crate) mod fit;
pub mod get;
pub mod list;
mod outline;
mod patterns;
#[cfg(test)]
mod tests;

use handrail_domain::ids::TenantId;
use handrail_kernel::fault::Fault;
use handrail_kernel::store::Schema;
use serde_json::{Value, json};

/// As clients see it.
fn shown(tenant: TenantId, schema: &Schema) -> Result<Value, Fault> {
    let json_schema: Value =
        serde_json::from_str(&schema.text).map_err(|error| Fault::broken_by("a schema can't be read", error))?;
    Ok(json!({
        "id": schema.id,
        "name": schema.name,
        "version": schema.version,
        "json_schema": json_schema,
        "tenant_id": tenant,
        "created_at": schema.created_at,
    }))
}
