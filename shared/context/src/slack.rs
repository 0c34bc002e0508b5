//! Slack settings of the installation: the app that its operator registered at Slack, from the environment.

use handrail_secrets::secret::Secret;

/// Credentials of the registered Slack app. All are `None` in an installation without Slack.
#[derive(Clone, Debug, Default)]
pub struct SlackSettings {
    pub client_id: Option<String>,
    pub client_secret: Option<Secret>,
    pub signing_secret: Option<Secret>,
    /// Base URL of a fake Slack API, for tests.
    pub api_url: Option<String>,
}
