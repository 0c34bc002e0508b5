//! What is left of a key's limits, in the headers of every answer to it.
//!
//! Told is the hour of the account where its tier has one, and else the fuller of the key's minutes; a budget that is used
//! up comes before both. It is what this process knows: others may have taken more since.

use handrail_kernel::access::{Allowance, Budget, Left, left};
use handrail_kernel::cx::Cx;
use handrail_kernel::store::Key;
use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) fn tell(cx: &Cx, key: &Key, headers: &mut HeaderMap) {
    let Left { limit, remaining, ends_in_s } = told(cx, key);
    let numbers =
        [("x-ratelimit-limit", limit), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", ends_in_s)];
    for (name, number) in numbers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
    let tier = HeaderValue::from_static(key.tier.allotment().name);
    headers.insert(HeaderName::from_static("x-ratelimit-tier"), tier);
}

fn told(cx: &Cx, key: &Key) -> Left {
    let minutes = [Budget::Calls, Budget::Creates].map(|budget| Allowance::of_key(key, budget));
    let minute = minutes.iter().filter_map(|minute| left(cx, minute)).min_by_key(|left| left.remaining);
    let hour = Allowance::of_hour(key).and_then(|hour| left(cx, &hour));
    let used_up = [hour, minute].into_iter().flatten().find(|left| left.remaining == 0);
    // Refused before anything was counted: all of a minute is left.
    let whole = || Left { limit: key.requests_per_minute, remaining: key.requests_per_minute, ends_in_s: 60 };
    used_up.or(hour).or(minute).unwrap_or_else(whole)
}
