//! How an answer was given, in the published terms that decisions and checkpoints of packets share.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::actor::{Actor, AuthMethod};
use crate::ids::KeyId;

/// Channel through which an answer was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResolvedVia {
    MailLink,
    Session,
    Slack,
    Api,
    Policy,
    Passkey,
}

impl ResolvedVia {
    /// Returns `None` for authors that cannot answer.
    pub fn from_actor(author: &Actor) -> Option<Self> {
        Some(match author {
            Actor::Key { .. } => Self::Api,
            Actor::Person { by: AuthMethod::MailedLink, .. } => Self::MailLink,
            Actor::Person { by: AuthMethod::Session, .. } => Self::Session,
            Actor::Person { by: AuthMethod::Slack, .. } => Self::Slack,
            Actor::Person { by: AuthMethod::Passkey, .. } => Self::Passkey,
            Actor::Policy { .. } => Self::Policy,
            Actor::Anonymous | Actor::Timer | Actor::System => return None,
        })
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::MailLink => "mail_link",
            Self::Session => "session",
            Self::Slack => "slack",
            Self::Api => "api",
            Self::Policy => "policy",
            Self::Passkey => "passkey",
        }
    }
}

/// API key that sends an answer: what the record does not know about the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweringKey {
    /// Name of the key at the time of the answer.
    pub name: String,
    /// `true` if keys of the tenant may answer requests that they created themselves.
    pub askers_may_answer: bool,
}

/// Channel of an answer, with the key if a program sent the answer. Its fields are published under these names, beside
/// the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AnswerOrigin {
    pub resolved_via: ResolvedVia,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_with_key: Option<KeyId>,
    /// Absent for answers that were stored before names were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_with_key_name: Option<String>,
    /// `true` if the key that answered is the key that asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered_by_asker: bool,
}

impl AnswerOrigin {
    /// Returns `None` if the author is one that cannot answer.
    pub fn new(author: &Actor, key_name: Option<&str>, asker: Option<KeyId>) -> Option<Self> {
        let key = key_of(author);
        Some(Self {
            resolved_via: ResolvedVia::from_actor(author)?,
            resolved_with_key: key,
            resolved_with_key_name: key.and(key_name).map(str::to_owned),
            answered_by_asker: key.is_some() && key == asker,
        })
    }

    /// Adds the fields to an object that shows the answer.
    pub fn insert_into(&self, members: &mut Map<String, Value>) {
        if let Ok(Value::Object(own)) = serde_json::to_value(self) {
            members.extend(own);
        }
    }
}

/// Key of an author that is a program.
pub fn key_of(author: &Actor) -> Option<KeyId> {
    match author {
        Actor::Key { key, .. } => Some(*key),
        Actor::Person { .. } | Actor::Policy { .. } | Actor::Anonymous | Actor::Timer | Actor::System => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::Role;
    use crate::text::EmailAddress;
    use crate::time::Timestamp;

    fn key(number: u8) -> KeyId {
        KeyId::new(Timestamp::from_unix_ms(0), [number; 10])
    }

    fn origin_json(author: &Actor, asker: Option<KeyId>) -> Value {
        let mut members = Map::new();
        if let Some(origin) = AnswerOrigin::new(author, Some("back office"), asker) {
            origin.insert_into(&mut members);
        }
        members.into()
    }

    #[test]
    fn every_author_of_an_answer_has_its_channel() {
        let email = EmailAddress::parse("ann@example.com").unwrap();
        let person = |by| Actor::Person { email: email.clone(), by };
        for (author, name) in [
            (person(AuthMethod::MailedLink), "mail_link"),
            (person(AuthMethod::Session), "session"),
            (person(AuthMethod::Slack), "slack"),
            (person(AuthMethod::Passkey), "passkey"),
            (Actor::Policy { rule: "small".to_owned() }, "policy"),
        ] {
            // The key of the requester and its name belong to no other author.
            assert_eq!(origin_json(&author, Some(key(1))), json!({"resolved_via": name}));
            assert_eq!(ResolvedVia::from_actor(&author).map(ResolvedVia::name), Some(name));
        }
        for author in [Actor::Anonymous, Actor::Timer, Actor::System] {
            assert_eq!(AnswerOrigin::new(&author, None, None), None);
        }
    }

    #[test]
    fn answer_by_the_asking_key_is_marked() {
        let author = Actor::Key { key: key(1), role: Role::App };
        let named =
            json!({"resolved_via": "api", "resolved_with_key": key(1), "resolved_with_key_name": "back office"});
        assert_eq!(origin_json(&author, Some(key(2))), named);
        assert_eq!(origin_json(&author, None), named);
        let mut by_asker = named;
        by_asker["answered_by_asker"] = true.into();
        assert_eq!(origin_json(&author, Some(key(1))), by_asker);
        let read: AnswerOrigin = serde_json::from_value(by_asker).unwrap();
        assert_eq!(Some(read), AnswerOrigin::new(&author, Some("back office"), Some(key(1))));
    }
}
