//! Rate limits of API keys, tenants and clients. A process reserves requests of a limit in blocks, so that most requests
//! cost no write.

use handrail_domain::account::Tenant;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::key_hash::hash_of_key;
use handrail_domain::key_rate_limit::KeyRateLimit;
use handrail_domain::time::Timestamp;

use crate::blocks::{BlockCache, BlockState, LimitWindow};
use crate::error::AccessError;
use handrail_context::cx::Cx;
use handrail_platform::fault::Fault;
use handrail_store::{ApiKey, BlockOutcome, BlockRequest};

pub const WINDOW_SECONDS: i64 = 60;
/// Time to live of a short-lived rate limit after its window.
const SHORT_LIVED_LIMIT_TTL_SECONDS: i64 = 60 * 60;

/// Reads of unknown ids that a key may make in a minute. An agent that works as intended makes hardly any.
const MISSES_PER_MINUTE: u32 = 60;

/// Class of requests with a rate limit of its own.
#[derive(Clone, Copy, Debug)]
pub enum RateLimitClass {
    /// Requests that create records.
    Creates,
    /// Requests that read this record. Each record has its own limit, so waiting agents don't starve each other.
    Reads(RecordId),
    /// All other requests of an API key.
    OtherRequests,
}

/// Maximum number of requests in a window of time, counted under a name.
#[derive(Clone, Debug)]
pub struct RateLimit {
    name: String,
    limit: u32,
    window_seconds: i64,
    /// `true` for limits of which there are many, such as per address. They expire after their window and don't count
    /// as monthly usage.
    is_short_lived: bool,
}

impl RateLimit {
    pub fn per_key(key: &ApiKey, class: RateLimitClass) -> Self {
        let KeyRateLimit { requests, window_seconds } = key.rate_limit();
        Self {
            name: class.name(key),
            limit: requests,
            window_seconds: i64::from(window_seconds),
            is_short_lived: matches!(class, RateLimitClass::Reads(_)),
        }
    }

    /// Rate limit per minute of the signed-in persons of a tenant together.
    pub fn per_tenant(tenant: &Tenant) -> Self {
        Self::short_lived(format!("{}#calls", tenant.tenant), tenant.tier.preset().requests_per_minute, WINDOW_SECONDS)
    }

    /// Rate limit per hour of all keys of a tenant together. Returns `None` if the tier has none.
    pub fn per_tenant_hourly(key: &ApiKey) -> Option<Self> {
        let limit = key.tier.allotment().requests_per_hour?;
        Some(Self::short_lived(format!("{}#hour", key.tenant), limit, 60 * WINDOW_SECONDS))
    }

    /// Rate limit per hour for the creation of API keys of a tenant.
    pub fn key_creation(tenant: TenantId, limit: u32) -> Self {
        Self::short_lived(format!("{tenant}#keys"), limit, 60 * WINDOW_SECONDS)
    }

    /// Rate limit for unauthenticated requests, per client address or per mailbox. The table has only a hash of either.
    pub fn per_client(operation: &str, client: &str, limit: u32) -> Self {
        let hash = hash_of_key(client);
        Self::short_lived(format!("{operation}#{}", &hash[..32]), limit, WINDOW_SECONDS)
    }

    /// Rate limit per minute of reads by an API key that find no record.
    pub fn misses(key: &ApiKey) -> Self {
        Self::short_lived(format!("{}#misses", key.id), MISSES_PER_MINUTE, WINDOW_SECONDS)
    }

    /// Error of an exhausted rate limit, which says when the next window begins.
    pub fn exhausted(&self, cx: &Cx) -> AccessError {
        let into_window = cx.clock.now().as_unix_seconds().rem_euclid(self.window_seconds);
        AccessError::RateLimited { retry_after_s: u32::try_from(self.window_seconds - into_window).unwrap_or(1).max(1) }
    }

    fn short_lived(name: String, limit: u32, window_seconds: i64) -> Self {
        Self { name, limit, window_seconds, is_short_lived: true }
    }
}

/// Counts a request against a rate limit of the API key. Returns [`AccessError::RateLimited`] if the limit is exhausted.
pub async fn check_key_limit(cx: &Cx, key: &ApiKey, class: RateLimitClass) -> Result<(), AccessError> {
    check_limit(cx, RateLimit::per_key(key, class)).await
}

/// Counts a request against a rate limit. Returns [`AccessError::RateLimited`] if the limit is exhausted.
pub async fn check_limit(cx: &Cx, rate_limit: RateLimit) -> Result<(), AccessError> {
    let counted = count_requests(cx, &rate_limit, 1).await?;
    if counted == 1 { Ok(()) } else { Err(rate_limit.exhausted(cx)) }
}

