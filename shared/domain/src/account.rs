//! Tenants, the limits of their tiers, and the approvers that an API key may ask. People see a tenant as "account".

use serde::{Deserialize, Serialize};

use crate::approvers::ApproverPattern;
use crate::ids::TenantId;
use crate::text::EmailAddress;
use crate::time::Timestamp;

/// Tier of a tenant. Tenants of a self-hosted installation have the default, which limits least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    Free,
    Pro,
    Scale,
    #[default]
    Enterprise,
}

/// Limits of a tier. `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierLimits {
    pub tier: Tier,
    pub name: &'static str,
    /// Decisions per month, for all keys of the tenant together.
    pub decisions_per_month: Option<u32>,
    /// Number of people that one key may ask, the backup included.
    pub approvers_max: Option<usize>,
    /// `false` if keys may ask only the tenant's owner.
    pub allows_other_approvers: bool,
    /// Rate limit of a key that is created without one.
    pub requests_per_minute: u32,
    /// Highest rate limit that a key of this tier can have.
    pub requests_per_minute_max: u32,
}

/// Published tiers, in the order of [`Tier`].
#[rustfmt::skip]
pub const TIERS: [TierLimits; 4] = [
    tier_limits(Tier::Free,       "free",       Some(10),  Some(1), false, 30,  30),
    tier_limits(Tier::Pro,        "pro",        Some(100), Some(2), true,  30,  30),
    tier_limits(Tier::Scale,      "scale",      Some(500), Some(3), true,  30,  30),
    tier_limits(Tier::Enterprise, "enterprise", None,      None,    true,  600, 1_000_000),
];

const fn tier_limits(
    tier: Tier,
    name: &'static str,
    decisions_per_month: Option<u32>,
    approvers_max: Option<usize>,
    allows_other_approvers: bool,
    requests_per_minute: u32,
    requests_per_minute_max: u32,
) -> TierLimits {
    TierLimits {
        tier,
        name,
        decisions_per_month,
        approvers_max,
        allows_other_approvers,
        requests_per_minute,
        requests_per_minute_max,
    }
}

impl Tier {
    /// Limits of this tier.
    pub fn limits(self) -> &'static TierLimits {
        &TIERS[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.limits().name
    }

    /// Returns `true` if decisions of this tier can be sent to approvers in Slack.
    pub fn includes_slack(self) -> bool {
        match self {
            Self::Free | Self::Pro => false,
            Self::Scale | Self::Enterprise => true,
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        TIERS.iter().find(|limits| limits.name == name).map(|limits| limits.tier)
    }
}

/// Owner of API keys, records and limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    pub tenant: TenantId,
    /// Address with which the owner signs in, or `None` if the tenant has API keys but no owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    pub name: String,
    #[serde(default)]
    pub tier: Tier,
    /// Overrides the tier's limit in [`PacketLimits`](crate::packet_limits::PacketLimits).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoffs_per_day: Option<u32>,
    /// Overrides the tier's limit of active API keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_api_keys: Option<u32>,
    /// See [`Tenant::askers_may_answer`]. Absent: `true`, as before this setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub askers_may_answer: Option<bool>,
    pub created_at: Timestamp,
    /// Time of the last change, or `None` if nothing has changed since the tenant was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Time of the deletion, after which no key of the tenant works. A deletion is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

impl Tenant {
    /// Creates a tenant without an owner, with the limits of its tier.
    pub fn new(tenant: TenantId, name: impl Into<String>, tier: Tier, created_at: Timestamp) -> Self {
        Self {
            tenant,
            email: None,
            name: name.into(),
            tier,
            handoffs_per_day: None,
            max_api_keys: None,
            askers_may_answer: None,
            created_at,
            updated_at: None,
            deleted_at: None,
        }
    }

    /// Returns `true` if an API key may answer requests that it created itself, as far as its role lets it answer.
    pub fn askers_may_answer(&self) -> bool {
        self.askers_may_answer.unwrap_or(true)
    }

    pub fn is_owned_by(&self, person: &EmailAddress) -> bool {
        self.email.as_ref().is_some_and(|email| email.same_mailbox(person))
    }
}

/// Approvers that a key may ask, as requested for the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedApprovers {
    /// Allowed approvers. Whom an empty list allows depends on the role of the key.
    pub approvers: Vec<ApproverPattern>,
    pub backup: Option<EmailAddress>,
}

/// Invalid field of a request that exceeds the limits of the tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierLimitExceeded {
    pub field: &'static str,
    pub message: String,
}

