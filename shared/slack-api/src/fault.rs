//! What Slack can say instead of yes.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Slack names no time with some of its refusals; most of its limits count by the minute.
const RETRY_AFTER_S_DEFAULT: u32 = 30;
/// Nobody waits longer on Slack's word than this.
const RETRY_AFTER_S_MAX: u32 = 600;
const ERROR_CHARS_MAX: usize = 80;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlackFault {
    /// Saying it again will not help: nobody of that address, a token that was taken back, a message that is gone.
    #[error("Slack refused {method}: {error}")]
    Refused { method: &'static str, error: String },
    /// Too many calls.
    #[error("Slack wants {method} to wait {retry_after_s} s")]
    Limited { method: &'static str, retry_after_s: u32 },
    /// Slack or the way there is in trouble. What was asked may have been done.
    #[error("Slack gave no answer to {method}: {why}")]
    Later { method: &'static str, why: String },
}

impl SlackFault {
    /// Slack's own word for a refusal.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused { error, .. } => Some(error),
            Self::Limited { .. } | Self::Later { .. } => None,
        }
    }
}

#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    error: Option<String>,
}

pub(crate) fn read<T: DeserializeOwned>(
    method: &'static str,
    status: u16,
    retry_after_s: Option<u32>,
    body: &[u8],
) -> Result<T, SlackFault> {
    let limited = || {
        let retry_after_s = retry_after_s.unwrap_or(RETRY_AFTER_S_DEFAULT).clamp(1, RETRY_AFTER_S_MAX);
        SlackFault::Limited { method, retry_after_s }
    };
    let later = |why: String| SlackFault::Later { method, why };
    match status {
        429 => return Err(limited()),
        200..300 => {}
        500..600 => return Err(later(format!("status {status}"))),
        _ => return Err(SlackFault::Refused { method, error: format!("http_{status}") }),
    }
    // The body is not quoted: it may hold a token.
    let unread = |_| later("its answer can't be read".to_owned());
    let verdict: Verdict = serde_json::from_slice(body).map_err(unread)?;
    if verdict.ok {
        return serde_json::from_slice(body).map_err(unread);
    }
    let error = verdict.error.unwrap_or_default();
    Err(match error.as_str() {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => limited(),
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "accesslimited" => later(error),
        _ => SlackFault::Refused { method, error: plain(&error) },
    })
}

/// Slack's errors are words like `users_not_found`. What isn't one is not passed on.
fn plain(error: &str) -> String {
    let word: String = error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(ERROR_CHARS_MAX).collect();
    if word.is_empty() { "unknown_error".to_owned() } else { word }
}
