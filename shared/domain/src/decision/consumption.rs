//! Use of an approval: who carries the action out, once, and how that ended.

use serde::{Deserialize, Serialize};

use super::field_error::invalid;
use crate::field_error::FieldError;
use crate::ids::KeyId;
use crate::text::has_hidden_controls;
use crate::time::Timestamp;

pub const EXECUTION_ID_CHARS_MAX: usize = 128;
pub const EXECUTION_DETAIL_CHARS_MAX: usize = 2_000;

/// The one use of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumption {
    /// Name that the program gave to its execution.
    pub execution_id: String,
    pub consumed_at: Timestamp,
    /// API key of the program.
    pub key: KeyId,
    /// Name of the key at that time.
    pub key_name: String,
    /// `None` until the program reports the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<ExecutionEnd>,
}

/// End of an execution, as the program reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionEnd {
    pub outcome: ExecutionOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub finished_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionOutcome {
    Succeeded,
    Failed,
}

impl ExecutionOutcome {
    pub const ALL: [Self; 2] = [Self::Succeeded, Self::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// Request of a program to use an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumeRequest {
    pub execution_id: String,
    /// Hash of the action that the program is about to carry out.
    pub action_hash: String,
    /// Name of the program's API key.
    pub key_name: String,
}

/// Validates the name of an execution. It is part of a URL, so it has only characters that need no escape there.
pub fn validate_execution_id(id: Option<String>) -> Result<String, FieldError> {
    let is_valid = |id: &String| {
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~:".contains(&c);
        // The names `.` and `..` mean something else in a URL.
        (1..=EXECUTION_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(is_plain) && id.bytes().any(|c| c != b'.')
    };
    let message = format!("must be 1 to {EXECUTION_ID_CHARS_MAX} letters, digits and characters of -._~:");
    id.filter(is_valid).ok_or_else(|| invalid("execution_id", message))
}

/// Validates the form of an action hash. Whether it is the hash of the approved action is another question.
pub fn validate_action_hash(hash: Option<String>) -> Result<String, FieldError> {
    let is_hash = |hash: &String| {
        let digest = hash.strip_prefix("sha256:").unwrap_or_default();
        digest.len() == 64 && digest.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
    };
    let message = "must be the hash of the action that you will carry out: sha256: and 64 hexadecimal digits";
    hash.filter(is_hash).ok_or_else(|| invalid("action_hash", message))
}

pub fn validate_execution_detail(detail: Option<String>) -> Result<Option<String>, FieldError> {
    let Some(detail) = detail.filter(|detail| !detail.trim().is_empty()) else { return Ok(None) };
    if detail.chars().count() > EXECUTION_DETAIL_CHARS_MAX {
        return Err(invalid("detail", format!("must be at most {EXECUTION_DETAIL_CHARS_MAX} characters")));
    }
    if has_hidden_controls(&detail) {
        return Err(invalid("detail", "must not hold control characters other than tabs and line breaks"));
    }
    Ok(Some(detail))
}