impl AllowedApprovers {
    /// Checks the approvers against a tier. If the tier limits approvers, an empty list becomes the tenant's owner.
    pub fn check_tier(self, tier: Tier, owner: Option<&EmailAddress>) -> Result<Self, TierLimitExceeded> {
        let limits = tier.limits();
        let Some(max) = limits.approvers_max else { return Ok(self) };
        let exceeded = |field, message| Err(TierLimitExceeded { field, message });
        let approvers = if self.approvers.is_empty() { default_approvers(owner) } else { self.approvers.clone() };
        if approvers.is_empty() {
            return exceeded(
                "approvers",
                format!("must not be empty on the {} tier: name the people that this key may ask", limits.name),
            );
        }
        let Some(named) = approvers.iter().map(ApproverPattern::person).collect::<Option<Vec<_>>>() else {
            return exceeded("approvers", format!("must be addresses of people on the {} tier", limits.name));
        };
        let is_owner = |person: &&EmailAddress| owner.is_some_and(|owner| owner.same_mailbox(person));
        if !limits.allows_other_approvers && !named.iter().all(is_owner) {
            return exceeded("approvers", format!("can only be the account owner on the {} tier", limits.name));
        }
        if !limits.allows_other_approvers && self.backup.is_some() {
            return exceeded("backup_approver", format!("is not available on the {} tier: leave it out", limits.name));
        }
        let mut people: Vec<&EmailAddress> = Vec::new();
        for person in named.into_iter().chain(&self.backup) {
            if !people.iter().any(|known| known.same_mailbox(person)) {
                people.push(person);
            }
        }
        if people.len() > max {
            let message = format!("can be at most {max} people on the {} tier, including backup_approver", limits.name);
            return exceeded("approvers", message);
        }
        Ok(Self { approvers, backup: self.backup })
    }
}

fn default_approvers(owner: Option<&EmailAddress>) -> Vec<ApproverPattern> {
    owner.cloned().map(ApproverPattern::from).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn people(approvers: &[&str], backup: Option<&str>) -> AllowedApprovers {
        AllowedApprovers {
            approvers: approvers.iter().map(|text| ApproverPattern::parse(text).unwrap()).collect(),
            backup: backup.map(address),
        }
    }

    #[test]
    fn tier_names_and_limits_match_published_ones() {
        for limits in &TIERS {
            assert_eq!(limits.tier.limits(), limits);
            assert_eq!(Tier::from_name(limits.name), Some(limits.tier));
            assert_eq!(serde_json::to_string(&limits.tier).unwrap(), format!("{:?}", limits.name));
        }
        let published = TIERS.map(|limits| (limits.decisions_per_month, limits.approvers_max));
        assert_eq!(published, [(Some(10), Some(1)), (Some(100), Some(2)), (Some(500), Some(3)), (None, None)]);
        assert_eq!((Tier::from_name("gold"), Tier::default()), (None, Tier::Enterprise));
    }

    #[test]
    fn tenants_without_newer_fields_or_owner_are_read() {
        let earlier = r#"{"tenant":"ten_01ARZ3NDEKTSV4RRFFQ69G5FAV","email":"a@b.co","name":"A",
            "created_at":"2026-01-01T00:00:00Z"}"#;
        let read: Tenant = serde_json::from_str(earlier).unwrap();
        assert!(read.is_owned_by(&address("A@B.co")) && read.tier == Tier::Enterprise && read.deleted_at.is_none());
        let ownerless = Tenant::new(read.tenant, "Keys alone", Tier::Free, read.created_at);
        let text = serde_json::to_string(&ownerless).unwrap();
        assert_eq!(serde_json::from_str::<Tenant>(&text).unwrap(), ownerless);
        assert!(!ownerless.is_owned_by(&address("a@b.co")) && !text.contains("null"));
    }

    #[test]
    fn tier_limits_approvers_of_a_key() {
        let owner = address("owner@example.com");
        let count = |tier, allowed: AllowedApprovers| {
            allowed.check_tier(tier, Some(&owner)).map(|allowed| allowed.approvers.len())
        };
        let field = |tier, allowed: AllowedApprovers| allowed.check_tier(tier, Some(&owner)).unwrap_err().field;
        assert_eq!(
            people(&[], None).check_tier(Tier::Free, Some(&owner)).unwrap(),
            people(&["owner@example.com"], None)
        );
        assert_eq!(count(Tier::Free, people(&["Owner@Example.com"], None)), Ok(1));
        assert_eq!(field(Tier::Free, people(&["ann@example.com"], None)), "approvers");
        assert_eq!(field(Tier::Free, people(&[], Some("ann@example.com"))), "backup_approver");
        assert_eq!(count(Tier::Pro, people(&["a@b.co"], Some("c@b.co"))), Ok(1));
        assert_eq!(field(Tier::Pro, people(&["a@b.co", "b@b.co"], Some("c@b.co"))), "approvers");
        // An approver who is also the backup counts as one person.
        assert_eq!(count(Tier::Pro, people(&["a@b.co", "b@b.co"], Some("B@b.co"))), Ok(2));
        assert_eq!(count(Tier::Scale, people(&["a@b.co", "b@b.co", "c@b.co"], None)), Ok(3));
        assert_eq!(field(Tier::Scale, people(&["a@b.co", "b@b.co", "c@b.co", "d@b.co"], None)), "approvers");
        assert_eq!(count(Tier::Enterprise, people(&[], None)), Ok(0));
        assert_eq!(field(Tier::Scale, people(&["*"], None)), "approvers");
        assert_eq!(field(Tier::Pro, people(&["*@b.co"], None)), "approvers");
        assert_eq!(count(Tier::Enterprise, people(&["*", "*@b.co"], None)), Ok(2));
        assert_eq!(people(&[], None).check_tier(Tier::Pro, None).unwrap_err().field, "approvers");
    }
}
