//! Error for an invalid field of a request to create or answer a decision.

/// First invalid field of a request to create or answer a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub kind: FieldErrorKind,
    pub field: &'static str,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldErrorKind {
    Value,
    /// The channel is known but not available to the tenant.
    Channel,
    /// The API key may not ask this approver.
    Approver,
}

pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> FieldError {
    FieldError { kind: FieldErrorKind::Value, field, message: message.into() }
}
