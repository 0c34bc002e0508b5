//! Slack's side of the decisions door: letting Handrail into a workspace, and what people tap there.
//!
//! These operations are apart from `functions/decisions` because two of them call Slack, which no other operation can:
//! see docs/decisions/0010-operations-that-call-slack.md.

mod answering;
mod dialogs;
pub mod install;
pub mod install_visit;
pub mod interactions;
pub mod oauth_callback;
mod pages;
mod scopes;
mod signature;
mod state;
mod taps;

use std::time::Duration;

pub use state::State;

use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::Endpoint;
use handrail_slack_api::{SLACK_API, Slack};

/// Every operation of Slack's.
pub const ENDPOINTS: &[Endpoint] =
    &[install::ENDPOINT, install_visit::ENDPOINT, oauth_callback::ENDPOINT, interactions::ENDPOINT];

fn slack(cx: &Cx, patience: Duration) -> Slack {
    Slack::new(cx.settings.slack.api.as_deref().unwrap_or(SLACK_API), cx.settings.reach, patience)
}
