//! How many records a key and its account may make in a month, and packets in a day. Exact: no more are ever made than the limit says.
//!
//! Only a key that has a limit, by itself or by its account's tier, costs a call. What a record was counted for and was
//! not made in the end is given back, and a repeat under the same name finds itself counted; where the database fails at that moment the count stays one too high.

use handrail_domain::account::Tier;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use http::StatusCode;

use crate::access::month_of;
use crate::cx::Cx;
use crate::fault::Fault;
use crate::problem::Problem;
use crate::store::{Key, Quota};

/// Counts of a month are looked at until the next one is well under way.
const KEPT_SECONDS_AFTER_MONTH: i64 = 40 * 24 * 60 * 60;

/// Two days: a count is looked at on its own day only.
const KEPT_SECONDS_AFTER_DAY: i64 = 2 * 24 * 60 * 60;

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
    let now = cx.clock.now();
    let month_ends = now.next_month();
    let forgotten_at = month_ends.as_unix_seconds().saturating_add(KEPT_SECONDS_AFTER_MONTH);
    let seconds = month_ends.as_unix_seconds() - now.as_unix_seconds();
    let retry_after_s = u32::try_from(seconds).unwrap_or(1).max(1);
    let exhausted = || Problem::RateLimited { retry_after_s };
    take_each::<L>(cx, key.tenant, limits_of(cx, key), forgotten_at, exhausted, (id, named)).await
}

/// Counts a packet, or a batch of them, that is about to be made. Days are those of UTC.
///
/// `record`: what the count is for, and the record that is there if it was counted before.
pub async fn take_handoff<L: Lifecycle>(cx: &Cx, key: &Key, record: RecordId, named: bool) -> Result<Counted, Problem> {
    let Some(limit) = key.terms.handoffs_per_day else { return Ok(Counted::default()) };
    let now = cx.clock.now();
    let day = now.to_string().get(..10).unwrap_or_default().to_owned();
    let forgotten_at = now.as_unix_seconds().saturating_add(KEPT_SECONDS_AFTER_DAY);
    let exhausted = || {
        let message = format!("Daily limit of {limit} handoffs reached: the next day begins at 00:00 UTC");
        let details = serde_json::Map::from_iter([("field".to_owned(), "handoffs_per_day".into())]);
        // As published: without a time to come back.
        Problem::Refused { status: StatusCode::TOO_MANY_REQUESTS, code: "", message, details }
    };
    let limits = vec![(format!("{}#handoffs#{day}", key.tenant), limit)];
    take_each::<L>(cx, key.tenant, limits, forgotten_at, exhausted, (record, named)).await
}

async fn take_each<L: Lifecycle>(
    cx: &Cx,
    tenant: TenantId,
    limits: Vec<(String, u32)>,
    forgotten_at: i64,
    exhausted: impl Fn() -> Problem + Send,
    (id, named): (RecordId, bool),
) -> Result<Counted, Problem> {
    let mut counted = Counted::default();
    if limits.is_empty() || named && cx.store.record::<L>(tenant, id).await?.is_some() {
        return Ok(counted);
    }
    for (budget, limit) in limits {
        let taken = match limit {
            // The first one always finds room below a limit.
            0 => Quota::Exhausted,
            _ => cx.store.take_of_month(&budget, id, limit, forgotten_at).await?,
        };
        match taken {
            Quota::Taken => counted.budgets.push(budget),
            Quota::Exhausted => {
                give_back(cx, &counted, id).await;
                return Err(exhausted());
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
