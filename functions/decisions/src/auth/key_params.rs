//! Request body with the settings of an API key.

use handrail_access::key_grant::KeyGrant;
use handrail_access::key_settings::{KeySettings, Setting};
use handrail_domain::access::Role;
use handrail_domain::body_reader::{BodyReader, JsonObject};
use handrail_domain::key_rate_limit::KeyRateLimit;
use handrail_domain::policy::Rule;
use handrail_web::json_body::{JsonBody, typed};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Requested settings. An absent field changes nothing; `null` resets a [`Setting`] to the default of new keys.
#[derive(Clone, Debug, Default)]
pub struct KeyParams {
    pub name: Option<String>,
    pub role: Option<Role>,
    /// Set only on creation, as the role and the expiry.
    pub scopes: Option<Vec<String>>,
    pub expires_at: Option<String>,
    pub rate_limit: Option<KeyRateLimit>,
    pub approvers: Setting<Vec<String>>,
    pub backup_approver: Setting<String>,
    pub requests_per_minute: Setting<u32>,
    pub decisions_per_month: Setting<u32>,
    pub escalation_stays_pending: Setting<bool>,
    pub rules: Setting<Vec<Rule>>,
    pub trust_stated_amounts: Setting<bool>,
}

impl JsonBody for KeyParams {
    fn read(reader: &mut BodyReader, members: &JsonObject) -> Option<Self> {
        let name = reader.optional(members, "name", typed);
        let role = reader.optional(members, "role", typed);
        let scopes = reader.optional(members, "scopes", typed);
        let expires_at = reader.optional(members, "expires_at", typed);
        let rate_limit = reader.optional(members, "rate_limit", typed);
        let approvers = setting(reader, members, "approvers");
        let backup_approver = setting(reader, members, "backup_approver");
        let requests_per_minute = setting(reader, members, "requests_per_minute");
        let decisions_per_month = setting(reader, members, "decisions_per_month");
        let escalation_stays_pending = setting(reader, members, "escalation_stays_pending");
        let rules = setting(reader, members, "rules");
        let trust_stated_amounts = setting(reader, members, "trust_stated_amounts");
        Some(Self {
            name: name?,
            role: role?,
            scopes: scopes?,
            expires_at: expires_at?,
            rate_limit: rate_limit?,
            approvers: approvers?,
            backup_approver: backup_approver?,
            requests_per_minute: requests_per_minute?,
            decisions_per_month: decisions_per_month?,
            escalation_stays_pending: escalation_stays_pending?,
            rules: rules?,
            trust_stated_amounts: trust_stated_amounts?,
        })
    }
}

fn setting<T: DeserializeOwned>(
    reader: &mut BodyReader,
    members: &JsonObject,
    name: &'static str,
) -> Option<Setting<T>> {
    match members.get(name) {
        None => Some(Setting::Unchanged),
        Some(Value::Null) => Some(Setting::Default),
        Some(value) => reader.in_member(name, |reader| typed(reader, value)).map(Setting::Value),
    }
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
            "approvers": self.approvers.value(),
            "backup_approver": self.backup_approver.value(),
            "requests_per_minute": self.requests_per_minute.value(),
            "decisions_per_month": self.decisions_per_month.value(),
            "escalation_stays_pending": self.escalation_stays_pending.value(),
            "rules": self.rules.value(),
        });
        // Absent unless requested, so that the digests of earlier requests stay as they are.
        if let (Some(trust), Value::Object(members)) = (self.trust_stated_amounts.value(), &mut params) {
            members.insert("trust_stated_amounts".to_owned(), json!(trust));
        }
        params
    }

    /// Returns the rights and the rate limit, which are set on creation, and the other settings.
    pub(crate) fn into_parts(self) -> (KeyGrant, KeySettings) {
        let grant =
            KeyGrant { role: self.role, scopes: self.scopes, expires_at: self.expires_at, rate_limit: self.rate_limit };
        let settings = KeySettings {
            name: self.name,
            approvers: self.approvers,
            backup_approver: self.backup_approver,
            requests_per_minute: self.requests_per_minute,
            decisions_per_month: self.decisions_per_month,
            escalation_stays_pending: self.escalation_stays_pending,
            rules: self.rules,
            trust_stated_amounts: self.trust_stated_amounts,
        };
        (grant, settings)
    }
}