/// Counts up to `count` requests against a rate limit at once. Returns how many the limit allows, which may be none.
pub async fn count_requests(cx: &Cx, rate_limit: &RateLimit, count: u32) -> Result<u32, AccessError> {
    let now_seconds = cx.clock.now().as_unix_seconds();
    let window = now_seconds - now_seconds.rem_euclid(rate_limit.window_seconds);
    let blocks = cx.process_state::<BlockCache>();
    let window_ends = window + rate_limit.window_seconds;
    let limit_window = LimitWindow {
        limit: rate_limit.limit,
        starts_at: window,
        ends_at: window_ends,
        is_reported: !rate_limit.is_short_lived,
    };
    let (used, pending) = blocks.count_requests(&rate_limit.name, limit_window, count);
    let Some(pending) = pending else { return Ok(used) };
    let request = BlockRequest {
        limit_key: &rate_limit.name,
        window,
        block_size: pending.block,
        limit: rate_limit.limit,
        month: &month_of(Timestamp::from_unix_ms(pending.used_in_window * 1000)),
        unreported: pending.unreported,
        expires_at_seconds: rate_limit.is_short_lived.then_some(window_ends + SHORT_LIVED_LIMIT_TTL_SECONDS),
    };
    match cx.store.reserve_block(&request).await {
        Ok(BlockOutcome::Granted { block_size, total_reserved }) => {
            Ok(used + pending.record_granted(block_size, total_reserved))
        }
        Ok(BlockOutcome::Exhausted) => Ok(used + pending.record_exhausted()),
        Err(fault) => {
            // The call may have counted the unreported requests, so they are dropped: too few is better than twice.
            tracing::warn!(fault = fault.with_causes(), "reserving a block of a rate limit failed");
            Err(fault.into())
        }
    }
}

/// Counts the read of a record before it is made. A key that asked for too many unknown ids in this minute may read only
/// records that this process has read for it before.
pub async fn check_read(cx: &Cx, key: &ApiKey, record: RecordId) -> Result<(), AccessError> {
    let (misses, reads) = (RateLimit::misses(key), RateLimit::per_key(key, RateLimitClass::Reads(record)));
    let are_exhausted = rate_limit_status(cx, &misses).is_some_and(|status| status.remaining == 0);
    if are_exhausted && cx.process_state::<BlockCache>().state_of(&reads.name).is_none() {
        return Err(misses.exhausted(cx));
    }
    check_limit(cx, reads).await
}

/// Counts a read that found no record. Returns [`AccessError::RateLimited`] if the key made too many in this minute.
pub async fn check_miss(cx: &Cx, key: &ApiKey, record: RecordId) -> Result<(), AccessError> {
    let reads = RateLimit::per_key(key, RateLimitClass::Reads(record));
    cx.process_state::<BlockCache>().forget(&reads.name);
    check_limit(cx, RateLimit::misses(key)).await
}

/// Remaining requests of a rate limit in the current window, as far as this process knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitStatus {
    pub limit: u32,
    pub remaining: u32,
    pub resets_in_s: u32,
}

/// Returns the status of a rate limit, or `None` if this process has counted no request in the current window.
pub fn rate_limit_status(cx: &Cx, rate_limit: &RateLimit) -> Option<RateLimitStatus> {
    let now_seconds = cx.clock.now().as_unix_seconds();
    let into_window = now_seconds.rem_euclid(rate_limit.window_seconds);
    let window = now_seconds - into_window;
    let state = cx.process_state::<BlockCache>().state_of(&rate_limit.name).filter(|state| state.window == window)?;
    let ends_in_s = u32::try_from(rate_limit.window_seconds - into_window).unwrap_or(1).max(1);
    let remaining = state.remaining.saturating_add(state.unreserved).min(rate_limit.limit);
    Some(RateLimitStatus { limit: rate_limit.limit, remaining, resets_in_s: ends_in_s })
}

/// Number of records that this key created this month, as far as reported or known to this process.
pub async fn created_this_month(cx: &Cx, key: &ApiKey) -> Result<u64, Fault> {
    let name = RateLimitClass::Creates.name(key);
    let month = month_of(cx.clock.now());
    let reported = cx.store.usage(&name, &month).await?;
    Ok(reported + unreported(cx, &name, &month))
}

/// Number of records that each of these keys created this month, as in [`created_this_month`].
pub async fn created_this_month_of_each(cx: &Cx, keys: &[ApiKey]) -> Result<Vec<u64>, Fault> {
    let month = month_of(cx.clock.now());
    let names: Vec<String> = keys.iter().map(|key| RateLimitClass::Creates.name(key)).collect();
    let reported = cx.store.usage_of_each(&names, &month).await?;
    Ok(names.iter().zip(reported).map(|(name, reported)| reported + unreported(cx, name, &month)).collect())
}

fn unreported(cx: &Cx, name: &str, month: &str) -> u64 {
    let is_this_month = |state: &BlockState| month_of(Timestamp::from_unix_ms(state.used_in_window * 1000)) == month;
    cx.process_state::<BlockCache>().state_of(name).filter(is_this_month).map_or(0, |state| u64::from(state.unreported))
}

/// Formats the month of a time, such as `2026-01`.
pub fn month_of(now: Timestamp) -> String {
    now.to_string().get(..7).unwrap_or("").to_owned()
}

impl RateLimitClass {
    fn name(self, key: &ApiKey) -> String {
        match self {
            Self::Creates => format!("{}#creates", key.id),
            Self::Reads(record) => format!("{}#reads#{record}", key.id),
            Self::OtherRequests => format!("{}#calls", key.id),
        }
    }
}
