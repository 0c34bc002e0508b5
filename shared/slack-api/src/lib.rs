//! The few methods of Slack's Web API that Handrail calls, over the guarded sender.
//!
//! Called by the worker that notifies people, and by the operations that Slack itself calls and wants an answer from
//! within three seconds. It guarantees that a call ends in time, that a refusal and a passing trouble are told apart, and
//! that no token and no text of anybody's is in a fault. It does not retry: the caller knows how long it has.

mod fault;
mod methods;

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use handrail_domain::outbound::Reach;
use handrail_sender::{Called, Limits, Outgoing, Sender};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use fault::SlackFault;
pub use methods::{Install, Placed};

/// Where Slack is.
pub const SLACK_API: &str = "https://slack.com/api";

/// What a worker may spend on one call: it has a minute for a batch of ten, and most calls take a tenth of a second.
pub const WORKER_PATIENCE: Duration = Duration::from_secs(4);
/// Slack drops what is not answered within three seconds, and our own work comes before the call.
pub const OPERATION_PATIENCE: Duration = Duration::from_millis(1_800);

/// More than any answer to these methods holds: a user's profile is some kilobytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

const JSON: &str = "application/json; charset=utf-8";
const FORM: &str = "application/x-www-form-urlencoded";

/// Slack, or what stands in for it.
#[derive(Clone)]
pub struct Slack {
    sender: Sender,
    api: String,
}

/// What a workspace's bot shows to be let in. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct BotToken(String);

impl BotToken {
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// For sealing it away, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for BotToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BotToken(…)")
    }
}

impl Slack {
    pub fn new(api: &str, reach: Reach, patience: Duration) -> Self {
        let limits = Limits {
            connect: patience.min(Duration::from_secs(1)),
            total: patience,
            answer_kept: ANSWER_BYTES_MAX,
            answer_read: ANSWER_BYTES_MAX,
        };
        Self { sender: Sender::new(reach, limits), api: api.trim_end_matches('/').to_owned() }
    }

    async fn call_json<T: DeserializeOwned>(
        &self,
        method: &'static str,
        token: &BotToken,
        body: &Value,
    ) -> Result<T, SlackFault> {
        let body = Bytes::from(body.to_string());
        self.call(method, format!("Bearer {}", token.0), JSON, body).await
    }

    /// Slack takes the arguments of some methods only as a form.
    async fn call_form<T: DeserializeOwned>(
        &self,
        method: &'static str,
        authorization: String,
        arguments: &[(&str, &str)],
    ) -> Result<T, SlackFault> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(arguments).finish();
        self.call(method, authorization, FORM, Bytes::from(form)).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        authorization: String,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<T, SlackFault> {
        let headers = vec![("authorization".to_owned(), authorization)];
        let out = Outgoing { url: format!("{}/{method}", self.api), headers, body };
        match self.sender.ask(&out, content_type).await {
            Called::Answered { status, retry_after_s, body } => fault::read(method, status, retry_after_s, &body),
            Called::Failed { why } => Err(SlackFault::Later { method, why }),
            Called::Refused { why } => Err(SlackFault::Refused { method, error: why }),
        }
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

#[cfg(test)]
mod tests;
