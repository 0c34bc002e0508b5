//! Management of tenants: an operator manages all of them, an admin sees its own.
//!
//! The records of a tenant stay hidden: an operator's key reads no packet.

pub mod change;
pub mod create;
pub mod delete;
pub mod get;
pub mod keys;
pub mod list;
mod tenant_params;

use handrail_access::tenants::TenantError;
use handrail_domain::account::Tenant;
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::errors::error;
use crate::keys::tenant_not_found;

/// JSON view of a tenant. Limits are its own or else those of its tier; null means unlimited.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Tenant")]
pub(crate) struct TenantView {
    id: TenantId,
    name: String,
    tier: &'static str,
    handoffs_per_day: Option<u32>,
    max_api_keys: u32,
    askers_may_answer: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

impl TenantView {
    fn new(tenant: &Tenant) -> Self {
        Self {
            id: tenant.tenant,
            name: tenant.name.clone(),
            tier: tenant.tier.packet_limits().name,
            handoffs_per_day: tenant.handoffs_per_day(),
            max_api_keys: tenant.keys_max(),
            askers_may_answer: tenant.askers_may_answer(),
            created_at: tenant.created_at,
            updated_at: tenant.updated_at.unwrap_or(tenant.created_at),
            deleted_at: tenant.deleted_at,
        }
    }
}

/// Words of the refusals about a tenant. `id` is the tenant's id as requested.
fn tenant_problem(tenant_error: TenantError, id: &str) -> Problem {
    match tenant_error {
        TenantError::NotFound => tenant_not_found(id),
        TenantError::NameTaken { name } => {
            error(StatusCode::CONFLICT, format!("Tenant with name '{name}' already exists"))
        }
        TenantError::OwnTenant => error(StatusCode::CONFLICT, "An operator cannot delete the tenant of its own key"),
        TenantError::Busy { retry_after_s } => Problem::Busy { retry_after_s },
        TenantError::Fault(fault) => fault.into(),
    }
}

/// Parses the id of a tenant. No tenant has another text as its id.
fn parse_tenant_id(id: &str) -> Result<TenantId, Problem> {
    id.parse().map_err(|_| tenant_not_found(id))
}
