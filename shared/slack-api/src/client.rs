//! Client that calls a method of Slack's Web API, with JSON or with a form.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use handrail_domain::outbound::AddressPolicy;
use handrail_sender::{CallLimits, CallOutcome, OutboundRequest, Sender};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bot_token::BotToken;
use crate::fault::{SlackFault, parse_response};

/// Base URL of Slack's Web API.
pub const SLACK_API_URL: &str = "https://slack.com/api";

/// Timeout of a call by a worker, which has a minute for a batch of ten messages.
pub const WORKER_TIMEOUT: Duration = Duration::from_secs(4);
/// Timeout of a call by an operation, which has to respond to Slack within three seconds.
pub const OPERATION_TIMEOUT: Duration = Duration::from_millis(1_800);

/// Most bytes of a response. The longest, a user's profile, takes a few kilobytes.
const RESPONSE_BYTES_MAX: usize = 256 * 1024;

const JSON_CONTENT_TYPE: &str = "application/json; charset=utf-8";
pub(crate) const FORM_CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// Client for Slack's Web API.
#[derive(Clone)]
pub struct Slack {
    sender: Sender,
    api_url: String,
}

impl Slack {
    pub fn new(api_url: &str, address_policy: AddressPolicy, timeout: Duration) -> Self {
        let limits = CallLimits {
            connect_timeout: timeout.min(Duration::from_secs(1)),
            total_timeout: timeout,
            max_body_kept: RESPONSE_BYTES_MAX,
            max_body_read: RESPONSE_BYTES_MAX,
        };
        Self { sender: Sender::new(address_policy, limits), api_url: api_url.trim_end_matches('/').to_owned() }
    }

    pub(crate) async fn call_json<T: DeserializeOwned>(
        &self,
        method: &'static str,
        token: &BotToken,
        body: &Value,
    ) -> Result<T, SlackFault> {
        let body = Bytes::from(body.to_string());
        self.call(method, format!("Bearer {}", token.expose()), JSON_CONTENT_TYPE, body).await
    }

    /// Calls a method that accepts its arguments only as a form.
    pub(crate) async fn call_form<T: DeserializeOwned>(
        &self,
        method: &'static str,
        authorization: String,
        arguments: &[(&str, &str)],
    ) -> Result<T, SlackFault> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(arguments).finish();
        self.call(method, authorization, FORM_CONTENT_TYPE, Bytes::from(form)).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        authorization: String,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<T, SlackFault> {
        let headers = vec![("authorization".to_owned(), authorization)];
        let out = OutboundRequest { url: format!("{}/{method}", self.api_url), headers, body };
        match self.sender.post_and_read(&out, content_type).await {
            CallOutcome::Responded { status, retry_after_s, body } => {
                parse_response(method, status, retry_after_s, &body)
            }
            CallOutcome::Failed { reason } => Err(SlackFault::Unavailable { method, reason }),
            CallOutcome::Refused { reason } => Err(SlackFault::Refused { method, error: reason }),
        }
    }
}

pub(crate) fn basic_auth(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}
