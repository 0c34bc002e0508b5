//! Fields of a new API key beside its name and tenant: role, scopes, expiry and rate limit.

use handrail_access::key_grant::KeyGrant;
use handrail_domain::access::Role;
use handrail_domain::body_reader::{BodyReader, JsonObject};
use handrail_domain::key_rate_limit::KeyRateLimit;

/// Roles that a body may name.
const ACCEPTED_ROLES: [Role; 5] = [Role::Admin, Role::Writer, Role::Agent, Role::Reader, Role::Operator];

pub(super) const INVALID_ROLE_MESSAGE: &str = "Input should be 'admin', 'writer', 'agent' or 'reader'";

pub(super) fn read(reader: &mut BodyReader, members: &JsonObject) -> Option<KeyGrant> {
    let role = reader.optional(members, "role", |reader, value| {
        let name = reader.text(value)?;
        let role = ACCEPTED_ROLES.into_iter().find(|role| role.name() == name);
        role.or_else(|| reader.error(INVALID_ROLE_MESSAGE, "enum"))
    });
    let scopes = reader.optional(members, "scopes", BodyReader::strings);
    let expires_at = reader.optional(members, "expires_at", BodyReader::text);
    let rate_limit = reader.optional(members, "rate_limit", |reader, value| {
        let members = reader.object(value)?;
        let requests = reader.required(members, "requests", |r, value| r.whole_number(value, 0..=u32::MAX));
        let window_seconds = reader.required(members, "window_seconds", |r, value| r.whole_number(value, 0..=u32::MAX));
        Some(KeyRateLimit { requests: requests?, window_seconds: window_seconds? })
    });
    Some(KeyGrant { role: role?, scopes: scopes?, expires_at: expires_at?, rate_limit: rate_limit? })
}
