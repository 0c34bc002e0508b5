//! Management of API keys. An admin manages the keys of its tenant, an operator those of every tenant.
//!
//! An admin sees neither other tenants nor the keys of operators.

pub mod create;
mod key_fields;
pub mod list;
pub mod revoke;
pub mod rotate;
pub mod usage;

use handrail_context::cx::Cx;
use handrail_domain::access::Role;
use handrail_domain::ids::TenantId;
use handrail_store::{ApiKey, VersionedKey};
use handrail_web::problem::Problem;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::{error, id_not_found};

/// Characters of the stored prefix that this API shows, as published.
const PREFIX_CHARS: usize = 8;

/// Query parameter with the tenant of the key. Without it the caller's own tenant is meant.
#[derive(Deserialize)]
pub(crate) struct TenantParam {
    tenant_id: Option<String>,
}

/// Builds the JSON view of an API key. Only the response that creates the key passes its `secret`.
pub(crate) fn key_json(key: &ApiKey, secret: Option<&str>) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "key_prefix": key.prefix.chars().take(PREFIX_CHARS).collect::<String>(),
        "tenant_id": key.tenant,
        "role": key.role,
        "scopes": key.scopes(),
        "revoked": key.revoked_at.is_some(),
        "expires_at": key.expires_at,
        "rate_limit": key.rate_limit(),
        "created_at": key.created_at,
        "key": secret,
    })
}

/// Returns `true` if the caller may see the key. Only operators see the keys of operators.
pub(crate) fn is_visible_to(caller: &ApiKey, key: &ApiKey) -> bool {
    key.role != Role::Operator || caller.role == Role::Operator
}

/// Parses a tenant id. Refuses other tenants than the caller's own, unless the caller is an operator.
pub(crate) fn visible_tenant(caller: &ApiKey, id: &str) -> Result<TenantId, Problem> {
    let tenant = id.parse().ok().filter(|tenant| *tenant == caller.tenant || caller.role == Role::Operator);
    tenant.ok_or_else(|| tenant_not_found(id))
}

pub(crate) fn tenant_not_found(id: &str) -> Problem {
    id_not_found("Tenant", id)
}

async fn find_key(cx: &Cx, caller: &ApiKey, params: &TenantParam, id: &str) -> Result<VersionedKey, Problem> {
    let not_found = || id_not_found("API key", id);
    let tenant = match &params.tenant_id {
        Some(id) => visible_tenant(caller, id)?,
        None => caller.tenant,
    };
    let found = cx.store.find_key(tenant, id.parse().map_err(|_| not_found())?).await?;
    found.filter(|found| is_visible_to(caller, &found.key)).ok_or_else(not_found)
}

fn already_revoked() -> Problem {
    error(StatusCode::CONFLICT, "API key is already revoked")
}
