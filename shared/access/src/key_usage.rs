//! Usage of API keys: accepted and denied requests, by scope and day.
//!
//! A process counts in memory and writes the counts of a key with the key's first request, then once a minute or after
//! a hundred requests, whichever is first. So a process that dies loses at most the last minute and 99 requests of each
//! key. A failed write is not repeated, because it may have counted: too few is better than twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use handrail_context::cx::Cx;
use handrail_domain::access::Scope;
use handrail_domain::ids::KeyId;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_store::ScopeUsage;

/// Most days, today included, that a list of usage covers.
pub const USAGE_DAYS_MAX: u32 = 31;

const WRITE_INTERVAL_MS: i64 = 60_000;
const UNWRITTEN_REQUESTS_MAX: u32 = 100;
/// Keys that are counted in memory. Requests of further keys are written one by one.
const CACHED_KEYS_MAX: usize = 10_000;
const DAY_SECONDS: i64 = 24 * 60 * 60;
/// Time to live of the counts of a day after its end: longer than the longest list.
const TTL_SECONDS: i64 = 40 * DAY_SECONDS;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    Accepted,
    /// The key had no right to the request, was expired, or was over a limit.
    Denied,
}

/// Usage of a key on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayUsage {
    /// Date in UTC, such as `2026-01-31`.
    pub day: String,
    pub scopes: Vec<ScopeUsage>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    accepted: u64,
    denied: u64,
}

/// Counts of one key by day (since 1970) and scope.
type CountsByDay = BTreeMap<(i64, Scope), Counts>;

#[derive(Default)]
struct UnwrittenUsage {
    counts: CountsByDay,
    requests: u32,
    written_at: Option<Timestamp>,
}

impl UnwrittenUsage {
    fn is_due(&self, now: Timestamp) -> bool {
        self.requests >= UNWRITTEN_REQUESTS_MAX || !self.was_written_lately(now)
    }

    fn was_written_lately(&self, now: Timestamp) -> bool {
        self.written_at.is_some_and(|at| (0..WRITE_INTERVAL_MS).contains(&now.ms_since(at)))
    }
}

/// Usage that this process has not written yet.
#[derive(Default)]
struct UsageCache(Mutex<HashMap<KeyId, UnwrittenUsage>>);

impl UsageCache {
    /// Counts a request. Returns the counts to write now, which may be none.
    fn add(&self, key: KeyId, scope: Scope, outcome: RequestOutcome, now: Timestamp) -> CountsByDay {
        let mut keys = self.lock();
        if keys.len() >= CACHED_KEYS_MAX && !keys.contains_key(&key) {
            // Counts of keys that were idle for a minute are lost, as if the process had ended.
            keys.retain(|_, usage| usage.was_written_lately(now));
        }
        let mut single = UnwrittenUsage::default();
        let is_full = keys.len() >= CACHED_KEYS_MAX && !keys.contains_key(&key);
        let usage = if is_full { &mut single } else { keys.entry(key).or_default() };
        let counts = usage.counts.entry((day_of(now), scope)).or_default();
        match outcome {
            RequestOutcome::Accepted => counts.accepted += 1,
            RequestOutcome::Denied => counts.denied += 1,
        }
        usage.requests += 1;
        if !usage.is_due(now) {
            return CountsByDay::new();
        }
        usage.requests = 0;
        usage.written_at = Some(now);
        std::mem::take(&mut usage.counts)
    }

