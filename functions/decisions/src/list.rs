//! `GET /decisions`: lists the tenant's decisions, newest first.

use axum::extract::{Query, State};
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::{Decision, State as DecisionState};
use handrail_secrets::keys::KeyPurpose;
use handrail_store::Cursor;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PublicOrigin;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::door::DOOR;
use crate::file_links::FileLinks;
use crate::view::DecisionView;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-list",
    method: HttpMethod::Get,
    path: "/decisions",
    auth: Auth::ApiKey(Scope::DecisionsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Files), RequiredSetting::Origin],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ListByKind,
        DataAccess::ListByState,
    ],
    summary: "List decisions, newest first, optionally by status",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

const LIMIT_DEFAULT: usize = 20;
/// Largest page: so many decisions of the largest size fit the 6 MB that a function may return.
const LIMIT_MAX: usize = 50;

#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// One of pending, escalated, approved, denied, modified, scheduled, expired.
    status: Option<String>,
    /// Decisions of the page: 1 to 50.
    limit: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// Page of decisions.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DecisionList")]
struct ResponseBody {
    decisions: Vec<DecisionView>,
    /// Cursor of the next page; null on the last.
    next_cursor: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsRead>,
    PublicOrigin(origin): PublicOrigin,
    query: Result<Query<QueryParams>, axum::extract::rejection::QueryRejection>,
) -> Result<axum::Json<ResponseBody>, Problem> {
    let Query(query) = query.map_err(|_| Problem::invalid_request("The query can't be read"))?;
    let state = query.status.as_deref().map(parse_state).transpose()?;
    let limit = query.limit.as_deref().map_or(Ok(LIMIT_DEFAULT), parse_limit)?;
    let cursor = query.cursor.as_deref().map(parse_cursor).transpose()?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let page = cx.store.list::<Decision>(caller.key.tenant, state, cursor.as_ref(), limit).await?;
    let now = cx.clock.now();
    let current = page.records.iter().map(|record| record.as_of(now));
    // The index keeps an expired decision under its old state until the timer writes the new one.
    let matching = current.filter(|record| state.is_none_or(|state| record.state() == state));
    let links = FileLinks::new(cx.key(KeyPurpose::Files)?, &origin, now);
    let decisions = matching.map(|record| DecisionView::new(&record, now, &links)).collect();
    Ok(axum::Json(ResponseBody { decisions, next_cursor: page.next.map(|cursor| cursor.encode()) }))
}

fn parse_state(name: &str) -> Result<DecisionState, Problem> {
    DecisionState::from_name(name).ok_or_else(|| {
        let names = DecisionState::ALL.map(DecisionState::name).join(", ");
        Problem::invalid("status", format!("must be one of {names}"))
    })
}

fn parse_limit(text: &str) -> Result<usize, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| Problem::invalid("limit", format!("must be a number from 1 to {LIMIT_MAX}")))
}

fn parse_cursor(text: &str) -> Result<Cursor, Problem> {
    Cursor::parse(text).ok_or_else(|| {
        Problem::invalid("cursor", "is not a valid cursor: leave it out to start with the newest decision")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AGENT, TestApp, TestResponse};
    use serde_json::Value;

    async fn list_decisions(app: &TestApp, query: &str) -> TestResponse {
        app.call(ENDPOINT, &format!("/decisions{query}"), AGENT, Value::Null).await
    }

    fn decision_ids(page: &TestResponse) -> Vec<&str> {
        let decisions = page.json["decisions"].as_array().unwrap();
        decisions.iter().map(|decision| decision["id"].as_str().unwrap()).collect()
    }

    #[tokio::test]
    async fn pages_run_from_newest_to_oldest() {
        let app = TestApp::new().await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.insert(0, app.create_decision().await.to_string());
            app.advance(1);
        }
        let first = list_decisions(&app, "?limit=2").await;
        assert_eq!(decision_ids(&first), ids[..2]);
        let cursor = first.json["next_cursor"].as_str().unwrap();
        let second = list_decisions(&app, &format!("?limit=2&cursor={cursor}")).await;
        assert_eq!(decision_ids(&second), ids[2..]);
        assert_eq!(second.json["next_cursor"], Value::Null);
    }

    #[tokio::test]
    async fn expired_decision_is_not_listed_as_pending() {
        let app = TestApp::new().await;
        let old = app.create_decision().await.to_string();
        app.advance(59);
        let young = app.create_decision().await.to_string();
        assert_eq!(decision_ids(&list_decisions(&app, "?status=pending").await), [young.as_str(), &old]);
        app.advance(1);
        assert_eq!(decision_ids(&list_decisions(&app, "?status=pending").await), [young.as_str()]);
        assert_eq!(list_decisions(&app, "").await.json["decisions"][1]["status"], "expired");
    }

    #[tokio::test]
    async fn invalid_query_is_refused_by_field() {
        let app = TestApp::new().await;
        for (query, field) in [
            ("?status=open", "status"),
            ("?limit=0", "limit"),
            ("?limit=51", "limit"),
            ("?limit=many", "limit"),
            ("?cursor=1", "cursor"),
        ] {
            let response = list_decisions(&app, query).await;
            assert_eq!(response.error(), (400, "VALIDATION_ERROR"), "{query}");
            assert_eq!(response.json["field"], field);
        }
    }
}
