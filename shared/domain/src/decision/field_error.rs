//! Field errors of a decision that have an error code of their own.

use crate::field_error::{FieldError, VALUE_ERROR};

/// Type of the error of a channel that is known but not available to the tenant.
pub const UNSUPPORTED_CHANNEL: &str = "unsupported_channel";
/// Type of the error of an approver whom the API key may not ask.
pub const APPROVER_NOT_ALLOWED: &str = "approver_not_allowed";

/// Returns the error of one field. The message follows the name of the field.
pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> FieldError {
    FieldError::new([field], message, VALUE_ERROR)
}
