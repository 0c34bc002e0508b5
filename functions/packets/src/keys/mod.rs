//! Keys, by whoever looks after an account: an admin those of its own, an operator those of every account.
//!
//! To an admin another account is not there, and neither is an operator's key.

pub mod create;
pub mod list;
pub mod revoke;
pub mod rotate;

use handrail_domain::access::Role;
use handrail_domain::ids::TenantId;
use handrail_domain::text::one_line;
use handrail_kernel::cx::Cx;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::{FoundKey, Key};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::dialect::refuse;

/// More of an id that is none is not repeated.
const ID_CHARS_SHOWN: usize = 64;

/// Whose key is meant. Only an operator has to say so.
#[derive(Deserialize)]
pub(crate) struct Whose {
    tenant_id: Option<String>,
}

/// A key as it is shown. The key itself only to whoever made it, once.
pub(crate) fn shown(key: &Key, secret: Option<&str>) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "key_prefix": key.prefix,
        "tenant_id": key.tenant,
        "role": key.role,
        "revoked": key.revoked_at.is_some(),
        "created_at": key.created_at,
        "key": secret,
    })
}

/// May this caller know of that key?
pub(crate) fn is_seen_by(caller: &Key, key: &Key) -> bool {
    key.role != Role::Operator || caller.role == Role::Operator
}

/// The account with this id, if it is the caller's own or the caller looks after all.
pub(crate) fn tenant_seen_by(caller: &Key, id: &str) -> Result<TenantId, Problem> {
    let tenant = id.parse().ok().filter(|tenant| *tenant == caller.tenant || caller.role == Role::Operator);
    tenant.ok_or_else(|| no_such_tenant(id))
}

pub(crate) fn no_such_tenant(id: &str) -> Problem {
    refuse(StatusCode::NOT_FOUND, format!("Tenant {} not found", one_line(id, ID_CHARS_SHOWN)))
}

async fn find(cx: &Cx, caller: &Key, whose: &Whose, id: &str) -> Result<FoundKey, Problem> {
    let absent = || refuse(StatusCode::NOT_FOUND, format!("API key {} not found", one_line(id, ID_CHARS_SHOWN)));
    let tenant = match &whose.tenant_id {
        Some(named) => tenant_seen_by(caller, named)?,
        None => caller.tenant,
    };
    let found = cx.store.find_key(tenant, id.parse().map_err(|_| absent())?).await?;
    found.filter(|found| is_seen_by(caller, &found.key)).ok_or_else(absent)
}

fn revoked_already() -> Problem {
    refuse(StatusCode::CONFLICT, "API key is already revoked")
}
