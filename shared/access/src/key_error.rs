//! The reasons why a request to create, change, rotate or revoke an API key is refused.

use handrail_domain::field_error::FieldError;

use crate::error::AccessError;

#[derive(Debug)]
pub enum KeyError {
    /// The tenant does not exist, or the caller may not see it.
    TenantNotFound,
    /// The API key does not exist, or the caller may not see it.
    NotFound,
    /// The API key was revoked before.
    AlreadyRevoked,
    /// The caller may not create keys of operators.
    OperatorRole,
    /// The API key has scopes that the caller lacks, so the caller may not get its replacement.
    ScopesBeyondCaller,
    /// Requested properties are invalid.
    Invalid(Vec<FieldError>),
    /// Other requests changed the API key on every attempt.
    Busy,
    /// A limit was reached, or the table could not say.
    Access(AccessError),
}

impl<E: Into<AccessError>> From<E> for KeyError {
    fn from(error: E) -> Self {
        Self::Access(error.into())
    }
}
