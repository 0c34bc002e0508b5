//! Fake Slack: the Web API methods that Handrail uses, and users who click buttons and submit dialogs.
//!
//! Rejects what Slack rejects and records invalid calls: [`FakeSlack::assert_valid_calls`] fails on them.

mod checks;
mod fake_slack;
mod message;
mod people;
mod state;
mod web_api;

pub use fake_slack::FakeSlack;
pub use message::SlackMessage;
pub use people::Interaction;
pub use state::FailureMode;
