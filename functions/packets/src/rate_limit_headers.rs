//! Response headers with the remaining requests of a caller's rate limits.
//!
//! An exhausted limit is reported first, then the tenant's hourly limit if its tier has one, else the key's minute
//! limit with fewer requests left. The numbers are those of this process; others may have used more since.

use handrail_access::{RateLimit, RateLimitClass, RateLimitStatus, rate_limit_status};
use handrail_context::cx::Cx;
use handrail_store::ApiKey;
use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) fn write(cx: &Cx, key: &ApiKey, headers: &mut HeaderMap) {
    let RateLimitStatus { limit, remaining, resets_in_s } = reported_status(cx, key);
    let numbers =
        [("x-ratelimit-limit", limit), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", resets_in_s)];
    for (name, number) in numbers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
    let tier = HeaderValue::from_static(key.tier.packet_limits().name);
    headers.insert(HeaderName::from_static("x-ratelimit-tier"), tier);
}

fn reported_status(cx: &Cx, key: &ApiKey) -> RateLimitStatus {
    let minutes = [RateLimitClass::OtherRequests, RateLimitClass::Creates].map(|class| RateLimit::per_key(key, class));
    let minute =
        minutes.iter().filter_map(|minute| rate_limit_status(cx, minute)).min_by_key(|status| status.remaining);
    let hour = RateLimit::per_tenant_hourly(key).and_then(|hour| rate_limit_status(cx, &hour));
    let exhausted = [hour, minute].into_iter().flatten().find(|status| status.remaining == 0);
    // The request was refused before it was counted.
    let unused =
        || RateLimitStatus { limit: key.requests_per_minute, remaining: key.requests_per_minute, resets_in_s: 60 };
    exhausted.or(hour).or(minute).unwrap_or_else(unused)
}
