//! Request body for a tenant. Absent and null fields keep their value, or the default of the tier.

use handrail_access::tenants::TenantChanges;
use handrail_domain::account::Tier;
use handrail_domain::body_reader::BodyReader;
use handrail_domain::field_error::FieldError;
use handrail_domain::packet_limits::KEYS_MAX;
use serde_json::{Value, json};

use crate::names::read_name;

const NAME_CHARS_MAX: usize = 128;
const HANDOFFS_PER_DAY_MAX: u32 = 1_000_000_000;

/// Reads the body of a new tenant, which requires a name.
pub(super) fn read_new(body: &Value) -> Result<TenantChanges, Vec<FieldError>> {
    read(body, true)
}

pub(super) fn read_change(body: &Value) -> Result<TenantChanges, Vec<FieldError>> {
    read(body, false)
}

fn read(body: &Value, is_new: bool) -> Result<TenantChanges, Vec<FieldError>> {
    BodyReader::read_body(body, |reader, body| {
        let members = reader.object(body)?;
        let read_name = |r: &mut BodyReader, value: &Value| read_name(r, value, NAME_CHARS_MAX);
        let name = if is_new {
            reader.required(members, "name", read_name).map(Some)
        } else {
            reader.optional(members, "name", read_name)
        };
        let tier = reader.optional(members, "tier", |r, value| {
            let name = r.text(value)?;
            let tier = Tier::from_any_name(&name);
            tier.or_else(|| r.error("Input should be 'free', 'pro', 'business' or 'enterprise'", "enum"))
        });
        let handoffs_per_day =
            reader.optional(members, "handoffs_per_day", |r, value| r.whole_number(value, 0..=HANDOFFS_PER_DAY_MAX));
        let max_api_keys = reader.optional(members, "max_api_keys", |r, value| r.whole_number(value, 0..=KEYS_MAX));
        let askers_may_answer = reader.optional(members, "askers_may_answer", BodyReader::boolean);
        Some(TenantChanges {
            name: name?,
            tier: tier?,
            handoffs_per_day: handoffs_per_day?,
            max_api_keys: max_api_keys?,
            askers_may_answer: askers_may_answer?,
        })
    })
}

/// Builds the form in which the request of a new tenant is digested.
pub(super) fn to_json(changes: &TenantChanges) -> Value {
    let mut json = json!({
        "name": changes.name,
        "tier": changes.tier,
        "handoffs_per_day": changes.handoffs_per_day,
        "max_api_keys": changes.max_api_keys,
    });
    // Left out if absent, so that requests from before this field keep their digest.
    if let Some(askers_may_answer) = changes.askers_may_answer {
        json["askers_may_answer"] = askers_may_answer.into();
    }
    json
}
