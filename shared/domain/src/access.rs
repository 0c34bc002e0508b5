//! Roles of API keys and the scopes that each role grants.

use serde::{Deserialize, Serialize};

/// Permission of an API key. Each endpoint requires exactly one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    DecisionsWrite,
    DecisionsRead,
    /// Answers decisions. Agents lack this scope: the requester must not answer its own decisions.
    DecisionsResolve,
    /// Reads the caller's own account.
    AccountRead,
    KeysWrite,
    /// Installs Handrail in a Slack workspace.
    SlackWrite,
    /// Reads packets.
    PacketsRead,
    /// Creates and deletes packets, and completes packets in batches.
    PacketsWrite,
    /// Claims packets and changes their state.
    PacketsWork,
    /// Moves a conversation to another agent, as a packet that the routes API creates.
    HandoffsWrite,
    /// Answers a packet's checkpoint in a person's name. Agents lack this scope, as for decisions.
    PacketsRespond,
    /// Reads the tenant's statistics and the system's health.
    SystemRead,
    /// Reads tenants: an admin its own, an operator all of them.
    TenantsRead,
    /// Creates, changes and deletes tenants.
    TenantsWrite,
    /// Creates and deletes webhooks, and reads and replays their deliveries.
    HooksWrite,
    /// Replays all dead letters.
    HooksRetryAll,
    /// Registers and reads the schemas that packet contexts must match.
    PacketsSchemas,
}

impl Scope {
    /// Lowest role of the packets API that grants the scope.
    pub fn lowest_packet_role(self) -> Role {
        let ranks = [Role::Reader, Role::Agent, Role::Writer, Role::Admin];
        ranks.into_iter().find(|role| role.allows(self)).unwrap_or(Role::Operator)
    }
}

/// Role of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Creates decisions, claims packets and works on them, and never answers.
    Agent,
    /// The team's own program, such as a custom approval screen. Unlike an agent, an app can also answer.
    App,
    /// Like an app, and also creates and revokes API keys.
    Admin,
    /// Reads and changes nothing.
    Reader,
    /// Creates packets and answers their checkpoints. Creates decisions as an agent does, and never answers them.
    Writer,
    /// Manages all tenants and their API keys, and cannot read their records. The command line creates the first one.
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
            Scope::DecisionsWrite | Scope::PacketsWork | Scope::HandoffsWrite => !matches!(self, Self::Reader),
            Scope::PacketsWrite | Scope::PacketsRespond | Scope::PacketsSchemas | Scope::HooksWrite => {
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
    fn agent_cannot_answer() {
        assert!(Role::Agent.allows(Scope::DecisionsWrite));
        assert!(!Role::Agent.allows(Scope::DecisionsResolve));
        assert!(!Role::Agent.allows(Scope::KeysWrite) && !Role::App.allows(Scope::KeysWrite));
        assert!(Role::App.allows(Scope::DecisionsResolve));
        assert!(Role::Agent.allows(Scope::PacketsWork) && !Role::Agent.allows(Scope::PacketsRespond));
        assert!(Role::Writer.allows(Scope::PacketsRespond) && !Role::Writer.allows(Scope::DecisionsResolve));
    }

    #[test]
    fn reader_changes_nothing() {
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
    fn operator_manages_tenants_but_reads_no_records() {
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
    fn agent_cannot_manage_webhooks() {
        assert!([Role::App, Role::Admin, Role::Writer].iter().all(|role| role.allows(Scope::HooksWrite)));
        assert!(!Role::Agent.allows(Scope::HooksWrite));
        assert!(Role::ALL.iter().all(|role| role.allows(Scope::HooksRetryAll) == (*role == Role::Admin)));
    }

    #[test]
    fn packet_roles_have_published_ranks() {
        let ranks = [Role::Reader, Role::Agent, Role::Writer, Role::Admin];
        let lowest = |scope| ranks.into_iter().find(|role| role.allows(scope));
        assert_eq!(lowest(Scope::PacketsRead), Some(Role::Reader));
        assert_eq!(lowest(Scope::PacketsWork), Some(Role::Agent));
        assert_eq!(lowest(Scope::HandoffsWrite), Some(Role::Agent));
        for scope in [Scope::PacketsWrite, Scope::PacketsRespond, Scope::PacketsSchemas, Scope::HooksWrite] {
            assert_eq!((scope.lowest_packet_role(), lowest(scope)), (Role::Writer, Some(Role::Writer)));
        }
        assert_eq!(Scope::KeysWrite.lowest_packet_role(), Role::Admin);
        assert_eq!(Scope::TenantsWrite.lowest_packet_role(), Role::Operator);
    }

    #[test]
    fn role_names_parse_back() {
        assert!(Role::ALL.iter().all(|role| Role::from_name(role.name()) == Some(*role)));
        assert_eq!(Role::from_name("root"), None);
    }
}
