//! Keys and accounts: `/auth/…`.

pub mod keys_create;
pub mod keys_revoke;
pub mod me;

use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use handrail_kernel::store::Key;
use serde_json::{Value, json};

/// A key as its owner sees it: everything but the key.
fn shown(cx: &Cx, key: &Key) -> Result<Value, Fault> {
    Ok(json!({
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "role": key.role,
        "webhook_secret": cx.master()?.webhook_secret(key.id),
        "approvers": key.approvers,
        "backup_approver": key.backup_approver,
        "requests_per_minute": key.requests_per_minute,
        "is_active": key.revoked_at.is_none(),
        "created_at": key.created_at,
    }))
}
