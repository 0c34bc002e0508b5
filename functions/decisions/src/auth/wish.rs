//! What somebody wants a key to be: checked field by field, then laid over the key that is there, or over a new one.

use handrail_domain::access::Role;
use handrail_domain::account::People;
use handrail_domain::policy::{Rule, check_rules};
use handrail_domain::text::EmailAddress;
use handrail_kernel::minting::{NAME_CHARS_MAX, is_name};
use handrail_kernel::problem::Problem;
use handrail_kernel::store::Key;
use serde::{Deserialize, Deserializer};

const APPROVERS_MAX: usize = 50;
const DECISIONS_PER_MONTH_MAX: u32 = 100_000_000;

/// A field that is absent stays as it is; null puts it back to what a new key has.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wish {
    pub name: Option<String>,
    pub role: Option<Role>,
    #[serde(default, deserialize_with = "given")]
    pub approvers: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "given")]
    pub backup_approver: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub requests_per_minute: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    pub decisions_per_month: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    pub escalation_stays_pending: Option<Option<bool>>,
    #[serde(default, deserialize_with = "given")]
    pub rules: Option<Option<Vec<Rule>>>,
}

/// Tells null from nothing.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Wish {
    /// The key as it is wanted. The role is not part of it: what a key may do is said when it is made.
    pub fn onto(self, mut key: Key, holder: Option<&EmailAddress>) -> Result<Key, Problem> {
        let preset = key.tier.preset();
        if let Some(name) = self.name {
            key.name = checked_name(name)?;
        }
        if self.approvers.is_some() || self.backup_approver.is_some() {
            if let Some(approvers) = self.approvers {
                key.approvers = checked_approvers(&approvers.unwrap_or_default())?;
            }
            if let Some(backup) = self.backup_approver {
                key.backup_approver = backup.map(|address| address_in("backup_approver", &address)).transpose()?;
            }
            let people = People { approvers: key.approvers, backup: key.backup_approver };
            let people = people.under(key.tier, holder);
            let people = people.map_err(|beyond| Problem::invalid(beyond.field, beyond.message))?;
            (key.approvers, key.backup_approver) = (people.approvers, people.backup);
        }
        if let Some(wanted) = self.requests_per_minute {
            let max = preset.requests_per_minute_max;
            key.requests_per_minute =
                checked_number("requests_per_minute", wanted.unwrap_or(preset.requests_per_minute), max)?;
        }
        if let Some(wanted) = self.decisions_per_month {
            let check = |limit| checked_number("decisions_per_month", limit, DECISIONS_PER_MONTH_MAX);
            key.decisions_per_month = wanted.map(check).transpose()?;
        }
        if let Some(wanted) = self.escalation_stays_pending {
            key.escalation_stays_pending = wanted.unwrap_or(false);
        }
        if let Some(wanted) = self.rules {
            let rules = wanted.unwrap_or_default();
            check_rules(&rules).map_err(|bad| Problem::invalid(&format!("rules[{}]", bad.index), bad.message))?;
            key.rules = rules;
        }
        Ok(key)
    }
}

pub fn checked_name(name: String) -> Result<String, Problem> {
    if !is_name(&name, NAME_CHARS_MAX) {
        return Err(Problem::invalid("name", format!("must be one line of 1 to {NAME_CHARS_MAX} characters")));
    }
    Ok(name)
}

fn checked_number(field: &str, number: u32, max: u32) -> Result<u32, Problem> {
    if (1..=max).contains(&number) {
        return Ok(number);
    }
    Err(Problem::invalid(field, format!("must be from 1 to {max}")))
}

fn checked_approvers(approvers: &[String]) -> Result<Vec<EmailAddress>, Problem> {
    if approvers.len() > APPROVERS_MAX {
        return Err(Problem::invalid("approvers", format!("must be at most {APPROVERS_MAX} addresses")));
    }
    approvers.iter().enumerate().map(|(at, address)| address_in(&format!("approvers[{at}]"), address)).collect()
}

fn address_in(field: &str, address: &str) -> Result<EmailAddress, Problem> {
    EmailAddress::parse(address).map_err(|fault| Problem::invalid(field, fault.to_string()))
}
