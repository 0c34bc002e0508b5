//! Who did it, and how we know.

use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::ids::KeyId;
use crate::text::EmailAddress;

/// The author of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A program, known by its API key.
    Key { key: KeyId, role: Role },
    /// A person, known by their address.
    Person { email: EmailAddress, by: ProofOfPerson },
    /// A rule that the account set up for the key that asked.
    Policy { rule: String },
    /// Somebody who has not shown yet who they are.
    Visitor,
    /// A deadline that passed.
    Timer,
}

/// What stands behind the claim that it was this person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofOfPerson {
    /// They held the signed link that was mailed to this address.
    MailedLink,
    /// Slack says that the account with this address tapped the message that was sent to it.
    Slack,
}

impl Actor {
    /// Short and stable, for logs and audit rows.
    pub fn label(&self) -> String {
        match self {
            Self::Key { key, role } => format!("{}:{key}", role.name()),
            Self::Person { email, .. } => format!("person:{email}"),
            Self::Policy { rule } => format!("policy:{rule}"),
            Self::Visitor => "visitor".to_owned(),
            Self::Timer => "timer".to_owned(),
        }
    }
}
