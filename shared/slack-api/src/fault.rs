//! Errors of Slack calls.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Wait when Slack names none. Most of its rate limits count by the minute.
const RETRY_AFTER_S_DEFAULT: u32 = 30;
/// Longest wait that is accepted from Slack.
const RETRY_AFTER_S_MAX: u32 = 600;
const ERROR_CHARS_MAX: usize = 80;

/// Error of a Slack call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlackFault {
    /// A retry will not help, for example because the user is unknown or the token was revoked.
    #[error("Slack refused {method}: {error}")]
    Refused { method: &'static str, error: String },
    /// Slack limits the rate of calls; the call may be retried after `retry_after_s` seconds.
    #[error("Slack limits {method}; retry after {retry_after_s} s")]
    RateLimited { method: &'static str, retry_after_s: u32 },
    /// Slack or the network failed. Slack may have handled the call.
    #[error("Slack gave no usable response to {method}: {reason}")]
    Unavailable { method: &'static str, reason: String },
}

impl SlackFault {
    /// Returns Slack's error code of a refusal.
    pub fn refusal_code(&self) -> Option<&str> {
        match self {
            Self::Refused { error, .. } => Some(error),
            Self::RateLimited { .. } | Self::Unavailable { .. } => None,
        }
    }
}

#[derive(Deserialize)]
struct ResponseStatus {
    ok: bool,
    error: Option<String>,
}

/// Parses a response with its `ok` and `error` fields into the result of a method.
pub(crate) fn parse_response<T: DeserializeOwned>(
    method: &'static str,
    status: u16,
    retry_after_s: Option<u32>,
    body: &[u8],
) -> Result<T, SlackFault> {
    let limited = || {
        let retry_after_s = retry_after_s.unwrap_or(RETRY_AFTER_S_DEFAULT).clamp(1, RETRY_AFTER_S_MAX);
        SlackFault::RateLimited { method, retry_after_s }
    };
    let unavailable = |reason: String| SlackFault::Unavailable { method, reason };
    match status {
        429 => return Err(limited()),
        200..300 => {}
        500..600 => return Err(unavailable(format!("status {status}"))),
        _ => return Err(SlackFault::Refused { method, error: format!("http_{status}") }),
    }
    // The body is not quoted: it may hold a token.
    let unreadable = |_| unavailable("its response cannot be parsed".to_owned());
    let response: ResponseStatus = serde_json::from_slice(body).map_err(unreadable)?;
    if response.ok {
        return serde_json::from_slice(body).map_err(unreadable);
    }
    let error = response.error.unwrap_or_default();
    Err(match error.as_str() {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => limited(),
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "accesslimited" => unavailable(error),
        _ => SlackFault::Refused { method, error: sanitize_error(&error) },
    })
}

/// Returns only the characters of an error code such as `users_not_found`.
fn sanitize_error(error: &str) -> String {
    let word: String = error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(ERROR_CHARS_MAX).collect();
    if word.is_empty() { "unknown_error".to_owned() } else { word }
}
