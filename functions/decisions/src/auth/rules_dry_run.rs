//! `POST /auth/api-keys/{id}/rules/dry-run`: reports how rules would have answered recent decisions. Changes nothing.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::api_keys::find;
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::answer_origin::ResolvedVia;
use handrail_domain::decision::{Decision, Phase, answer_origin};
use handrail_domain::ids::RecordId;
use handrail_domain::policy::{Rule, RuleEffect, RuleMatch, RuleMatcher, check_rules};
use handrail_domain::record::Record;
use handrail_domain::time::{DAY_MS, Timestamp};
use handrail_store::Cursor;
use handrail_web::caller::{TenantAdmin, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::json_body;
use handrail_web::json_body::OptionalJson;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Number;

use super::{KEY_NOT_FOUND, key_problem};
use crate::door::DOOR;
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-rules-dry-run",
    method: HttpMethod::Post,
    path: "/auth/api-keys/{id}/rules/dry-run",
    auth: Auth::ApiKeyOrSession(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::ReadKey,
        DataAccess::ListByKind,
    ],
    summary: "Try rules on past decisions",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

const DAYS_DEFAULT: u32 = 7;
const DAYS_MAX: u32 = 90;
const PAGE_SIZE: usize = 100;
/// Most pages that one request reads. The cursor of the response leads to the next.
const PAGES_MAX: usize = 10;
/// Most matches that are listed one by one. The counts include all matches.
const LISTED_MAX: usize = 100;

#[derive(Default, JsonSchema)]
#[schemars(rename = "RulesDryRun")]
struct RequestBody {
    /// The rules to try. If absent, the rules of the key are tried.
    rules: Option<Vec<Rule>>,
    /// Whether the rules may approve by stated amounts. If absent, the setting of the key applies.
    trust_stated_amounts: Option<bool>,
    days: Option<u32>,
    cursor: Option<String>,
}

json_body!(RequestBody { rules, trust_stated_amounts, days, cursor });

/// What rules would have done to the decisions of the last days.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RulesDryRunReport")]
struct ResponseBody {
    from: Timestamp,
    until: Timestamp,
    decisions_seen: usize,
    /// Decisions that no rule matches.
    would_be_asked: usize,
    rules: Vec<RuleResult>,
    /// The first matches.
    decisions: Vec<MatchedDecision>,
    next_cursor: Option<String>,
}

/// Counts of one rule.
#[derive(Serialize, JsonSchema)]
struct RuleResult {
    name: String,
    effect: RuleEffect,
    would_settle: usize,
    agreed_with_the_answer: usize,
    disagreed_with_the_answer: usize,
}

/// A decision that a rule matches.
#[derive(Serialize, JsonSchema)]
struct MatchedDecision {
    id: RecordId,
    action: String,
    amount: Option<Number>,
    created_at: Timestamp,
    status: &'static str,
    resolved_by: Option<String>,
    resolved_via: Option<ResolvedVia>,
    would: RuleEffect,
    rule: String,
    /// Whether a person answered as the rule would have; null if no person answered.
    agrees: Option<bool>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: TenantAdmin<scopes::KeysWrite>,
    PathParam(id): PathParam,
    OptionalJson(body): OptionalJson<RequestBody>,
) -> Result<axum::Json<ResponseBody>, Problem> {
    let id = id.parse().map_err(|_| KEY_NOT_FOUND)?;
    let days = body.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::invalid("days", format!("must be from 1 to {DAYS_MAX}")));
    }
    let mut cursor = match &body.cursor {
        None => None,
        Some(text) => Some(Cursor::parse(text).ok_or_else(|| {
            Problem::invalid("cursor", "is not valid: send next_cursor of the previous response unchanged")
        })?),
    };
    if let Some(rules) = &body.rules {
        check_rules(rules).map_err(|error| Problem::invalid(&format!("rules[{}]", error.index), error.message))?;
    }
    caller.check_limit(&cx).await?;
    let key = find(&cx, &caller.rights(), caller.tenant(), id).await.map_err(key_problem)?.key;
    let rules = body.rules.unwrap_or(key.rules);
    let trusts_stated_amounts = body.trust_stated_amounts.unwrap_or(key.trust_stated_amounts);
    let now = cx.clock.now();
    let from = now.plus_ms(-i64::from(days) * DAY_MS);

    let matcher = RuleMatcher::new(&rules);
    let mut report = DryRunReport::new(&rules);
    for _ in 0..PAGES_MAX {
        let page = cx.store.list::<Decision>(caller.tenant(), None, cursor.as_ref(), PAGE_SIZE).await?;
        let recent = page.records.iter().take_while(|record| record.created_at >= from);
        let reported = recent.inspect(|record| {
            if record.spec.asked_by == id {
                let found = record.spec.matching_rule(&matcher, trusts_stated_amounts);
                report.add(&record.as_of(now), &rules, found);
            }
        });
        let reached_the_start = reported.count() < page.records.len();
        cursor = page.next.filter(|_| !reached_the_start);
        if cursor.is_none() {
            break;
        }
    }
    Ok(axum::Json(ResponseBody {
        from,
        until: now,
        decisions_seen: report.total,
        would_be_asked: report.unmatched,
        rules: report.rule_results(rules),
        decisions: report.listed,
        next_cursor: cursor.map(|cursor| cursor.encode()),
    }))
}

