//! Who may do what: the roles a key can have and the scopes each role brings.

use serde::{Deserialize, Serialize};

/// One thing that a key may be allowed to do. Every endpoint names exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    DecisionsWrite,
    DecisionsRead,
    /// Answering by API. An agent does not have it: who asks must not answer.
    DecisionsResolve,
    /// Seeing oneself.
    AccountRead,
    KeysWrite,
    /// Letting Handrail into a Slack workspace.
    SlackWrite,
    /// Seeing packets.
    PacketsRead,
    /// Making packets, taking them away, finishing many at once.
    PacketsWrite,
    /// Working on packets: claiming them, moving them on.
    PacketsWork,
    /// Answering a packet's checkpoint in a person's name. An agent does not have it, as with decisions.
    PacketsRespond,
    /// Seeing the account's figures.
    SystemRead,
    /// Seeing accounts: one's own, or all of them.
    TenantsRead,
    /// Making accounts, changing and deleting them.
    TenantsWrite,
    /// Saying where the account is called when something happens, and seeing what was called.
    HooksWrite,
    /// Making all calls again that were given up.
    HooksRetryAll,
    /// Registering and seeing the schemas that contexts are held to.
    PacketsSchemas,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Asks and waits.
    Agent,
    /// A program of the team's own, such as a custom approval screen: it may also answer.
    App,
    /// May also make and revoke keys.
    Admin,
    /// Looks and changes nothing.
    Reader,
    /// Makes packets and answers their checkpoints; asks for decisions as an agent does.
    Writer,
    /// Looks after all accounts and their keys, and reads nothing of what is in them. The first one is made by the command
    /// line.
    Operator,
}

impl Role {
    pub const ALL: [Self; 6] = [Self::Agent, Self::App, Self::Admin, Self::Reader, Self::Writer, Self::Operator];

    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::App => "app",
            Self::Admin => "admin",
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Operator => "operator",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    pub fn allows(self, scope: Scope) -> bool {
        if self == Self::Operator {
            return matches!(scope, Scope::TenantsRead | Scope::TenantsWrite | Scope::KeysWrite | Scope::AccountRead);
        }
        match scope {
            Scope::TenantsWrite => false,
            Scope::DecisionsRead | Scope::AccountRead | Scope::PacketsRead => true,
            Scope::DecisionsWrite | Scope::PacketsWrite | Scope::PacketsWork => !matches!(self, Self::Reader),
            Scope::PacketsRespond | Scope::PacketsSchemas | Scope::HooksWrite => {
                matches!(self, Self::App | Self::Admin | Self::Writer)
            }
            Scope::DecisionsResolve => matches!(self, Self::App | Self::Admin),
            Scope::KeysWrite | Scope::SlackWrite | Scope::SystemRead | Scope::TenantsRead | Scope::HooksRetryAll => {
                matches!(self, Self::Admin)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_asks_but_never_answers() {
        assert!(Role::Agent.allows(Scope::DecisionsWrite));
        assert!(!Role::Agent.allows(Scope::DecisionsResolve));
        assert!(!Role::Agent.allows(Scope::KeysWrite) && !Role::App.allows(Scope::KeysWrite));
        assert!(Role::App.allows(Scope::DecisionsResolve));
        assert!(Role::Agent.allows(Scope::PacketsWork) && !Role::Agent.allows(Scope::PacketsRespond));
        assert!(Role::Writer.allows(Scope::PacketsRespond) && !Role::Writer.allows(Scope::DecisionsResolve));
    }

    #[test]
    fn a_reader_changes_nothing() {
        for scope in [Scope::DecisionsRead, Scope::AccountRead, Scope::PacketsRead] {
            assert!(Role::Reader.allows(scope));
        }
        for scope in [
            Scope::DecisionsWrite,
            Scope::PacketsWrite,
            Scope::PacketsWork,
            Scope::PacketsRespond,
            Scope::HooksWrite,
            Scope::HooksRetryAll,
        ] {
            assert!(!Role::Reader.allows(scope));
        }
    }

    #[test]
    fn an_operator_looks_after_accounts_and_reads_nothing_in_them() {
        for scope in [Scope::TenantsRead, Scope::TenantsWrite, Scope::KeysWrite] {
            assert!(Role::Operator.allows(scope));
        }
        for scope in [Scope::PacketsRead, Scope::PacketsWrite, Scope::PacketsWork, Scope::PacketsRespond] {
            assert!(!Role::Operator.allows(scope));
        }
        for scope in [Scope::DecisionsRead, Scope::DecisionsWrite, Scope::DecisionsResolve, Scope::SlackWrite] {
            assert!(!Role::Operator.allows(scope));
        }
        let others = Role::ALL.into_iter().filter(|role| *role != Role::Operator);
        assert!(others.clone().all(|role| !role.allows(Scope::TenantsWrite)));
        assert_eq!(others.filter(|role| role.allows(Scope::TenantsRead)).collect::<Vec<_>>(), [Role::Admin]);
    }

    #[test]
    fn hooks_are_not_for_agents() {
        assert!([Role::App, Role::Admin, Role::Writer].iter().all(|role| role.allows(Scope::HooksWrite)));
        assert!(!Role::Agent.allows(Scope::HooksWrite));
        assert!(Role::ALL.iter().all(|role| role.allows(Scope::HooksRetryAll) == (*role == Role::Admin)));
    }

    #[test]
    fn role_names_read_back() {
        assert!(Role::ALL.iter().all(|role| Role::from_name(role.name()) == Some(*role)));
        assert_eq!(Role::from_name("root"), None);
    }
}
