//! Fields of a new API key beside its name and tenant: role, scopes, expiry and rate limit.

use handrail_access::key_grant::KeyGrant;
use handrail_domain::access::Role;
use handrail_domain::key_rate_limit::KeyRateLimit;

use crate::field_reader::FieldReader;

/// Roles that a body may name.
const ACCEPTED_ROLES: [Role; 5] = [Role::Admin, Role::Writer, Role::Agent, Role::Reader, Role::Operator];

pub(super) const INVALID_ROLE_MESSAGE: &str = "Input should be 'admin', 'writer', 'agent' or 'reader'";

/// Reads the fields. Their errors are added to those of the reader.
pub(super) fn read(fields: &mut FieldReader<'_>) -> KeyGrant {
    let role = fields.text("role").map(|name| ACCEPTED_ROLES.into_iter().find(|role| role.name() == name));
    if role == Some(None) {
        fields.add_error("role", INVALID_ROLE_MESSAGE, "enum");
    }
    let scopes = fields.texts("scopes");
    let expires_at = fields.text("expires_at").map(str::to_owned);
    let rate_limit = fields.numbers("rate_limit", ["requests", "window_seconds"]);
    let rate_limit = rate_limit.map(|[requests, window_seconds]| KeyRateLimit { requests, window_seconds });
    KeyGrant { role: role.flatten(), scopes, expires_at, rate_limit }
}
