//! Requested settings of an API key: validated field by field, then applied to an existing or a new key.

use handrail_access::api_keys::{NAME_CHARS_MAX, is_valid_name};
use handrail_access::key_grant::KeyGrant;
use handrail_domain::access::Role;
use handrail_domain::account::AllowedApprovers;
use handrail_domain::key_rate_limit::KeyRateLimit;
use handrail_domain::policy::{Rule, check_rules};
use handrail_domain::text::EmailAddress;
use handrail_store::ApiKey;
use handrail_web::problem::Problem;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

const APPROVERS_MAX: usize = 50;
const DECISIONS_PER_MONTH_MAX: u32 = 100_000_000;

/// Requested settings. An absent field changes nothing; `null` resets a field to the default of new keys.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct KeyParams {
    pub name: Option<String>,
    pub role: Option<Role>,
    /// Set only on creation, as the role and the expiry.
    pub scopes: Option<Vec<String>>,
    pub expires_at: Option<String>,
    pub rate_limit: Option<KeyRateLimit>,
    #[serde(default, deserialize_with = "deserialize_nullable")]
    pub approvers: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "deserialize_nullable")]
    pub backup_approver: Option<Option<String>>,
    #[serde(default, deserialize_with = "deserialize_nullable")]
    pub requests_per_minute: Option<Option<u32>>,
    #[serde(default, deserialize_with = "deserialize_nullable")]
    pub decisions_per_month: Option<Option<u32>>,
    #[serde(default, deserialize_with = "deserialize_nullable")]
    pub escalation_stays_pending: Option<Option<bool>>,
    #[serde(default, deserialize_with = "deserialize_nullable")]
    pub rules: Option<Option<Vec<Rule>>>,
}

/// Deserializes `null` to `Some(None)`, so that it differs from an absent field.
fn deserialize_nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl KeyParams {
    /// Returns the settings of a new key as JSON. An absent field and `null` are equal there.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "role": self.role,
            "scopes": self.scopes,
            "expires_at": self.expires_at,
            "rate_limit": self.rate_limit,
            "approvers": self.approvers.as_ref().and_then(Option::as_ref),
            "backup_approver": self.backup_approver.as_ref().and_then(Option::as_ref),
            "requests_per_minute": self.requests_per_minute.flatten(),
            "decisions_per_month": self.decisions_per_month.flatten(),
            "escalation_stays_pending": self.escalation_stays_pending.flatten(),
            "rules": self.rules.as_ref().and_then(Option::as_ref),
        })
    }

    /// Rights of a new key, and its rate limit.
    pub fn grant(&self) -> KeyGrant {
        let KeyParams { role, scopes, expires_at, rate_limit, .. } = self;
        KeyGrant { role: *role, scopes: scopes.clone(), expires_at: expires_at.clone(), rate_limit: *rate_limit }
    }

    /// Applies the settings to a key. Ignores the fields of the [`KeyGrant`], which are set on creation.
    pub fn apply_to(self, mut key: ApiKey, owner_email: Option<&EmailAddress>) -> Result<ApiKey, Problem> {
        let tier_limits = key.tier.limits();
        if let Some(name) = self.name {
            key.name = validate_name(name)?;
        }
        if self.approvers.is_some() || self.backup_approver.is_some() {
            if let Some(approvers) = self.approvers {
                key.approvers = validate_approvers(&approvers.unwrap_or_default())?;
            }
            if let Some(backup) = self.backup_approver {
                key.backup_approver = backup.map(|address| parse_email("backup_approver", &address)).transpose()?;
            }
            let allowed = AllowedApprovers { approvers: key.approvers, backup: key.backup_approver };
            let allowed = allowed.check_tier(key.tier, owner_email);
            let allowed = allowed.map_err(|error| Problem::invalid(error.field, error.message))?;
            (key.approvers, key.backup_approver) = (allowed.approvers, allowed.backup);
        }
        if let Some(limit) = self.requests_per_minute {
            if key.rate_limit.is_some() {
                return Err(Problem::invalid("requests_per_minute", "has no effect beside rate_limit: leave it out"));
            }
            let max = tier_limits.requests_per_minute_max;
            key.requests_per_minute =
                validate_number("requests_per_minute", limit.unwrap_or(tier_limits.requests_per_minute), max)?;
        }
        if let Some(limit) = self.decisions_per_month {
            let check = |limit| validate_number("decisions_per_month", limit, DECISIONS_PER_MONTH_MAX);
            key.decisions_per_month = limit.map(check).transpose()?;
        }
        if let Some(stays_pending) = self.escalation_stays_pending {
            key.escalation_stays_pending = stays_pending.unwrap_or(false);
        }
        if let Some(rules) = self.rules {
            let rules = rules.unwrap_or_default();
            check_rules(&rules).map_err(|error| Problem::invalid(&format!("rules[{}]", error.index), error.message))?;
            key.rules = rules;
        }
        Ok(key)
    }
}

pub fn validate_name(name: String) -> Result<String, Problem> {
    if !is_valid_name(&name, NAME_CHARS_MAX) {
        return Err(Problem::invalid("name", format!("must be one line of 1 to {NAME_CHARS_MAX} characters")));
    }
    Ok(name)
}

fn validate_number(field: &str, number: u32, max: u32) -> Result<u32, Problem> {
    if (1..=max).contains(&number) {
        return Ok(number);
    }
    Err(Problem::invalid(field, format!("must be from 1 to {max}")))
}

fn validate_approvers(approvers: &[String]) -> Result<Vec<EmailAddress>, Problem> {
    if approvers.len() > APPROVERS_MAX {
        return Err(Problem::invalid("approvers", format!("must be at most {APPROVERS_MAX} addresses")));
    }
    approvers.iter().enumerate().map(|(index, address)| parse_email(&format!("approvers[{index}]"), address)).collect()
}

fn parse_email(field: &str, address: &str) -> Result<EmailAddress, Problem> {
    EmailAddress::parse(address).map_err(|error| Problem::invalid(field, error.to_string()))
}
