//! Quotas of an API key and its tenant: records per month and packets per day. A quota is never exceeded.
//!
//! Only keys with a quota, their own or of the tenant's tier, cost a database call. The reservation of a record that
//! was not created is released, and a repeat with the same idempotency key counts once. If the database fails at that
//! moment, the count stays one too high.

use handrail_domain::account::Tier;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;

use crate::error::AccessError;
use crate::rate_limit::month_of;
use handrail_context::cx::Cx;
use handrail_platform::fault::Fault;
use handrail_store::{ApiKey, QuotaOutcome};

/// Time to live of a monthly counter after the end of its month.
const MONTH_COUNTER_TTL_SECONDS: i64 = 40 * 24 * 60 * 60;

/// Time to live of a daily counter, which is read on its own day only.
const DAY_COUNTER_TTL_SECONDS: i64 = 2 * 24 * 60 * 60;

/// Reserved quota of a record, which can be released.
#[derive(Debug, Default)]
pub struct QuotaReservation {
    counters: Vec<String>,
}

/// Monthly quota and its usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaUsage {
    pub used: u64,
    pub limit: u32,
}

/// Reserves the monthly quota for a new record. If it is exhausted, the problem says when the next month begins.
///
/// With `has_idempotency_key` the request may be a repeat, and a record that exists already is not counted again.
pub async fn reserve_monthly<L: Lifecycle>(
    cx: &Cx,
    key: &ApiKey,
    id: RecordId,
    has_idempotency_key: bool,
) -> Result<QuotaReservation, AccessError> {
    let now = cx.clock.now();
    let month_ends = now.next_month();
    let expires_at_seconds = month_ends.as_unix_seconds().saturating_add(MONTH_COUNTER_TTL_SECONDS);
    let seconds = month_ends.as_unix_seconds() - now.as_unix_seconds();
    let retry_after_s = u32::try_from(seconds).unwrap_or(1).max(1);
    let exhausted = AccessError::RateLimited { retry_after_s };
    reserve_each::<L>(
        cx,
        key.tenant,
        monthly_limits_of_key(cx, key),
        expires_at_seconds,
        exhausted,
        (id, has_idempotency_key),
    )
    .await
}

/// Reserves the daily quota for a new packet. Days are in UTC. If `record` exists, the request is a repeat and was
/// counted before.
pub async fn reserve_daily<L: Lifecycle>(
    cx: &Cx,
    key: &ApiKey,
    record: RecordId,
    has_idempotency_key: bool,
) -> Result<QuotaReservation, AccessError> {
    let Some(limit) = key.tenant_limits.handoffs_per_day else { return Ok(QuotaReservation::default()) };
    let now = cx.clock.now();
    let day = now.to_string().get(..10).unwrap_or_default().to_owned();
    let expires_at_seconds = now.as_unix_seconds().saturating_add(DAY_COUNTER_TTL_SECONDS);
    let exhausted = AccessError::DailyQuotaReached { limit };
    let limits = vec![(format!("{}#handoffs#{day}", key.tenant), limit)];
    reserve_each::<L>(cx, key.tenant, limits, expires_at_seconds, exhausted, (record, has_idempotency_key)).await
}

async fn reserve_each<L: Lifecycle>(
    cx: &Cx,
    tenant: TenantId,
    limits: Vec<(String, u32)>,
    expires_at_seconds: i64,
    exhausted: AccessError,
    (id, has_idempotency_key): (RecordId, bool),
) -> Result<QuotaReservation, AccessError> {
    let mut reservation = QuotaReservation::default();
    if limits.is_empty() || has_idempotency_key && cx.store.record::<L>(tenant, id).await?.is_some() {
        return Ok(reservation);
    }
    for (counter, limit) in limits {
        let outcome = match limit {
            // The store accepts the first record without comparing the limit.
            0 => QuotaOutcome::Exhausted,
            _ => cx.store.increment_quota(&counter, id, limit, expires_at_seconds).await?,
        };
        match outcome {
            QuotaOutcome::Reserved => reservation.counters.push(counter),
            QuotaOutcome::Exhausted => {
                release(cx, &reservation, id).await;
                return Err(exhausted);
            }
        }
    }
    // Repeats share one count, and none of them knows whether another created the record. So none releases it.
    Ok(if has_idempotency_key { QuotaReservation::default() } else { reservation })
}

/// Releases the quota of a record that was not created. A failure is only logged, because the caller already has an
/// error to return.
pub async fn release(cx: &Cx, reservation: &QuotaReservation, id: RecordId) {
    for counter in &reservation.counters {
        if let Err(fault) = cx.store.decrement_quota(counter, id).await {
            tracing::warn!(fault = fault.with_causes(), "releasing quota failed: the counter stays one too high");
        }
    }
}

/// Returns the usage of the API key's own monthly quota, or else of its tenant's. Returns `None` if neither has one.
pub async fn usage(cx: &Cx, key: &ApiKey) -> Result<Option<QuotaUsage>, Fault> {
    let Some((counter, limit)) = monthly_limits_of_key(cx, key).into_iter().next() else { return Ok(None) };
    Ok(Some(QuotaUsage { used: cx.store.quota_count(&counter).await?, limit }))
}

/// Returns the usage of the monthly quota of the tenant's tier. Returns `None` if the tier has none.
pub async fn usage_of_tenant(cx: &Cx, tenant: TenantId, tier: Tier) -> Result<Option<QuotaUsage>, Fault> {
    let Some((counter, limit)) = monthly_limit_of_tenant(cx, tenant, tier) else { return Ok(None) };
    Ok(Some(QuotaUsage { used: cx.store.quota_count(&counter).await?, limit }))
}

fn monthly_limits_of_key(cx: &Cx, key: &ApiKey) -> Vec<(String, u32)> {
    let month = month_of(cx.clock.now());
    let own_limit = key.decisions_per_month.map(|limit| (format!("{}#{month}", key.id), limit));
    own_limit.into_iter().chain(monthly_limit_of_tenant(cx, key.tenant, key.tier)).collect()
}

fn monthly_limit_of_tenant(cx: &Cx, tenant: TenantId, tier: Tier) -> Option<(String, u32)> {
    let limit = tier.limits().decisions_per_month?;
    Some((format!("{tenant}#{}", month_of(cx.clock.now())), limit))
}
