//! Request body for a tenant. Absent and null fields keep their value, or the default of the tier.

use handrail_access::api_keys::is_valid_name;
use handrail_domain::account::{Tenant, Tier};
use handrail_domain::packet::FieldError;
use handrail_domain::packet_limits::KEYS_MAX;
use serde_json::{Value, json};

use crate::field_reader::FieldReader;

const NAME_CHARS_MAX: usize = 128;
const HANDOFFS_PER_DAY_MAX: u32 = 1_000_000_000;

#[derive(Clone, Debug, Default)]
pub(super) struct TenantParams {
    pub(super) name: Option<String>,
    pub(super) tier: Option<Tier>,
    handoffs_per_day: Option<u32>,
    max_api_keys: Option<u32>,
}

impl TenantParams {
    /// Reads the body of a new tenant, which requires a name.
    pub(super) fn read_new(body: &Value) -> Result<Self, Vec<FieldError>> {
        Self::read(body, true)
    }

    pub(super) fn read_change(body: &Value) -> Result<Self, Vec<FieldError>> {
        Self::read(body, false)
    }

    fn read(body: &Value, is_new: bool) -> Result<Self, Vec<FieldError>> {
        let Some(mut fields) = FieldReader::new(body) else { return Err(Vec::new()) };
        let name = if is_new { fields.required_text("name") } else { fields.text("name") };
        if name.is_some_and(|name| !is_valid_name(name, NAME_CHARS_MAX)) {
            let message = format!("String should be one line of 1 to {NAME_CHARS_MAX} characters");
            fields.add_error("name", message, "value_error");
        }
        let tier_name = fields.text("tier");
        let tier = tier_name.and_then(Tier::from_any_name);
        if tier_name.is_some() && tier.is_none() {
            fields.add_error("tier", "Input should be 'free', 'pro', 'business' or 'enterprise'", "enum");
        }
        let params = Self {
            name: name.map(str::to_owned),
            tier,
            handoffs_per_day: fields.number("handoffs_per_day", HANDOFFS_PER_DAY_MAX),
            max_api_keys: fields.number("max_api_keys", KEYS_MAX),
        };
        fields.finish(Some(params))
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "tier": self.tier,
            "handoffs_per_day": self.handoffs_per_day,
            "max_api_keys": self.max_api_keys,
        })
    }

    pub(super) fn apply_to(&self, tenant: Tenant) -> Tenant {
        Tenant {
            name: self.name.clone().unwrap_or(tenant.name),
            tier: self.tier.unwrap_or(tenant.tier),
            handoffs_per_day: self.handoffs_per_day.or(tenant.handoffs_per_day),
            max_api_keys: self.max_api_keys.or(tenant.max_api_keys),
            ..tenant
        }
    }
}
