//! An account, which the packets door calls a tenant: whose the keys are, what it may use, and whom its keys may ask.

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;
use crate::text::EmailAddress;
use crate::time::Timestamp;

/// What an account was given. An installation of one's own gives everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    Free,
    Pro,
    Scale,
    #[default]
    Enterprise,
}

/// What belongs to a tier. `None`: as much as wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    pub tier: Tier,
    pub name: &'static str,
    /// Of all keys of the account together.
    pub decisions_per_month: Option<u32>,
    /// People whom one key may ask, backup included.
    pub approvers_max: Option<usize>,
    /// Whether somebody else may be asked in the end than the account's holder.
    pub asks_others: bool,
    /// Of a key that is made without a number of its own.
    pub requests_per_minute: u32,
    /// What a key of this tier may be given at most.
    pub requests_per_minute_max: u32,
}

/// The published tiers.
#[rustfmt::skip]
pub const PRESETS: [Preset; 4] = [
    preset(Tier::Free,       "free",       Some(10),  Some(1), false, 30,  30),
    preset(Tier::Pro,        "pro",        Some(100), Some(2), true,  30,  30),
    preset(Tier::Scale,      "scale",      Some(500), Some(3), true,  30,  30),
    preset(Tier::Enterprise, "enterprise", None,      None,    true,  600, 1_000_000),
];

const fn preset(
    tier: Tier,
    name: &'static str,
    decisions_per_month: Option<u32>,
    approvers_max: Option<usize>,
    asks_others: bool,
    requests_per_minute: u32,
    requests_per_minute_max: u32,
) -> Preset {
    Preset { tier, name, decisions_per_month, approvers_max, asks_others, requests_per_minute, requests_per_minute_max }
}

impl Tier {
    pub fn preset(self) -> &'static Preset {
        &PRESETS[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.preset().name
    }