/// Result of a dry run: counts of all decisions, and a list of the first matches.
struct DryRunReport {
    total: usize,
    unmatched: usize,
    counts_by_rule: Vec<DryRunCounts>,
    listed: Vec<MatchedDecision>,
}

#[derive(Clone, Copy, Default)]
struct DryRunCounts {
    matches: usize,
    /// Matches that a person answered as the rule would have.
    agreements: usize,
    /// Matches that a person answered differently.
    disagreements: usize,
}

impl DryRunReport {
    fn new(rules: &[Rule]) -> Self {
        Self { total: 0, unmatched: 0, counts_by_rule: vec![DryRunCounts::default(); rules.len()], listed: Vec::new() }
    }

    /// Counts a decision, with the rule that would have answered it.
    fn add(&mut self, record: &Record<Decision>, rules: &[Rule], found: Option<RuleMatch>) {
        self.total += 1;
        let Some(rule_match) = found else {
            self.unmatched += 1;
            return;
        };
        let agrees = agrees_with_answer(record, &rule_match);
        if let Some(counts) =
            rules.iter().position(|rule| rule.name == rule_match.rule).and_then(|at| self.counts_by_rule.get_mut(at))
        {
            counts.matches += 1;
            counts.agreements += usize::from(agrees == Some(true));
            counts.disagreements += usize::from(agrees == Some(false));
        }
        if self.listed.len() < LISTED_MAX {
            let outcome = record.state_data.outcome();
            self.listed.push(MatchedDecision {
                id: record.id,
                action: record.spec.action.clone(),
                amount: record.spec.amount.clone(),
                created_at: record.created_at,
                status: view::status(record),
                resolved_by: outcome.map(|outcome| outcome.answer.resolved_by.clone()),
                resolved_via: answer_origin(record).map(|origin| origin.resolved_via),
                would: rule_match.effect,
                rule: rule_match.rule,
                agrees,
            });
        }
    }

    fn rule_results(&self, rules: Vec<Rule>) -> Vec<RuleResult> {
        let result = |(rule, counts): (Rule, &DryRunCounts)| RuleResult {
            name: rule.name,
            effect: rule.effect,
            would_settle: counts.matches,
            agreed_with_the_answer: counts.agreements,
            disagreed_with_the_answer: counts.disagreements,
        };
        rules.into_iter().zip(&self.counts_by_rule).map(result).collect()
    }
}

/// Returns `true` if a person answered as the rule would have, and `None` if no person answered.
fn agrees_with_answer(record: &Record<Decision>, rule_match: &RuleMatch) -> Option<bool> {
    let is_approved = match &record.state_data.phase {
        _ if record.spec.policy.is_some() => return None,
        Phase::Approved(_) | Phase::Scheduled(_) => true,
        // A modification agrees with neither an approval nor a denial.
        Phase::Modified(_) => return Some(false),
        Phase::Denied(_) => false,
        Phase::Pending | Phase::Escalated | Phase::Expired(_) => return None,
    };
    Some(is_approved == (rule_match.effect == RuleEffect::Approve))
}
