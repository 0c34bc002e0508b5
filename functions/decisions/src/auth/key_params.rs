//! Request body with the settings of an API key.

use handrail_access::key_grant::KeyGrant;
use handrail_access::key_settings::{KeySettings, Setting};
use handrail_domain::access::Role;
use handrail_domain::key_rate_limit::KeyRateLimit;
use handrail_domain::policy::Rule;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

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
    #[serde(default, deserialize_with = "deserialize_nullable")]
    pub trust_stated_amounts: Option<Option<bool>>,
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
        let mut params = json!({
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
        });
        // Absent unless requested, so that the digests of earlier requests stay as they are.
        if let (Some(trust), Value::Object(members)) = (self.trust_stated_amounts.flatten(), &mut params) {
            members.insert("trust_stated_amounts".to_owned(), trust.into());
        }
        params
    }

    /// Returns the rights and the rate limit, which are set on creation, and the other settings.
    pub(crate) fn into_parts(self) -> (KeyGrant, KeySettings) {
        let grant =
            KeyGrant { role: self.role, scopes: self.scopes, expires_at: self.expires_at, rate_limit: self.rate_limit };
        let settings = KeySettings {
            name: self.name,
            approvers: setting(self.approvers),
            backup_approver: setting(self.backup_approver),
            requests_per_minute: setting(self.requests_per_minute),
            decisions_per_month: setting(self.decisions_per_month),
            escalation_stays_pending: setting(self.escalation_stays_pending),
            rules: setting(self.rules),
            trust_stated_amounts: setting(self.trust_stated_amounts),
        };
        (grant, settings)
    }
}

fn setting<T>(requested: Option<Option<T>>) -> Setting<T> {
    match requested {
        None => Setting::Unchanged,
        Some(None) => Setting::Default,
        Some(Some(value)) => Setting::Value(value),
    }
}
