//! Authors of events and how they were authenticated.

use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::ids::KeyId;
use crate::text::EmailAddress;

/// Author of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Program with an API key.
    Key { key: KeyId, role: Role },
    /// Person, identified by an email address.
    Person { email: EmailAddress, by: AuthMethod },
    /// Rule of the API key that created the decision.
    Policy { rule: String },
    /// Person who is not yet authenticated.
    #[serde(rename = "visitor")]
    Anonymous,
    /// Timer whose deadline passed.
    Timer,
    /// Worker that reports what became of a message.
    System,
}

/// Method by which a person was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// Signed link that was mailed to the person's address.
    MailedLink,
    /// Slack user with the person's address, who clicked in a message sent to that user.
    Slack,
    /// Session of a person who signed in.
    Session,
    /// Passkey of the person.
    Passkey,
}

impl Actor {
    /// Short, stable text for logs and audit entries.
    pub fn label(&self) -> String {
        match self {
            Self::Key { key, role } => format!("{}:{key}", role.name()),
            Self::Person { email, .. } => format!("person:{email}"),
            Self::Policy { rule } => format!("policy:{rule}"),
            Self::Anonymous => "visitor".to_owned(),
            Self::Timer => "timer".to_owned(),
            Self::System => "system".to_owned(),
        }
    }
}
