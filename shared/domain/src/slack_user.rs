//! A person in a Slack workspace.

use serde::{Deserialize, Serialize};

/// Slack user. A user id is unique only together with the id of its workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SlackUser {
    pub team: String,
    pub user: String,
}
