//! How many records a key and its account may make in a month. Exact: no more are ever made than the limit says.
//!
//! Only a key that has a limit, by itself or by its account's tier, costs a call. What a record was counted for and was
//! not made in the end is given back, and a repeat under the same name finds itself counted; where the database fails at that moment the count stays one too high.

use handrail_domain::account::Tier;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;

use crate::access::month_of;
use crate::cx::Cx;
use crate::fault::Fault;
use crate::problem::Problem;
use crate::store::{Key, Quota};

/// Counts of a month are looked at until the next one is well under way.
const KEPT_SECONDS_AFTER_MONTH: i64 = 40 * 24 * 60 * 60;

/// What was counted for one record and can be given back.
#[derive(Debug, Default)]
pub struct Counted {
    budgets: Vec<String>,
}

/// A limit of a month and what was used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub used: u64,
    pub limit: u32,
}

/// Counts a record that is about to be made, or says when the next month begins.
///
/// `named`: the caller may be repeating itself, and a record that is there already is not counted again.
pub async fn take<L: Lifecycle>(cx: &Cx, key: &Key, id: RecordId, named: bool) -> Result<Counted, Problem> {
    let limits = limits_of(cx, key);
    let mut counted = Counted::default();
    if limits.is_empty() || named && cx.store.record::<L>(key.tenant, id).await?.is_some() {
        return Ok(counted);
    }
    let now = cx.clock.now();
    let month_ends = now.next_month();
    for (budget, limit) in limits {
        let ttl_seconds = month_ends.as_unix_seconds().saturating_add(KEPT_SECONDS_AFTER_MONTH);
        match cx.store.take_of_month(&budget, id, limit, ttl_seconds).await? {
            Quota::Taken => counted.budgets.push(budget),
            Quota::Exhausted => {
                give_back(cx, &counted, id).await;
                let seconds = month_ends.as_unix_seconds() - now.as_unix_seconds();
                return Err(Problem::RateLimited { retry_after_s: u32::try_from(seconds).unwrap_or(1).max(1) });
            }
        }
    }
    // Two that repeat each other share one count, and only one of them can know that nothing was made.
    Ok(if named { Counted::default() } else { counted })
}

/// The record was not made. Nobody waits for this to be right: the caller has an answer of its own to give.
pub async fn give_back(cx: &Cx, counted: &Counted, id: RecordId) {
    for budget in &counted.budgets {
        if let Err(fault) = cx.store.give_back_to_month(budget, id).await {
            tracing::warn!(fault = fault.chain(), "a month's count stays one too high");
        }
    }
}

/// What a key used of its own limit, or else of its account's. `None`: it has neither.
pub async fn usage(cx: &Cx, key: &Key) -> Result<Option<Usage>, Fault> {
    let Some((budget, limit)) = limits_of(cx, key).into_iter().next() else { return Ok(None) };
    Ok(Some(Usage { used: cx.store.made_in_month(&budget).await?, limit }))
}

/// What all keys of an account used together of its tier's limit, if it has one.
pub async fn usage_of_account(cx: &Cx, tenant: TenantId, tier: Tier) -> Result<Option<Usage>, Fault> {
    let Some((budget, limit)) = limit_of_account(cx, tenant, tier) else { return Ok(None) };
    Ok(Some(Usage { used: cx.store.made_in_month(&budget).await?, limit }))
}

fn limits_of(cx: &Cx, key: &Key) -> Vec<(String, u32)> {
    let month = month_of(cx.clock.now());
    let own = key.decisions_per_month.map(|limit| (format!("{}#{month}", key.id), limit));
    own.into_iter().chain(limit_of_account(cx, key.tenant, key.tier)).collect()
}

fn limit_of_account(cx: &Cx, tenant: TenantId, tier: Tier) -> Option<(String, u32)> {
    let limit = tier.preset().decisions_per_month?;
    Some((format!("{tenant}#{}", month_of(cx.clock.now())), limit))
}
