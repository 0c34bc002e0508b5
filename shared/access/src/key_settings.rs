//! Settings of an API key that can be changed after its creation: validated field by field, then applied to a key.

use handrail_domain::account::AllowedApprovers;
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::field_error::{FieldError, PathSegment, VALUE_ERROR};
use handrail_domain::ids::KeyId;
use handrail_domain::policy::{Rule, check_rules};
use handrail_domain::text::EmailAddress;

use crate::admin_rights::AdminRights;
use crate::api_keys::{NAME_CHARS_MAX, find, is_valid_name};
use crate::authenticate::clear_key_cache;
use crate::key_error::KeyError;
use crate::key_grant::{KeyGrant, set_rate_limit};
use handrail_context::cx::Cx;
use handrail_store::{ApiKey, ReplaceOutcome};

const APPROVERS_MAX: usize = 50;
const DECISIONS_PER_MONTH_MAX: u32 = 100_000_000;

/// Requested value of a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Setting<T> {
    /// The setting stays as it is.
    #[default]
    Unchanged,
    /// The setting gets the default of new keys.
    Default,
    Value(T),
}

impl<T> Setting<T> {
    /// Returns the requested value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unchanged | Self::Default => None,
        }
    }

    /// Returns `None` if the setting stays as it is, and otherwise the requested value if there is one.
    fn change(self) -> Option<Option<T>> {
        match self {
            Self::Unchanged => None,
            Self::Default => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

/// Requested settings of an API key.
#[derive(Clone, Debug, Default)]
pub struct KeySettings {
    pub name: Option<String>,
    pub approvers: Setting<Vec<String>>,
    pub backup_approver: Setting<String>,
    pub requests_per_minute: Setting<u32>,
    pub decisions_per_month: Setting<u32>,
    pub escalation_stays_pending: Setting<bool>,
    pub rules: Setting<Vec<Rule>>,
    pub trust_stated_amounts: Setting<bool>,
}

impl KeySettings {
    /// Applies the settings to a key. Adds the errors of invalid settings to `errors`. The owner is the approver of
    /// keys without approvers where the tier limits approvers.
    pub fn apply_to(self, mut key: ApiKey, owner: Option<&EmailAddress>, errors: &mut Vec<FieldError>) -> ApiKey {
        let tier_limits = key.tier.limits();
        let mut check = |checked: Result<(), FieldError>| errors.extend(checked.err());
        if let Some(name) = self.name {
            check(set_name(&mut key, name));
        }
        if self.approvers != Setting::Unchanged || self.backup_approver != Setting::Unchanged {
            check(set_approvers(&mut key, self.approvers, self.backup_approver, owner));
        }
        if let Some(limit) = self.requests_per_minute.change() {
            let limit = limit.unwrap_or(tier_limits.requests_per_minute);
            check(set_requests_per_minute(&mut key, limit));
        }
        if let Some(limit) = self.decisions_per_month.change() {
            let in_range = |limit| check_number("decisions_per_month", limit, DECISIONS_PER_MONTH_MAX);
            check(limit.map(in_range).transpose().map(|limit| key.decisions_per_month = limit));
        }
        if let Some(stays_pending) = self.escalation_stays_pending.change() {
            key.escalation_stays_pending = stays_pending.unwrap_or(false);
        }
        if let Some(rules) = self.rules.change() {
            check(set_rules(&mut key, rules.unwrap_or_default()));
        }
        if let Some(trust) = self.trust_stated_amounts.change() {
            key.trust_stated_amounts = trust.unwrap_or(false);
        }
        key
    }
}

fn set_name(key: &mut ApiKey, name: String) -> Result<(), FieldError> {
    if !is_valid_name(&name, NAME_CHARS_MAX) {
        return Err(invalid(["name"], format!("must be one line of 1 to {NAME_CHARS_MAX} characters")));
    }
    key.name = name;
    Ok(())
}

fn set_approvers(
    key: &mut ApiKey,
    approvers: Setting<Vec<String>>,
    backup: Setting<String>,
    owner: Option<&EmailAddress>,
) -> Result<(), FieldError> {
    let approvers = match approvers.change() {
        Some(addresses) => parse_approvers(&addresses.unwrap_or_default())?,
        None => key.approvers.clone(),
    };
    let backup = match backup.change() {
        Some(address) => address.as_deref().map(parse_backup).transpose()?,
        None => key.backup_approver.clone(),
    };
    let allowed = AllowedApprovers { approvers, backup }.check_tier(key.tier, owner);
    let allowed = allowed.map_err(|error| invalid([error.field], error.message))?;
    (key.approvers, key.backup_approver) = (allowed.approvers, allowed.backup);
    Ok(())
}

fn parse_approvers(approvers: &[String]) -> Result<Vec<ApproverPattern>, FieldError> {
    if approvers.len() > APPROVERS_MAX {
        return Err(invalid(["approvers"], format!("must be at most {APPROVERS_MAX} addresses")));
    }
    let parse = |(index, text): (usize, &String)| {
        let path = ["approvers".into(), PathSegment::Place(index)];
        ApproverPattern::parse(text).map_err(|error| invalid(path, error.to_string()))
    };
    approvers.iter().enumerate().map(parse).collect()
}

fn parse_backup(address: &str) -> Result<EmailAddress, FieldError> {
    EmailAddress::parse(address).map_err(|error| invalid(["backup_approver"], error.to_string()))
}

fn set_requests_per_minute(key: &mut ApiKey, limit: u32) -> Result<(), FieldError> {
    let name = "requests_per_minute";
    if key.rate_limit.is_some() {
        return Err(invalid([name], "has no effect beside rate_limit: leave it out"));
    }
    key.requests_per_minute = check_number(name, limit, key.tier.limits().requests_per_minute_max)?;
    Ok(())
}

fn set_rules(key: &mut ApiKey, rules: Vec<Rule>) -> Result<(), FieldError> {
    check_rules(&rules).map_err(|error| invalid(["rules".into(), PathSegment::Place(error.index)], error.message))?;
    key.rules = rules;
    Ok(())
}

fn check_number(name: &'static str, number: u32, max: u32) -> Result<u32, FieldError> {
    if (1..=max).contains(&number) {
        return Ok(number);
    }
    Err(invalid([name], format!("must be from 1 to {max}")))
}

/// The message of a setting follows its name.
fn invalid<S: Into<PathSegment>, const N: usize>(path: [S; N], message: impl Into<String>) -> FieldError {
    FieldError::new(path, message, VALUE_ERROR)
}

/// Most attempts of one change. Each is applied to the key as the last concurrent change left it.
const ATTEMPTS_MAX: usize = 5;
const FIXED_MESSAGE: &str = "can't be changed: create another API key";

/// Changes the settings of an API key. Of its rights a request may change only the rate limit, and not its window.
pub async fn change(
    cx: &Cx,
    caller: &AdminRights,
    id: KeyId,
    rights: &KeyGrant,
    settings: &KeySettings,
) -> Result<ApiKey, KeyError> {
    let tenant = cx.store.tenant(caller.tenant).await?;
    let owner = tenant.as_ref().and_then(|tenant| tenant.email.as_ref());
    for _ in 0..ATTEMPTS_MAX {
        let found = find(cx, caller, caller.tenant, id).await?;
        if found.key.revoked_at.is_some() {
            return Err(KeyError::AlreadyRevoked);
        }
        let mut errors = fixed_fields(&found.key, rights);
        // The tenant's tier counts as it is now, not as it was when the key was created.
        let tier = tenant.as_ref().map_or(found.key.tier, |tenant| tenant.tier);
        let mut key = settings.clone().apply_to(ApiKey { tier, ..found.key.clone() }, owner, &mut errors);
        if let Some(rate_limit) = rights.rate_limit {
            // Requests are counted under the key's name, so a window of another length would begin in the middle.
            let changed = match rate_limit.window_seconds == found.key.rate_limit().window_seconds {
                true => set_rate_limit(&mut key, rate_limit),
                false => Err(invalid(["rate_limit", "window_seconds"], FIXED_MESSAGE)),
            };
            errors.extend(changed.err());
        }
        if !errors.is_empty() {
            return Err(KeyError::Invalid(errors));
        }
        if cx.store.replace_key(&found, &key).await? == ReplaceOutcome::Done {
            clear_key_cache(cx);
            return Ok(key);
        }
    }
    Err(KeyError::Busy)
}

/// Returns the errors of requested rights that are set only on creation.
fn fixed_fields(key: &ApiKey, rights: &KeyGrant) -> Vec<FieldError> {
    let fixed = [
        ("role", rights.role.is_some_and(|role| role != key.role)),
        ("scopes", rights.scopes.is_some()),
        ("expires_at", rights.expires_at.is_some()),
    ];
    fixed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| invalid([name], FIXED_MESSAGE)).collect()
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use handrail_domain::ids::TenantId;
    use handrail_domain::time::Timestamp;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn key(tier: Tier) -> ApiKey {
        ApiKey { tier, ..ApiKey::new(KeyId::new(NOW, [2; 10]), TenantId::new(NOW, [1; 10]), "a key", NOW) }
    }

    fn apply(settings: KeySettings, key: ApiKey) -> Result<ApiKey, Vec<String>> {
        let mut errors = Vec::new();
        let key = settings.apply_to(key, None, &mut errors);
        if errors.is_empty() { Ok(key) } else { Err(errors.iter().map(FieldError::field).collect()) }
    }

    #[test]
    fn every_invalid_setting_is_reported() {
        let settings = KeySettings {
            name: Some(" ".to_owned()),
            approvers: Setting::Value(vec!["ann@example.com".to_owned(), "nobody".to_owned()]),
            requests_per_minute: Setting::Value(0),
            decisions_per_month: Setting::Value(DECISIONS_PER_MONTH_MAX + 1),
            ..KeySettings::default()
        };
        let expected = ["name", "approvers.1", "requests_per_minute", "decisions_per_month"];
        assert_eq!(apply(settings, key(Tier::Enterprise)).unwrap_err(), expected);
    }

    #[test]
    fn default_resets_a_setting_and_absence_keeps_it() {
        let changed = ApiKey { decisions_per_month: Some(7), requests_per_minute: 9, ..key(Tier::Enterprise) };
        assert_eq!(apply(KeySettings::default(), changed.clone()).unwrap(), changed);
        let reset = KeySettings {
            decisions_per_month: Setting::Default,
            requests_per_minute: Setting::Default,
            ..KeySettings::default()
        };
        assert_eq!(apply(reset, changed).unwrap(), key(Tier::Enterprise));
    }

    #[test]
    fn limited_tier_needs_an_approver() {
        let unnamed = KeySettings { approvers: Setting::Default, ..KeySettings::default() };
        assert_eq!(apply(unnamed.clone(), key(Tier::Pro)).unwrap_err(), ["approvers"]);
        assert!(apply(unnamed, key(Tier::Enterprise)).is_ok());
    }
}
