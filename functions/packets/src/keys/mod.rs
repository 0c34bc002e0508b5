//! Management of API keys. An admin manages the keys of its tenant, an operator those of every tenant.
//!
//! An admin sees neither other tenants nor the keys of operators.

pub mod create;
mod key_fields;
pub mod list;
pub mod revoke;
pub mod rotate;
pub mod usage;

use handrail_access::{AdminRights, KeyError};
use handrail_domain::access::{Role, ScopeSet};
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::field_error::RequestPart;
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::key_rate_limit::KeyRateLimit;
use handrail_domain::time::Timestamp;
use handrail_store::ApiKey;
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::key_fields::INVALID_ROLE_MESSAGE;
use crate::errors::{error, field_error, id_not_found};

/// Characters of the stored prefix that this API shows, as published.
const PREFIX_CHARS: usize = 8;

/// Query parameter with the tenant of the key. Without it the caller's own tenant is meant.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TenantParam {
    /// Tenant of the key. By default that of the caller.
    tenant_id: Option<String>,
}

/// JSON view of an API key.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PacketsApiKey")]
pub(crate) struct KeyView {
    id: KeyId,
    name: String,
    key_prefix: String,
    tenant_id: TenantId,
    role: Role,
    scopes: ScopeSet,
    revoked: bool,
    expires_at: Option<Timestamp>,
    rate_limit: KeyRateLimit,
    created_at: Timestamp,
    /// The secret. Null except in the response that creates the key.
    key: Option<String>,
    /// Present if the request named approvers.
    #[serde(skip_serializing_if = "Option::is_none")]
    approvers: Option<Vec<ApproverPattern>>,
}

impl KeyView {
    pub(crate) fn new(key: &ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name.clone(),
            key_prefix: key.prefix.chars().take(PREFIX_CHARS).collect(),
            tenant_id: key.tenant,
            role: key.role,
            scopes: key.scopes(),
            revoked: key.revoked_at.is_some(),
            expires_at: key.expires_at,
            rate_limit: key.rate_limit(),
            created_at: key.created_at,
            key: None,
            approvers: None,
        }
    }

    /// Returns the view of a new key. Only the response that creates the key has its secret.
    fn with_secret(key: &ApiKey, secret: String) -> Self {
        Self { key: Some(secret), ..Self::new(key) }
    }
}

impl TenantParam {
    /// Returns the named tenant, or that of the caller. No tenant has another text as its id.
    fn tenant(&self, caller: &AdminRights) -> Result<TenantId, Problem> {
        match &self.tenant_id {
            Some(id) => id.parse().map_err(|_| tenant_not_found(id)),
            None => Ok(caller.tenant),
        }
    }

    /// Words of the refusals about the API key with this id.
    fn key_problem(&self, error: KeyError, id: &str) -> Problem {
        key_problem(error, self.tenant_id.as_deref().unwrap_or_default(), id)
    }
}

pub(crate) fn tenant_not_found(id: &str) -> Problem {
    id_not_found("Tenant", id)
}

fn key_not_found(id: &str) -> Problem {
    id_not_found("API key", id)
}

/// Parses the id of an API key. No key has another text as its id.
fn parse_key_id(id: &str) -> Result<KeyId, Problem> {
    id.parse().map_err(|_| key_not_found(id))
}

/// Words of the refusals about an API key. The ids are those of the request.
fn key_problem(key_error: KeyError, tenant: &str, id: &str) -> Problem {
    match key_error {
        KeyError::TenantNotFound => tenant_not_found(tenant),
        KeyError::NotFound => key_not_found(id),
        KeyError::AlreadyRevoked => error(StatusCode::CONFLICT, "API key is already revoked"),
        KeyError::OperatorRole => field_error(RequestPart::Body, "role", INVALID_ROLE_MESSAGE, "enum"),
        KeyError::ScopesBeyondCaller => {
            let message = "The API key has scopes that your key lacks: rotate it with another key";
            error(StatusCode::FORBIDDEN, message)
        }
        KeyError::Invalid(errors) => Problem::Invalid(errors),
        KeyError::Busy => Problem::Busy { retry_after_s: 1 },
        KeyError::Access(access_error) => access_error.into(),
    }
}
