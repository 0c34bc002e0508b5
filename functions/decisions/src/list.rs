//! `GET /decisions`: the account's decisions, newest first.

use axum::extract::{Query, State};
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::decision::{Decision, State as DecisionState};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, OwnOrigin, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::ListingCursor;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::dialect::DIALECT;
use crate::file_links::FileLinks;
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-list",
    method: Verb::Get,
    path: "/decisions",
    auth: Auth::Key(Scope::DecisionsRead),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::OwnOrigin],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ListByKind, Touch::ListByState],
    summary: "List decisions, newest first, by status if wanted",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

const LIMIT_DEFAULT: usize = 20;
/// Whole decisions of the largest size still fit what a function may answer (6 MB).
const LIMIT_MAX: usize = 50;

#[derive(Deserialize)]
struct Wanted {
    status: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsRead>,
    OwnOrigin(origin): OwnOrigin,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<axum::Json<Value>, Problem> {
    let Query(wanted) =
        wanted.map_err(|_| Problem::Invalid { field: None, message: "The query can't be read".to_owned() })?;
    let state = wanted.status.as_deref().map(state_named).transpose()?;
    let limit = wanted.limit.as_deref().map_or(Ok(LIMIT_DEFAULT), limit_of)?;
    let cursor = wanted.cursor.as_deref().map(cursor_of).transpose()?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let page = cx.store.list::<Decision>(caller.key.tenant, state, cursor.as_ref(), limit).await?;
    let now = cx.clock.now();
    let seen = page.records.iter().map(|record| record.seen_at(now));
    // What expired a moment ago still lies under its old state until its timer writes it.
    let fitting = seen.filter(|record| state.is_none_or(|state| record.state() == state));
    let links = FileLinks::new(cx.master()?, &origin, now);
    let decisions: Vec<Value> = fitting.map(|record| view::whole(&record, now, &links)).collect();
    Ok(axum::Json(json!({"decisions": decisions, "next_cursor": page.next.map(|cursor| cursor.text())})))
}

fn state_named(name: &str) -> Result<DecisionState, Problem> {
    DecisionState::from_name(name).ok_or_else(|| {
        let names = DecisionState::ALL.map(DecisionState::name).join(", ");
        Problem::invalid("status", format!("must be one of {names}"))
    })
}

fn limit_of(text: &str) -> Result<usize, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| Problem::invalid("limit", format!("must be a number from 1 to {LIMIT_MAX}")))
}

fn cursor_of(text: &str) -> Result<ListingCursor, Problem> {
    ListingCursor::parse(text)
        .ok_or_else(|| Problem::invalid("cursor", "is not one that a list gave: leave it out to begin anew"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AGENT, Answer, Desk};

    async fn list(desk: &Desk, query: &str) -> Answer {
        desk.call(ENDPOINT, &format!("/decisions{query}"), AGENT, Value::Null).await
    }

    fn ids(page: &Answer) -> Vec<&str> {
        let decisions = page.json["decisions"].as_array().unwrap();
        decisions.iter().map(|decision| decision["id"].as_str().unwrap()).collect()
    }

    #[tokio::test]
    async fn pages_lead_from_the_newest_to_the_oldest() {
        let desk = Desk::new().await;
        let mut made = Vec::new();
        for _ in 0..3 {
            made.insert(0, desk.asked().await.to_string());
            desk.advance(1);
        }
        let first = list(&desk, "?limit=2").await;
        assert_eq!(ids(&first), made[..2]);
        let cursor = first.json["next_cursor"].as_str().unwrap();
        let second = list(&desk, &format!("?limit=2&cursor={cursor}")).await;
        assert_eq!(ids(&second), made[2..]);
        assert_eq!(second.json["next_cursor"], Value::Null);
    }

    #[tokio::test]
    async fn what_expired_a_moment_ago_is_not_listed_as_pending() {
        let desk = Desk::new().await;
        let old = desk.asked().await.to_string();
        desk.advance(59);
        let young = desk.asked().await.to_string();
        assert_eq!(ids(&list(&desk, "?status=pending").await), [young.as_str(), &old]);
        desk.advance(1);
        assert_eq!(ids(&list(&desk, "?status=pending").await), [young.as_str()]);
        assert_eq!(list(&desk, "").await.json["decisions"][1]["status"], "expired");
    }

    #[tokio::test]
    async fn a_query_that_means_nothing_is_refused_by_name() {
        let desk = Desk::new().await;
        for (query, field) in [
            ("?status=open", "status"),
            ("?limit=0", "limit"),
            ("?limit=51", "limit"),
            ("?limit=many", "limit"),
            ("?cursor=1", "cursor"),
        ] {
            let answer = list(&desk, query).await;
            assert_eq!(answer.refusal(), (400, "VALIDATION_ERROR"), "{query}");
            assert_eq!(answer.json["field"], field);
        }
    }
}
