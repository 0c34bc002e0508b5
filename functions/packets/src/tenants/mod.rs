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

use handrail_context::cx::Cx;
use handrail_domain::access::Scope;
use handrail_domain::account::Tenant;
use handrail_domain::ids::TenantId;
use handrail_store::{ClaimNameOutcome, ReplaceOutcome};
use handrail_web::extract::RequiredScope;
use handrail_web::problem::Problem;
use http::StatusCode;
use serde_json::{Value, json};

use crate::errors::error;
use crate::keys::tenant_not_found;

/// Scope for reading tenants.
pub struct TenantsRead;

impl RequiredScope for TenantsRead {
    const SCOPE: Scope = Scope::TenantsRead;
    const REQUIREMENT: &'static str = "the role admin or operator";
}

/// Scope for creating, changing and deleting tenants.
pub struct TenantsWrite;

impl RequiredScope for TenantsWrite {
    const SCOPE: Scope = Scope::TenantsWrite;
    const REQUIREMENT: &'static str = "the role operator, which the command line gives";
}

/// Builds the JSON view of a tenant. Limits are its own or else those of its tier; null means unlimited.
pub(crate) fn tenant_json(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.tenant,
        "name": tenant.name,
        "tier": tenant.tier.packet_limits().name,
        "handoffs_per_day": tenant.handoffs_per_day(),
        "max_api_keys": tenant.keys_max(),
        "created_at": tenant.created_at,
        "updated_at": tenant.updated_at.unwrap_or(tenant.created_at),
        "deleted_at": tenant.deleted_at,
    })
}

/// Attempts of a change. A concurrent change causes another attempt on the new version; operators are few.
const ATTEMPTS_MAX: usize = 5;

/// Replaces a tenant with the result of `change`, and clears the key cache of this process. The caches of other
/// processes expire within seconds.
async fn update_tenant<F>(cx: &Cx, tenant: TenantId, id: &str, change: impl Fn(Tenant) -> F) -> Result<Tenant, Problem>
where
    F: Future<Output = Result<Tenant, Problem>>,
{
    for _ in 0..ATTEMPTS_MAX {
        let found = cx.store.find_tenant(tenant).await?.ok_or_else(|| tenant_not_found(id))?;
        let changed = change(found.tenant.clone()).await?;
        if cx.store.replace_tenant(&found, &changed).await? == ReplaceOutcome::Done {
            handrail_access::clear_key_cache(cx);
            return Ok(changed);
        }
    }
    Err(Problem::Busy { retry_after_s: 1 })
}

/// Converts the outcome of claiming a tenant's name into an error, unless the name was claimed.
fn require_name_claimed(name: &str, outcome: ClaimNameOutcome) -> Result<(), Problem> {
    match outcome {
        ClaimNameOutcome::Claimed => Ok(()),
        ClaimNameOutcome::Taken => {
            Err(error(StatusCode::CONFLICT, format!("Tenant with name '{name}' already exists")))
        }
        ClaimNameOutcome::Pending(seconds) => Err(Problem::Busy { retry_after_s: seconds }),
    }
}
