//! Keys and accounts: `/auth/…`.

pub mod keys_change;
pub mod keys_create;
pub mod keys_get;
pub mod keys_list;
pub mod keys_revoke;
pub mod me;
pub mod rules_dry_run;
pub mod wish;

use handrail_domain::account::Account;
use handrail_domain::text::EmailAddress;
use handrail_kernel::cx::Cx;
use handrail_kernel::extract::{Steward, Who};
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::Key;
use serde_json::{Value, json};

pub(crate) const NO_SUCH_KEY: Problem = Problem::NotFound { what: "API key" };

/// A key as its owner sees it: everything but the key.
pub(crate) fn shown(cx: &Cx, key: &Key) -> Result<Value, Fault> {
    Ok(json!({
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "role": key.role,
        "webhook_secret": cx.master()?.webhook_secret(key.id),
        "approvers": key.approvers,
        "backup_approver": key.backup_approver,
        "requests_per_minute": key.requests_per_minute,
        "decisions_per_month": key.decisions_per_month,
        "escalation_stays_pending": key.escalation_stays_pending,
        "rules": key.rules,
        "is_active": key.revoked_at.is_none(),
        "created_at": key.created_at,
    }))
}

/// The account of whoever asks. `None`: keys of an installation's first days have none.
pub(crate) async fn account_of<R>(cx: &Cx, steward: &Steward<R>) -> Result<Option<Account>, Fault> {
    match &steward.who {
        Who::Person(person) => Ok(Some(person.account.clone())),
        Who::Key(key) => cx.store.account(key.tenant).await,
    }
}

/// Whose address stands in for an empty list of approvers, where the tier has one.
pub(crate) async fn holder_of<R>(cx: &Cx, steward: &Steward<R>) -> Result<Option<EmailAddress>, Fault> {
    if steward.tier().preset().approvers_max.is_none() {
        return Ok(None);
    }
    Ok(account_of(cx, steward).await?.and_then(|account| account.email))
}
