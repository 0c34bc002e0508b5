//! What the installation knows of Slack: the app that somebody registered there, from the environment.

use serde::{Deserialize, Serialize};

use crate::settings::Need;

/// All absent: nobody uses Slack here.
#[derive(Clone, Debug, Default)]
pub struct SlackSettings {
    pub client_id: Option<String>,
    pub client_secret: Option<Secret>,
    pub signing_secret: Option<Secret>,
    /// Where Slack is, if it is not where everybody's is. For tests.
    pub api: Option<String>,
}

/// Somebody in a workspace. A user's id says who it is only together with the workspace's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackUser {
    pub team: String,
    pub user: String,
}

/// A text that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl SlackSettings {
    /// What the function was given of what it needs. An installation without Slack gives it empty texts.
    pub fn read(needs: &[Need], lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let given = |need: Need| {
            let value = needs.contains(&need).then(|| lookup(need.variables()[0])).flatten();
            value.filter(|value| !value.is_empty())
        };
        Self {
            client_id: given(Need::SlackClientId),
            client_secret: given(Need::SlackClientSecret).map(Secret),
            signing_secret: given(Need::SlackSigningSecret).map(Secret),
            api: lookup(SLACK_API_VARIABLE).filter(|api| !api.is_empty()),
        }
    }
}

pub(crate) const SLACK_API_VARIABLE: &str = "HANDRAIL_SLACK_API";
