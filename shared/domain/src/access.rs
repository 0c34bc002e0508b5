//! Scopes of API keys. A key has a set of scopes, and a role is a named set.

use std::fmt;

use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

/// Permission of an API key. Each endpoint requires exactly one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Exports the tenant's journal, with everything that people wrote.
    AuditRead,
}

impl Scope {
    /// All scopes, in the order of their declaration.
    pub const ALL: [Self; 18] = [
        Self::DecisionsWrite,
        Self::DecisionsRead,
        Self::DecisionsResolve,
        Self::AccountRead,
        Self::KeysWrite,
        Self::SlackWrite,
        Self::PacketsRead,
        Self::PacketsWrite,
        Self::PacketsWork,
        Self::HandoffsWrite,
        Self::PacketsRespond,
        Self::SystemRead,
        Self::TenantsRead,
        Self::TenantsWrite,
        Self::HooksWrite,
        Self::HooksRetryAll,
        Self::PacketsSchemas,
        Self::AuditRead,
    ];

    /// Name of the scope in requests, responses and stored keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::DecisionsWrite => "decisions:write",
            Self::DecisionsRead => "decisions:read",
            Self::DecisionsResolve => "decisions:resolve",
            Self::AccountRead => "account:read",
            Self::KeysWrite => "keys:write",
            Self::SlackWrite => "slack:write",
            Self::PacketsRead => "packets:read",
            Self::PacketsWrite => "packets:write",
            Self::PacketsWork => "packets:work",
            Self::HandoffsWrite => "handoffs:write",
            Self::PacketsRespond => "packets:respond",
            Self::SystemRead => "system:read",
            Self::TenantsRead => "tenants:read",
            Self::TenantsWrite => "tenants:write",
            Self::HooksWrite => "webhooks:write",
            Self::HooksRetryAll => "webhooks:retry_all",
            Self::PacketsSchemas => "packets:schemas",
            Self::AuditRead => "audit:read",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// Lowest role of the packets API that grants the scope.
    pub fn lowest_packet_role(self) -> Role {
        let ranks = [Role::Reader, Role::Agent, Role::Writer, Role::Admin];
        ranks.into_iter().find(|role| role.allows(self)).unwrap_or(Role::Operator)
    }
}

/// Set of scopes, serialised as a list of their names.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ScopeSet(u32);

impl ScopeSet {
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & Self::bit(scope) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn is_subset_of(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Scope::name).collect()
    }

    /// Lowest role that grants all these scopes. Returns `None` if no role does.
    pub fn lowest_role(self) -> Option<Role> {
        Role::BY_RANK.into_iter().find(|role| self.is_subset_of(role.scopes()))
    }

    fn bit(scope: Scope) -> u32 {
        1 << scope as u32
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | Self::bit(scope)))
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter().map(Scope::name)).finish()
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for scope in self.iter() {
            list.serialize_element(scope.name())?;
        }
        list.end()
    }
}

impl schemars::JsonSchema for ScopeSet {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ScopeSet".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = Scope::ALL.map(Scope::name);
        schemars::json_schema!({"type": "array", "items": {"type": "string", "enum": names}})
    }
}

/// Role of an API key: the name of a set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Creates decisions, claims packets and works on them, and never answers. Asks only people whom an admin allows.
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

    /// Roles with the fewest scopes first.
    const BY_RANK: [Self; 6] = [Self::Reader, Self::Agent, Self::Writer, Self::App, Self::Admin, Self::Operator];

    /// Scopes that the role grants.
    pub fn scopes(self) -> ScopeSet {
        Scope::ALL.into_iter().filter(|scope| self.allows(*scope)).collect()
    }

    /// Scopes that a key with this role, and with the scopes `own`, may give to a key that it creates.
    ///
    /// A key gives no scope that it lacks. An operator has few scopes itself but creates the keys of tenants, so it gives
    /// those of an admin too.
    pub fn grantable_scopes(self, own: ScopeSet) -> ScopeSet {
        match self {
            Self::Operator => own.union(Self::Admin.scopes()),
            Self::Agent | Self::App | Self::Admin | Self::Reader | Self::Writer => own,
        }
    }

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
            Scope::KeysWrite
            | Scope::SlackWrite
            | Scope::SystemRead
            | Scope::TenantsRead
            | Scope::HooksRetryAll
            | Scope::AuditRead => {
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
    fn only_admins_read_the_journal() {
        assert!(Role::ALL.iter().all(|role| role.allows(Scope::AuditRead) == (*role == Role::Admin)));
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
    fn scope_names_parse_back_and_are_serialised() {
        assert!(Scope::ALL.iter().all(|scope| Scope::from_name(scope.name()) == Some(*scope)));
        assert!(Scope::ALL.iter().enumerate().all(|(index, scope)| *scope as usize == index));
        assert_eq!(Scope::from_name("root"), None);
        let set: ScopeSet = [Scope::PacketsSchemas, Scope::PacketsRead, Scope::PacketsRead].into_iter().collect();
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["packets:read","packets:schemas"]"#);
        assert!(set.contains(Scope::PacketsRead) && !set.contains(Scope::PacketsWrite));
    }

    #[test]
    fn role_is_a_named_set_of_scopes() {
        for role in Role::ALL {
            assert!(Scope::ALL.iter().all(|scope| role.scopes().contains(*scope) == role.allows(*scope)));
            assert_eq!(role.scopes().lowest_role(), Some(role));
        }
        assert!(Role::Reader.scopes().is_subset_of(Role::Agent.scopes()));
        assert!(!Role::Agent.scopes().is_subset_of(Role::Reader.scopes()));
        let keys: ScopeSet = [Scope::KeysWrite].into_iter().collect();
        assert_eq!(keys.lowest_role(), Some(Role::Admin));
        assert_eq!(keys.union(Role::Operator.scopes()).lowest_role(), Some(Role::Operator));
        assert_eq!(Role::Operator.scopes().union(Role::Agent.scopes()).lowest_role(), None);
    }

    #[test]
    fn key_gives_no_scope_that_it_lacks() {
        let few: ScopeSet = [Scope::KeysWrite, Scope::PacketsRead].into_iter().collect();
        assert_eq!(Role::Admin.grantable_scopes(few), few);
        let by_operator = Role::Operator.grantable_scopes(Role::Operator.scopes());
        assert!(Role::Admin.scopes().is_subset_of(by_operator) && by_operator.contains(Scope::TenantsWrite));
        assert!(!Role::Operator.grantable_scopes(few).contains(Scope::TenantsWrite));
    }

    #[test]
    fn role_names_parse_back() {
        assert!(Role::ALL.iter().all(|role| Role::from_name(role.name()) == Some(*role)));
        assert_eq!(Role::from_name("root"), None);
    }
}
