//! API keys and the tenant: `/auth/…`.

pub mod key_params;
pub mod keys_change;
pub mod keys_create;
pub mod keys_get;
pub mod keys_list;
pub mod keys_revoke;
pub mod me;
pub mod rules_dry_run;

use handrail_access::KeyError;
use handrail_context::cx::Cx;
use handrail_domain::account::Tenant;
use handrail_platform::fault::Fault;
use handrail_secrets::keys::KeyPurpose;
use handrail_store::ApiKey;
use handrail_web::caller::{Principal, TenantAdmin};
use handrail_web::problem::Problem;
use http::StatusCode;
use serde_json::{Value, json};

pub(crate) const KEY_NOT_FOUND: Problem = Problem::NotFound { resource: "API key" };

/// JSON view of an API key, without its secret.
pub(crate) fn key_json(cx: &Cx, key: &ApiKey) -> Result<Value, Fault> {
    let mut json = json!({
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "role": key.role,
        "scopes": key.scopes(),
        "webhook_secret": cx.key(KeyPurpose::Callbacks)?.webhook_secret(key.id),
        "approvers": key.approvers,
        "backup_approver": key.backup_approver,
        "requests_per_minute": key.requests_per_minute,
        "rate_limit": key.rate_limit(),
        "decisions_per_month": key.decisions_per_month,
        "escalation_stays_pending": key.escalation_stays_pending,
        "rules": key.rules,
        "is_active": key.revoked_at.is_none(),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    });
    if let (true, Value::Object(members)) = (key.trust_stated_amounts, &mut json) {
        members.insert("trust_stated_amounts".to_owned(), true.into());
    }
    Ok(json)
}

/// The tenant of the caller. Returns `None` for API keys that were created before tenants were stored.
pub(crate) async fn tenant_of<R>(cx: &Cx, caller: &TenantAdmin<R>) -> Result<Option<Tenant>, Fault> {
    match &caller.principal {
        Principal::User(user) => Ok(Some(user.tenant.clone())),
        Principal::ApiKey(key) => cx.store.tenant(key.tenant).await,
    }
}

/// Words of the refusals about an API key.
pub(crate) fn key_problem(error: KeyError) -> Problem {
    match error {
        KeyError::TenantNotFound | KeyError::NotFound => KEY_NOT_FOUND,
        KeyError::AlreadyRevoked => Problem::refused(
            StatusCode::CONFLICT,
            "KEY_REVOKED",
            "This API key is revoked and can't be changed. Create another one.",
        ),
        KeyError::OperatorRole => {
            Problem::invalid("role", "can't be operator: create operator keys on the command line")
        }
        KeyError::ScopesBeyondCaller => {
            Problem::refused(StatusCode::FORBIDDEN, "FORBIDDEN", "The other API key has scopes that your key lacks")
        }
        KeyError::Invalid(errors) => Problem::Invalid(errors),
        KeyError::Busy => Problem::Busy { retry_after_s: 1 },
        KeyError::Access(error) => error.into(),
    }
}
