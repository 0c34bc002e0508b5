//! `GET /api/v1/keys/{id}/usage`: returns how many requests of an API key were accepted and denied, by day and scope.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::api_keys;
use handrail_access::key_usage::{DayUsage, USAGE_DAYS_MAX, usage_of_key};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::field_error::RequestPart;
use handrail_domain::ids::KeyId;
use handrail_store::ScopeUsage;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{TenantParam, parse_key_id};
use crate::body::QueryString;
use crate::door::DOOR;
use crate::errors::field_error;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "keys-usage",
    method: HttpMethod::Get,
    path: "/api/v1/keys/{id}/usage",
    auth: Auth::ApiKey(Scope::KeysWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ReadKey,
        DataAccess::ReadUsageOfEach,
    ],
    summary: "Count the requests of an API key by day and scope",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

const DAYS_DEFAULT: u32 = 7;

#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// Tenant of the key. By default that of the caller.
    tenant_id: Option<String>,
    /// Days up to today.
    days: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::KeysWrite>,
    PathParam(id): PathParam,
    QueryString(params): QueryString<QueryParams>,
) -> Result<axum::Json<ResponseBody>, Problem> {
    let days = params.days.as_deref().map_or(Ok(DAYS_DEFAULT), parse_days)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let tenant = TenantParam { tenant_id: params.tenant_id };
    let rights = caller.rights();
    let found = api_keys::find(&cx, &rights, tenant.tenant(&rights)?, parse_key_id(&id)?).await;
    let key = found.map_err(|error| tenant.key_problem(error, &id))?.key;
    let usage = usage_of_key(&cx, key.id, days).await?;
    let (accepted, denied) = totals(usage.iter().flat_map(|day| &day.scopes));
    Ok(axum::Json(ResponseBody { key_id: key.id, accepted, denied, days: usage.iter().map(DayView::new).collect() }))
}

/// Requests of an API key.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeyUsage")]
struct ResponseBody {
    key_id: KeyId,
    accepted: u64,
    denied: u64,
    days: Vec<DayView>,
}

/// Requests of a day.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeyUsageOfDay")]
struct DayView {
    day: String,
    accepted: u64,
    denied: u64,
    by_scope: Vec<ScopeView>,
}

/// Requests of a day that needed a scope.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeyUsageOfScope")]
struct ScopeView {
    scope: &'static str,
    accepted: u64,
    denied: u64,
}

impl DayView {
    fn new(day: &DayUsage) -> Self {
        let (accepted, denied) = totals(&day.scopes);
        let view = |usage: &ScopeUsage| ScopeView {
            scope: usage.scope.name(),
            accepted: usage.accepted,
            denied: usage.denied,
        };
        Self { day: day.day.to_string(), accepted, denied, by_scope: day.scopes.iter().map(view).collect() }
    }
}

fn totals<'a>(usage: impl IntoIterator<Item = &'a ScopeUsage>) -> (u64, u64) {
    usage.into_iter().fold((0, 0), |(accepted, denied), usage| (accepted + usage.accepted, denied + usage.denied))
}

fn parse_days(text: &str) -> Result<u32, Problem> {
    let days = text.parse::<u32>().ok().filter(|days| (1..=USAGE_DAYS_MAX).contains(days));
    let message = || format!("Input should be a whole number from 1 to {USAGE_DAYS_MAX}");
    days.ok_or_else(|| field_error(RequestPart::Query, "days", message(), "int_parsing"))
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{ADMIN, AGENT, OPERATOR, TestApp, api_key, packet_body};

    const DAY_SECONDS: i64 = 24 * 60 * 60;

    #[tokio::test]
    async fn requests_are_counted_by_day_and_scope() {
        let app = TestApp::new().await;
        let path = format!("/api/v1/keys/{}/usage", api_key(Role::Agent).id);
        let list = || app.call(crate::list::ENDPOINT, "/api/v1/packets", AGENT, Value::Null);
        for _ in 0..3 {
            assert_eq!(list().await.status.as_u16(), 200);
        }
        let refused = app.call(crate::create::ENDPOINT, "/api/v1/packets", AGENT, packet_body()).await;
        assert_eq!(refused.status.as_u16(), 403);
        app.advance(DAY_SECONDS);
        assert_eq!(list().await.status.as_u16(), 200);
        let usage = app.call(ENDPOINT, &path, ADMIN, Value::Null).await;
        let expected = json!({
            "key_id": api_key(Role::Agent).id,
            "accepted": 4,
            "denied": 1,
            "days": [
                {
                    "day": "2026-09-22", "accepted": 1, "denied": 0,
                    "by_scope": [{"scope": "packets:read", "accepted": 1, "denied": 0}],
                },
                {
                    "day": "2026-09-21", "accepted": 3, "denied": 1,
                    "by_scope": [
                        {"scope": "packets:read", "accepted": 3, "denied": 0},
                        {"scope": "packets:write", "accepted": 0, "denied": 1},
                    ],
                },
            ],
        });
        assert_eq!((usage.status.as_u16(), &usage.json), (200, &expected));
        let today = app.call(ENDPOINT, &format!("{path}?days=1"), ADMIN, Value::Null).await;
        assert_eq!((&today.json["accepted"], today.json["days"].as_array().unwrap().len()), (&json!(1), 1));
    }

    #[tokio::test]
    async fn usage_is_for_admins_and_valid_queries() {
        let app = TestApp::new().await;
        let path = format!("/api/v1/keys/{}/usage", api_key(Role::Agent).id);
        assert_eq!(app.call(ENDPOINT, &path, AGENT, Value::Null).await.status.as_u16(), 403);
        assert_eq!(app.call(ENDPOINT, &path, OPERATOR, Value::Null).await.status.as_u16(), 404);
        let of_tenant = format!("{path}?tenant_id={}", api_key(Role::Agent).tenant);
        assert_eq!(app.call(ENDPOINT, &of_tenant, OPERATOR, Value::Null).await.status.as_u16(), 200);
        for days in ["0", "32", "x", "-1", ""] {
            let refused = app.call(ENDPOINT, &format!("{path}?days={days}"), ADMIN, Value::Null).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("days")), "{days}");
        }
    }
}
