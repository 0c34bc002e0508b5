//! Response headers with the remaining requests of a caller's rate limits.
//!
//! An exhausted limit is reported first, then the tenant's hourly limit if its tier has one, else that limit
//! of the key which has fewer requests left. The numbers are those of this process; others may have used more since.

use handrail_access::{RateLimit, RateLimitClass, RateLimitStatus, rate_limit_status};
use handrail_context::cx::Cx;
use handrail_domain::key_rate_limit::KeyRateLimit;
use handrail_store::ApiKey;
use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) fn write(cx: &Cx, key: &ApiKey, headers: &mut HeaderMap) {
    let RateLimitStatus { limit, remaining, resets_in_s } = reported_status(cx, key);
    let numbers =
        [("x-ratelimit-limit", limit), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", resets_in_s)];
    for (name, number) in numbers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
    let tier = HeaderValue::from_static(key.tier.allotment().name);
    headers.insert(HeaderName::from_static("x-ratelimit-tier"), tier);
}

fn reported_status(cx: &Cx, key: &ApiKey) -> RateLimitStatus {
    let own_limits =
        [RateLimitClass::OtherRequests, RateLimitClass::Creates].map(|class| RateLimit::per_key(key, class));
    let own = own_limits.iter().filter_map(|limit| rate_limit_status(cx, limit)).min_by_key(|status| status.remaining);
    let hour = RateLimit::per_tenant_hourly(key).and_then(|hour| rate_limit_status(cx, &hour));
    let exhausted = [hour, own].into_iter().flatten().find(|status| status.remaining == 0);
    // The request was refused before it was counted.
    let KeyRateLimit { requests, window_seconds } = key.rate_limit();
    let unused = || RateLimitStatus { limit: requests, remaining: requests, resets_in_s: window_seconds };
    exhausted.or(hour).or(own).unwrap_or_else(unused)
}
