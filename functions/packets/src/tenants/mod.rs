//! Tenants, which are accounts: an operator looks after all of them, an admin sees its own.
//!
//! Nothing here leads to what is in an account: an operator's key reads no packet.

pub mod change;
pub mod create;
pub mod delete;
pub mod get;
pub mod keys;
pub mod list;
mod wish;

use handrail_domain::access::Scope;
use handrail_domain::account::Account;
use handrail_domain::ids::TenantId;
use handrail_kernel::cx::Cx;
use handrail_kernel::extract::Right;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::{NameTaken, Replaced};
use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::refuse;
use crate::keys::no_such_tenant;

/// Seeing tenants.
pub struct TenantsRead;

impl Right for TenantsRead {
    const SCOPE: Scope = Scope::TenantsRead;
    const NEEDS: &'static str = "the role admin or operator";
}

/// Making, changing and deleting them.
pub struct TenantsWrite;

impl Right for TenantsWrite {
    const SCOPE: Scope = Scope::TenantsWrite;
    const NEEDS: &'static str = "the role operator, which the command line gives";
}

/// With the numbers that count: its own, or else its tier's. Null: as many as wanted.
pub(crate) fn shown(account: &Account) -> Value {
    json!({
        "id": account.tenant,
        "name": account.name,
        "tier": account.tier.allotment().name,
        "handoffs_per_day": account.handoffs_per_day(),
        "max_api_keys": account.keys_max(),
        "created_at": account.created_at,
        "updated_at": account.updated_at.unwrap_or(account.created_at),
        "deleted_at": account.deleted_at,
    })
}

/// A change lost to another one is made anew over what that one left. Operators are few: they are never this many.
const ATTEMPTS_MAX: usize = 5;

/// Makes an account what `anew` says, and lets this process forget what it knew of its keys. The others do a few seconds
/// later.
async fn change_account<F>(cx: &Cx, tenant: TenantId, id: &str, anew: impl Fn(Account) -> F) -> Result<Account, Problem>
where
    F: Future<Output = Result<Account, Problem>>,
{
    for _ in 0..ATTEMPTS_MAX {
        let found = cx.store.find_account(tenant).await?.ok_or_else(|| no_such_tenant(id))?;
        let wanted = anew(found.account.clone()).await?;
        if cx.store.replace_account(&found, &wanted).await? == Replaced::Done {
            cx.gate.forget_keys();
            return Ok(wanted);
        }
    }
    Err(Problem::Busy { retry_after_s: 1 })
}

/// The name is the account's from here on, or this is why not.
fn taken(name: &str, taken: NameTaken) -> Result<(), Problem> {
    match taken {
        NameTaken::Now => Ok(()),
        NameTaken::Held => Err(refuse(StatusCode::CONFLICT, format!("Tenant with name '{name}' already exists"))),
        NameTaken::Unsettled(seconds) => Err(Problem::Busy { retry_after_s: seconds }),
    }
}
