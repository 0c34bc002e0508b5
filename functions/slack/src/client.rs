//! Client for Slack's Web API, as the settings describe it.

use std::time::Duration;

use handrail_context::cx::Cx;
use handrail_slack_api::{SLACK_API_URL, Slack};

pub(crate) fn slack_client(cx: &Cx, timeout: Duration) -> Slack {
    Slack::new(cx.settings.slack.api_url.as_deref().unwrap_or(SLACK_API_URL), cx.settings.address_policy, timeout)
}
