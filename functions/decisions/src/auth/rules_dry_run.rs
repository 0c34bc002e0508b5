//! `POST /auth/api-keys/{id}/rules/dry-run`: what rules would have done to the decisions of the last days. Changes nothing.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::decision::{Decision, Place};
use handrail_domain::policy::{PolicyVerdict, Rule, RuleEffect, check_rules};
use handrail_domain::record::Record;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{JsonIfAny, Segment, Steward, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::ListingCursor;
use serde::Deserialize;
use serde_json::{Value, json};

use super::NO_SUCH_KEY;
use crate::dialect::DIALECT;
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-rules-dry-run",
    method: Verb::Post,
    path: "/auth/api-keys/{id}/rules/dry-run",
    auth: Auth::KeyOrSession(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::LookUpSession, Touch::Lease, Touch::ReadKey, Touch::ListByKind],
    summary: "See what rules would have done to past decisions",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

const DAYS_DEFAULT: u32 = 7;
const DAYS_MAX: u32 = 90;
const DAY_MS: i64 = 86_400_000;
const PAGE: usize = 100;
/// Looked at in one request; the cursor leads on.
const PAGES_MAX: usize = 10;
/// Told one by one; the counts hold all of them.
const TOLD_MAX: usize = 100;

#[derive(Default, Deserialize)]
struct Wire {
    /// Absent: the key's own.
    rules: Option<Vec<Rule>>,
    days: Option<u32>,
    cursor: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    steward: Steward<right::KeysWrite>,
    Segment(id): Segment,
    JsonIfAny(wire): JsonIfAny<Wire>,
) -> Result<axum::Json<Value>, Problem> {
    let id = id.parse().map_err(|_| NO_SUCH_KEY)?;
    let days = wire.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::invalid("days", format!("must be from 1 to {DAYS_MAX}")));
    }
    let mut cursor = match &wire.cursor {
        None => None,
        Some(text) => Some(ListingCursor::parse(text).ok_or_else(|| {
            Problem::invalid("cursor", "is none of ours: send next_cursor of the answer before, unchanged")
        })?),
    };
    if let Some(rules) = &wire.rules {
        check_rules(rules).map_err(|bad| Problem::invalid(&format!("rules[{}]", bad.index), bad.message))?;
    }
    steward.spend(&cx).await?;
    let key = cx.store.find_key(steward.tenant(), id).await?.ok_or(NO_SUCH_KEY)?.key;
    let rules = wire.rules.unwrap_or(key.rules);
    let now = cx.clock.now();
    let from = now.plus_ms(-i64::from(days) * DAY_MS);

    let mut report = Report::new(&rules);
    for _ in 0..PAGES_MAX {
        let page = cx.store.list::<Decision>(steward.tenant(), None, cursor.as_ref(), PAGE).await?;
        let recent = page.records.iter().take_while(|record| record.created_at >= from);
        let seen = recent.inspect(|record| {
            if record.ask.asked_by == id {
                report.add(&record.seen_at(now), &rules);
            }
        });
        let reached_the_start = seen.count() < page.records.len();
        cursor = page.next.filter(|_| !reached_the_start);
        if cursor.is_none() {
            break;
        }
    }
    Ok(axum::Json(json!({
        "from": from,
        "until": now,
        "decisions_seen": report.seen,
        "would_be_asked": report.asked,
        "rules": report.rules(&rules),
        "decisions": report.told,
        "next_cursor": cursor.map(|cursor| cursor.text()),
    })))
}

/// What became of all of them, and the first ones in particular.
struct Report {
    seen: usize,
    asked: usize,
    matched: Vec<Tally>,
    told: Vec<Value>,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    matched: usize,
    /// People had answered the same.
    agreed: usize,
    /// People had answered otherwise.
    disagreed: usize,
}

impl Report {
    fn new(rules: &[Rule]) -> Self {
        Self { seen: 0, asked: 0, matched: vec![Tally::default(); rules.len()], told: Vec::new() }
    }

    fn add(&mut self, record: &Record<Decision>, rules: &[Rule]) {
        self.seen += 1;
        let Some(verdict) = record.ask.verdict_of(rules) else {
            self.asked += 1;
            return;
        };
        let agrees = agrees(record, &verdict);
        if let Some(tally) =
            rules.iter().position(|rule| rule.name == verdict.rule).and_then(|at| self.matched.get_mut(at))
        {
            tally.matched += 1;
            tally.agreed += usize::from(agrees == Some(true));
            tally.disagreed += usize::from(agrees == Some(false));
        }
        if self.told.len() < TOLD_MAX {
            let outcome = record.standing.outcome();
            self.told.push(json!({
                "id": record.id,
                "action": record.ask.action,
                "amount": record.ask.amount,
                "created_at": record.created_at,
                "status": view::status(record),
                "resolved_by": outcome.map(|outcome| outcome.answer.resolved_by.as_str()),
                "would": verdict.effect.name(),
                "rule": verdict.rule,
                "agrees": agrees,
            }));
        }
    }

    fn rules(&self, rules: &[Rule]) -> Vec<Value> {
        let told = |(rule, tally): (&Rule, &Tally)| {
            json!({
                "name": rule.name,
                "effect": rule.effect.name(),
                "would_settle": tally.matched,
                "agreed_with_the_answer": tally.agreed,
                "disagreed_with_the_answer": tally.disagreed,
            })
        };
        rules.iter().zip(&self.matched).map(told).collect()
    }
}

/// Did people answer as the rule would have? Nothing where no person did.
fn agrees(record: &Record<Decision>, verdict: &PolicyVerdict) -> Option<bool> {
    let yes = match &record.standing.place {
        _ if record.ask.policy.is_some() => return None,
        Place::Approved(_) | Place::Scheduled(_) => true,
        // Neither: they wanted it otherwise.
        Place::Modified(_) => return Some(false),
        Place::Denied(_) => false,
        Place::Pending | Place::Escalated | Place::Expired(_) => return None,
    };
    Some(yes == (verdict.effect == RuleEffect::Approve))
}
