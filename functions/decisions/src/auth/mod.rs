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
use handrail_domain::access::{Role, ScopeSet};
use handrail_domain::account::Tenant;
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::ids::KeyId;
use handrail_domain::key_rate_limit::KeyRateLimit;
use handrail_domain::policy::Rule;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_secrets::keys::KeyPurpose;
use handrail_store::ApiKey;
use handrail_web::caller::{Principal, TenantAdmin};
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const KEY_NOT_FOUND: Problem = Problem::NotFound { resource: "API key" };

/// JSON view of an API key, without its secret.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiKey")]
pub(crate) struct KeyView {
    id: KeyId,
    name: String,
    /// First characters of the key.
    prefix: String,
    role: Role,
    scopes: ScopeSet,
    /// Secret that signs the callbacks of the key's decisions.
    webhook_secret: String,
    approvers: Vec<ApproverPattern>,
    backup_approver: Option<EmailAddress>,
    requests_per_minute: u32,
    rate_limit: KeyRateLimit,
    decisions_per_month: Option<u32>,
    escalation_stays_pending: bool,
    rules: Vec<Rule>,
    is_active: bool,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_stated_amounts: Option<bool>,
}

impl KeyView {
    pub(crate) fn new(cx: &Cx, key: &ApiKey) -> Result<Self, Fault> {
        Ok(Self {
            id: key.id,
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            role: key.role,
            scopes: key.scopes(),
            webhook_secret: cx.key(KeyPurpose::Callbacks)?.webhook_secret(key.id),
            approvers: key.approvers.clone(),
            backup_approver: key.backup_approver.clone(),
            requests_per_minute: key.requests_per_minute,
            rate_limit: key.rate_limit(),
            decisions_per_month: key.decisions_per_month,
            escalation_stays_pending: key.escalation_stays_pending,
            rules: key.rules.clone(),
            is_active: key.revoked_at.is_none(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            trust_stated_amounts: key.trust_stated_amounts.then_some(true),
        })
    }
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