    fn unwritten(&self, key: KeyId) -> CountsByDay {
        self.lock().get(&key).map(|usage| usage.counts.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyId, UnwrittenUsage>> {
        // A panic while the lock was held left plain numbers behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts an answered request of a key. Makes at most two writes, one for each day that has counts, and mostly none.
pub async fn record_request(cx: &Cx, key: KeyId, scope: Scope, outcome: RequestOutcome) {
    let due = cx.process_state::<UsageCache>().add(key, scope, outcome, cx.clock.now());
    let mut by_day: BTreeMap<i64, Vec<ScopeUsage>> = BTreeMap::new();
    for ((day, scope), Counts { accepted, denied }) in due {
        by_day.entry(day).or_default().push(ScopeUsage { scope, accepted, denied });
    }
    for (day, usage) in by_day {
        let ttl_seconds = day.saturating_add(1).saturating_mul(DAY_SECONDS).saturating_add(TTL_SECONDS);
        if let Err(fault) = cx.store.add_key_usage(key, &date_of(day), &usage, ttl_seconds).await {
            tracing::warn!(fault = fault.with_causes(), "writing the usage of an API key failed: it is too low now");
        }
    }
}

/// Returns the usage of a key on the last days, newest first, without days on which nothing was counted. Counts that
/// other processes have not written yet are missing.
pub async fn usage_of_key(cx: &Cx, key: KeyId, days: u32) -> Result<Vec<DayUsage>, Fault> {
    let today = day_of(cx.clock.now());
    let days: Vec<i64> = (0..i64::from(days.min(USAGE_DAYS_MAX))).map(|ago| today - ago).collect();
    let dates: Vec<String> = days.iter().map(|day| date_of(*day)).collect();
    let written = cx.store.key_usage(key, &dates).await?;
    let unwritten = cx.process_state::<UsageCache>().unwritten(key);
    let usage = days.iter().zip(dates).zip(written).map(|((day, date), mut scopes)| {
        for ((_, scope), counts) in unwritten.iter().filter(|((other, _), _)| other == day) {
            match scopes.iter_mut().find(|usage| usage.scope == *scope) {
                Some(usage) => {
                    usage.accepted += counts.accepted;
                    usage.denied += counts.denied;
                }
                None => {
                    scopes.push(ScopeUsage { scope: *scope, accepted: counts.accepted, denied: counts.denied });
                }
            }
        }
        scopes.sort_by_key(|usage| usage.scope);
        DayUsage { day: date, scopes }
    });
    Ok(usage.filter(|usage| !usage.scopes.is_empty()).collect())
}

fn day_of(now: Timestamp) -> i64 {
    now.as_unix_seconds().div_euclid(DAY_SECONDS)
}

fn date_of(day: i64) -> String {
    Timestamp::from_unix_ms(day.saturating_mul(DAY_SECONDS * 1000)).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn key(number: u32) -> KeyId {
        let mut bytes = [0; 10];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        KeyId::new(NOON, bytes)
    }

    fn add(cache: &UsageCache, key: KeyId, now: Timestamp) -> u64 {
        let due = cache.add(key, Scope::PacketsRead, RequestOutcome::Accepted, now);
        due.values().map(|counts| counts.accepted).sum()
    }

    #[test]
    fn counts_are_written_at_first_then_in_batches() {
        let cache = UsageCache::default();
        let written: Vec<u64> = (0..201).map(|_| add(&cache, key(1), NOON)).collect();
        assert_eq!(written.iter().sum::<u64>(), 201);
        assert_eq!((written[0], written[100], written[200]), (1, 100, 100));
        assert_eq!(add(&cache, key(1), NOON.plus_ms(WRITE_INTERVAL_MS - 1)), 0);
        assert_eq!(add(&cache, key(1), NOON.plus_ms(WRITE_INTERVAL_MS)), 2);
        // A clock that was set back writes at once.
        assert_eq!(add(&cache, key(1), NOON), 1);
    }

    #[test]
    fn cached_usage_is_limited() {
        let cache = UsageCache::default();
        let limit = u32::try_from(CACHED_KEYS_MAX).unwrap();
        for number in 0..limit + 100 {
            assert_eq!(add(&cache, key(number), NOON), 1);
        }
        assert_eq!(cache.lock().len(), CACHED_KEYS_MAX);
        assert_eq!(add(&cache, key(limit), NOON), 1, "each request of a further key is written");
        assert_eq!(add(&cache, key(0), NOON), 0);
        let later = NOON.plus_ms(WRITE_INTERVAL_MS);
        assert_eq!((add(&cache, key(limit), later), cache.lock().len()), (1, 1), "idle keys make room");
    }
}
