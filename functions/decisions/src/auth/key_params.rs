//! Request body with the settings of an API key.

use std::borrow::Cow;

use handrail_access::key_grant::KeyGrant;
use handrail_access::key_settings::{KeySettings, Setting};
use handrail_domain::access::Role;
use handrail_domain::body_reader::{BodyReader, JsonObject};
use handrail_domain::key_rate_limit::KeyRateLimit;
use handrail_domain::policy::Rule;
use handrail_web::json_body::{JsonBody, typed};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Requested API key. An absent field changes nothing; `null` resets a [`Setting`] to the default of new keys.
#[derive(Clone, Debug, Default)]
pub struct KeyParams {
    /// Set only on creation.
    pub grant: KeyGrant,
    pub settings: KeySettings,
}

/// The members of the body, which [`KeyParams`] reads. A member that is null resets a setting to its default.
#[derive(JsonSchema)]
#[schemars(rename = "KeyParams")]
#[expect(dead_code, reason = "only its schema is used")]
struct Members {
    /// Required for a new key: approvers see it as the requester.
    name: Option<String>,
    /// Role of a new key: agent, app, admin, reader or writer.
    role: Option<Role>,
    /// Scopes of a new key, if it has fewer than its role.
    scopes: Option<Vec<String>>,
    /// Time from which a new key no longer works, in RFC 3339.
    expires_at: Option<String>,
    rate_limit: Option<KeyRateLimit>,
    /// People whom the key may ask: addresses, `*@example.com` for a domain, or `*` for anyone.
    approvers: Option<Vec<String>>,
    backup_approver: Option<String>,
    requests_per_minute: Option<u32>,
    decisions_per_month: Option<u32>,
    escalation_stays_pending: Option<bool>,
    rules: Option<Vec<Rule>>,
    trust_stated_amounts: Option<bool>,
}

impl JsonSchema for KeyParams {
    fn schema_name() -> Cow<'static, str> {
        Members::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Members::json_schema(generator)
    }
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
            grant: KeyGrant { role: role?, scopes: scopes?, expires_at: expires_at?, rate_limit: rate_limit? },
            settings: KeySettings {
                name: name?,
                approvers: approvers?,
                backup_approver: backup_approver?,
                requests_per_minute: requests_per_minute?,
                decisions_per_month: decisions_per_month?,
                escalation_stays_pending: escalation_stays_pending?,
                rules: rules?,
                trust_stated_amounts: trust_stated_amounts?,
            },
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
        let Self { grant, settings } = self;
        let mut params = json!({
            "name": settings.name,
            "role": grant.role,
            "scopes": grant.scopes,
            "expires_at": grant.expires_at,
            "rate_limit": grant.rate_limit,
            "approvers": settings.approvers.value(),
            "backup_approver": settings.backup_approver.value(),
            "requests_per_minute": settings.requests_per_minute.value(),
            "decisions_per_month": settings.decisions_per_month.value(),
            "escalation_stays_pending": settings.escalation_stays_pending.value(),
            "rules": settings.rules.value(),
        });
        // Absent unless requested, so that the digests of earlier requests stay as they are.
        if let (Some(trust), Value::Object(members)) = (settings.trust_stated_amounts.value(), &mut params) {
            members.insert("trust_stated_amounts".to_owned(), json!(trust));
        }
        params
    }
}
