//! Name, error format and callers of this door.

use handrail_web::door::{CallerRules, Credential, Door};

use crate::errors::ERROR_RENDERER;
use crate::rate_limit_headers;

pub const DOOR: Door = Door { name: "packets", error_renderer: ERROR_RENDERER, caller_rules: CALLER_RULES };

/// Every response to a caller with a key shows what remains of its rate limits.
const CALLER_RULES: CallerRules = CallerRules {
    credential: Credential::ApiKeyHeader,
    has_hourly_limit: true,
    limit_headers: Some(rate_limit_headers::write),
};
