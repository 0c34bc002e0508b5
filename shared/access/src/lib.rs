//! Everything about who may call: tenants, API keys and their rights, people who sign in, rate limits and quotas.

mod admin_rights;
pub mod api_keys;
mod authenticate;
mod blocks;
mod error;
pub mod key_creation;
mod key_error;
pub mod key_grant;
pub mod key_rotation;
pub mod key_settings;
pub mod key_usage;
pub mod quota;
mod rate_limit;
pub mod session;
pub mod sign_in;
pub mod tenant_limits;
pub mod tenants;

pub use admin_rights::AdminRights;
pub use authenticate::{KEY_CACHE_TTL_MS, authenticate, check_active, clear_key_cache, find_key};
pub use error::AccessError;
pub use key_error::KeyError;
pub use rate_limit::{
    RateLimit, RateLimitClass, RateLimitStatus, WINDOW_SECONDS, check_key_limit, check_limit, check_miss, check_read,
    count_requests, created_this_month, created_this_month_of_each, month_of, rate_limit_status,
};