    /// Whether its decisions may be asked in Slack.
    pub fn asks_in_slack(self) -> bool {
        match self {
            Self::Free | Self::Pro => false,
            Self::Scale | Self::Enterprise => true,
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        PRESETS.iter().find(|preset| preset.name == name).map(|preset| preset.tier)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub tenant: TenantId,
    /// Of the person who holds it, and who signs in with it. `None`: nobody signs in, it is keys alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    pub name: String,
    #[serde(default)]
    pub tier: Tier,
    /// Instead of what the tier gives, see [`Allotment`](crate::allotment::Allotment).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoffs_per_day: Option<u32>,
    /// The same for the keys that it may have at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_api_keys: Option<u32>,
    pub created_at: Timestamp,
    /// `None`: it is as it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// From then on none of its keys works. It never comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

impl Account {
    /// An account of keys alone, with what its tier gives.
    pub fn new(tenant: TenantId, name: impl Into<String>, tier: Tier, created_at: Timestamp) -> Self {
        Self {
            tenant,
            email: None,
            name: name.into(),
            tier,
            handoffs_per_day: None,
            max_api_keys: None,
            created_at,
            updated_at: None,
            deleted_at: None,
        }
    }

    pub fn is_held_by(&self, person: &EmailAddress) -> bool {
        self.email.as_ref().is_some_and(|email| email.same_mailbox(person))
    }
}

/// Whom a key may ask, as somebody wants it to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct People {
    /// Empty: anyone.
    pub approvers: Vec<EmailAddress>,
    pub backup: Option<EmailAddress>,
}

/// A tier does not hold what is wanted: which field, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeyondTier {
    pub field: &'static str,
    pub message: String,
}

impl People {
    /// These people under a tier. Where it limits them, a key that names nobody asks the account's holder.
    pub fn under(self, tier: Tier, holder: Option<&EmailAddress>) -> Result<Self, BeyondTier> {
        let preset = tier.preset();
        let Some(max) = preset.approvers_max else { return Ok(self) };
        let beyond = |field, message| Err(BeyondTier { field, message });
        let approvers =
            if self.approvers.is_empty() { holder.cloned().into_iter().collect() } else { self.approvers.clone() };
        if approvers.is_empty() {
            return beyond(
                "approvers",
                format!("must name whom this key may ask: the tier {} has no list for anyone", preset.name),
            );
        }
        let is_holder = |person: &EmailAddress| holder.is_some_and(|holder| holder.same_mailbox(person));
        if !preset.asks_others && !approvers.iter().all(is_holder) {
            return beyond("approvers", format!("can only be the account's holder in the tier {}", preset.name));
        }
        if !preset.asks_others && self.backup.is_some() {
            return beyond("backup_approver", format!("is not part of the tier {}", preset.name));
        }
        let mut people: Vec<&EmailAddress> = Vec::new();
        for person in approvers.iter().chain(&self.backup) {
            if !people.iter().any(|known| known.same_mailbox(person)) {
                people.push(person);
            }
        }
        if people.len() > max {
            let message = format!("can be at most {max} in the tier {}, the backup approver included", preset.name);
            return beyond("approvers", message);
        }
        Ok(Self { approvers, backup: self.backup })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn people(approvers: &[&str], backup: Option<&str>) -> People {
        People { approvers: approvers.iter().map(|text| address(text)).collect(), backup: backup.map(address) }
    }

    #[test]
    fn tiers_are_found_by_name_and_are_the_published_ones() {
        for preset in &PRESETS {
            assert_eq!(preset.tier.preset(), preset);
            assert_eq!(Tier::from_name(preset.name), Some(preset.tier));
            assert_eq!(serde_json::to_string(&preset.tier).unwrap(), format!("{:?}", preset.name));
        }
        let published = PRESETS.map(|preset| (preset.decisions_per_month, preset.approvers_max));
        assert_eq!(published, [(Some(10), Some(1)), (Some(100), Some(2)), (Some(500), Some(3)), (None, None)]);
        assert_eq!((Tier::from_name("gold"), Tier::default()), (None, Tier::Enterprise));
    }

    #[test]
    fn an_account_of_earlier_days_is_read_and_one_without_a_person_too() {
        let old = r#"{"tenant":"ten_01ARZ3NDEKTSV4RRFFQ69G5FAV","email":"a@b.co","name":"A",
            "created_at":"2026-01-01T00:00:00Z"}"#;
        let read: Account = serde_json::from_str(old).unwrap();
        assert!(read.is_held_by(&address("A@B.co")) && read.tier == Tier::Enterprise && read.deleted_at.is_none());
        let nobodys = Account::new(read.tenant, "Keys alone", Tier::Free, read.created_at);
        let text = serde_json::to_string(&nobodys).unwrap();
        assert_eq!(serde_json::from_str::<Account>(&text).unwrap(), nobodys);
        assert!(!nobodys.is_held_by(&address("a@b.co")) && !text.contains("null"));
    }

    #[test]
    fn a_tier_says_whom_a_key_may_ask() {
        let holder = address("holder@example.com");
        let under = |tier, wanted: People| wanted.under(tier, Some(&holder)).map(|people| people.approvers.len());
        let field = |tier, wanted: People| wanted.under(tier, Some(&holder)).unwrap_err().field;
        assert_eq!(people(&[], None).under(Tier::Free, Some(&holder)).unwrap(), people(&["holder@example.com"], None));
        assert_eq!(under(Tier::Free, people(&["Holder@Example.com"], None)), Ok(1));
        assert_eq!(field(Tier::Free, people(&["ann@example.com"], None)), "approvers");
        assert_eq!(field(Tier::Free, people(&[], Some("ann@example.com"))), "backup_approver");
        assert_eq!(under(Tier::Pro, people(&["a@b.co"], Some("c@b.co"))), Ok(1));
        assert_eq!(field(Tier::Pro, people(&["a@b.co", "b@b.co"], Some("c@b.co"))), "approvers");
        // The same mailbox twice is one person.
        assert_eq!(under(Tier::Pro, people(&["a@b.co", "b@b.co"], Some("B@b.co"))), Ok(2));
        assert_eq!(under(Tier::Scale, people(&["a@b.co", "b@b.co", "c@b.co"], None)), Ok(3));
        assert_eq!(field(Tier::Scale, people(&["a@b.co", "b@b.co", "c@b.co", "d@b.co"], None)), "approvers");
        assert_eq!(under(Tier::Enterprise, people(&[], None)), Ok(0));
        assert_eq!(people(&[], None).under(Tier::Pro, None).unwrap_err().field, "approvers");
    }
}
