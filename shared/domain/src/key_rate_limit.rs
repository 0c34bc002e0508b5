//! Rate limit of an API key: a number of requests in each window of time.

use serde::{Deserialize, Serialize};

use crate::account::Tier;

pub const WINDOW_SECONDS_MIN: u32 = 10;
pub const WINDOW_SECONDS_MAX: u32 = 3_600;
/// Window of a key that names none.
const WINDOW_SECONDS_DEFAULT: u32 = 60;

/// Maximum number of requests in a window. Windows follow each other without a gap, counted from the year 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KeyRateLimit {
    pub requests: u32,
    pub window_seconds: u32,
}

impl KeyRateLimit {
    pub const fn per_minute(requests: u32) -> Self {
        Self { requests, window_seconds: WINDOW_SECONDS_DEFAULT }
    }

    /// Most requests that a key of the tier may send in a window: as many as the tier allows in a minute, in proportion.
    pub fn requests_max(tier: Tier, window_seconds: u32) -> u32 {
        let per_minute = u64::from(tier.limits().requests_per_minute_max);
        let max = per_minute * u64::from(window_seconds) / u64::from(WINDOW_SECONDS_DEFAULT);
        u32::try_from(max).unwrap_or(u32::MAX).max(1)
    }

    /// Lowers the limit to the maximum of the tier.
    #[must_use]
    pub fn capped(self, tier: Tier) -> Self {
        Self { requests: self.requests.min(Self::requests_max(tier, self.window_seconds)), ..self }
    }

    /// Requests per minute on average, at least one.
    pub fn requests_per_minute(self) -> u32 {
        let requests = u64::from(self.requests) * u64::from(WINDOW_SECONDS_DEFAULT);
        u32::try_from(requests / u64::from(self.window_seconds.max(1))).unwrap_or(u32::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tier_limits_requests_in_proportion_to_window() {
        assert_eq!(KeyRateLimit::requests_max(Tier::Free, 60), 30);
        assert_eq!(KeyRateLimit::requests_max(Tier::Free, WINDOW_SECONDS_MIN), 5);
        assert_eq!(KeyRateLimit::requests_max(Tier::Enterprise, WINDOW_SECONDS_MAX), 60_000_000);
        let limit = KeyRateLimit { requests: 100, window_seconds: 20 };
        assert_eq!((limit.requests_per_minute(), limit.capped(Tier::Free).requests), (300, 10));
        assert_eq!(limit.capped(Tier::Enterprise), limit);
        assert_eq!(KeyRateLimit { requests: 1, window_seconds: 3_600 }.requests_per_minute(), 1);
    }
}
