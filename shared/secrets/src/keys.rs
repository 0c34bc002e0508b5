//! The keys of an installation: one for each purpose, so that a function gets only those that it needs.
//!
//! On AWS each key is derived from a secret of its own. On a laptop all are derived from one master secret, because one
//! process does everything there. See docs/decisions/0032-a-key-for-each-purpose.md.

use std::collections::BTreeMap;

use crate::purpose_key::PurposeKey;

/// What a key is for. A function that lacks the key of a purpose can neither make nor check what the purpose names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyPurpose {
    /// API keys and secrets that a repeated request must return again.
    ApiKeys,
    /// Links that open an approval request.
    ApprovalLinks,
    /// Secrets with which callbacks are signed.
    Callbacks,
    /// Links to files, and upload tokens.
    Files,
    /// Checkpoints of the journals of all tenants.
    JournalCheckpoints,
    /// Receipts of decisions.
    Receipts,
    /// Links that sign a person in.
    SignIn,
    /// Buttons in Slack messages, the state of an installation in Slack, and the tokens of workspaces.
    Slack,
    /// Stored secrets of webhooks.
    Webhooks,
}

impl KeyPurpose {
    pub const ALL: [Self; 9] = [
        Self::ApiKeys,
        Self::ApprovalLinks,
        Self::Callbacks,
        Self::Files,
        Self::JournalCheckpoints,
        Self::Receipts,
        Self::SignIn,
        Self::Slack,
        Self::Webhooks,
    ];

    /// Variable that holds the secret of this purpose, where it is not fetched.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::ApiKeys => "HANDRAIL_API_KEYS_KEY",
            Self::ApprovalLinks => "HANDRAIL_APPROVAL_LINKS_KEY",
            Self::Callbacks => "HANDRAIL_CALLBACKS_KEY",
            Self::Files => "HANDRAIL_FILES_KEY",
            Self::JournalCheckpoints => "HANDRAIL_JOURNAL_CHECKPOINTS_KEY",
            Self::Receipts => "HANDRAIL_RECEIPTS_KEY",
            Self::SignIn => "HANDRAIL_SIGN_IN_KEY",
            Self::Slack => "HANDRAIL_SLACK_KEY",
            Self::Webhooks => "HANDRAIL_WEBHOOKS_KEY",
        }
    }

    /// Variable that names the secret of this purpose in Secrets Manager, as a list of one.
    pub const fn arn_variables(self) -> &'static [&'static str; 1] {
        match self {
            Self::ApiKeys => &["HANDRAIL_API_KEYS_KEY_ARN"],
            Self::ApprovalLinks => &["HANDRAIL_APPROVAL_LINKS_KEY_ARN"],
            Self::Callbacks => &["HANDRAIL_CALLBACKS_KEY_ARN"],
            Self::Files => &["HANDRAIL_FILES_KEY_ARN"],
            Self::JournalCheckpoints => &["HANDRAIL_JOURNAL_CHECKPOINTS_KEY_ARN"],
            Self::Receipts => &["HANDRAIL_RECEIPTS_KEY_ARN"],
            Self::SignIn => &["HANDRAIL_SIGN_IN_KEY_ARN"],
            Self::Slack => &["HANDRAIL_SLACK_KEY_ARN"],
            Self::Webhooks => &["HANDRAIL_WEBHOOKS_KEY_ARN"],
        }
    }
}

/// The keys that a process has.
#[derive(Clone, Debug, Default)]
pub struct Keys(BTreeMap<KeyPurpose, PurposeKey>);

impl Keys {
    /// Derives the keys of all purposes from one secret.
    pub fn from_master_secret(secret: &str) -> Self {
        Self(KeyPurpose::ALL.into_iter().map(|purpose| (purpose, PurposeKey::new(secret))).collect())
    }

    #[must_use]
    pub fn with(mut self, purpose: KeyPurpose, secret: &str) -> Self {
        self.0.insert(purpose, PurposeKey::new(secret));
        self
    }

    pub fn get(&self, purpose: KeyPurpose) -> Option<&PurposeKey> {
        self.0.get(&purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_has_only_the_keys_that_it_was_given() {
        let keys = Keys::default().with(KeyPurpose::Files, "the secret of the files");
        let has = |keys: &Keys| KeyPurpose::ALL.into_iter().filter(|purpose| keys.get(*purpose).is_some()).count();
        assert!(keys.get(KeyPurpose::Files).is_some() && has(&keys) == 1);
        assert_eq!(has(&Keys::from_master_secret("one secret")), KeyPurpose::ALL.len());
        assert!(!format!("{keys:?}").contains("secret"));
    }

    #[test]
    fn each_purpose_has_variables_of_its_own() {
        let variables =
            KeyPurpose::ALL.into_iter().flat_map(|purpose| [purpose.variable(), purpose.arn_variables()[0]]);
        let different: std::collections::BTreeSet<&str> = variables.collect();
        assert_eq!(different.len(), 2 * KeyPurpose::ALL.len());
        for purpose in KeyPurpose::ALL {
            assert_eq!(purpose.arn_variables()[0], format!("{}_ARN", purpose.variable()));
        }
    }
}
