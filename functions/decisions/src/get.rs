//! `GET /decisions/{id}`: returns a decision. Changes nothing: an overdue decision reads as expired without a write.
//!
//! With `?wait=25` the response comes when the decision changes, or after 25 seconds.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::{Decision, State as DecisionState};
use handrail_domain::ids::{RecordId, TenantId, hex};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{PathParam, PublicOrigin};
use handrail_web::problem::Problem;
use handrail_web::record_reads::limited_read;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::door::DOOR;
use crate::file_links::FileLinks;
use crate::view::{self, DecisionView};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-get",
    method: HttpMethod::Get,
    path: "/decisions/{id}",
    auth: Auth::ApiKey(Scope::DecisionsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Files), RequiredSetting::Origin],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::WaitForChange],
    summary: "Get a decision, or wait until it changes",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    let if_none_match = "ETags of the decision that the client has: with one of them the response is empty";
    Description::of(handler).header("If-None-Match", if_none_match).json::<DecisionView>(200).empty(304)
}

pub(crate) const DECISION_NOT_FOUND: Problem = Problem::NotFound { resource: "Decision" };

/// Longest wait, in seconds. API Gateway and the published clients give up after 30 seconds.
const WAIT_SECONDS_MAX: u32 = 25;
/// Time between two reads of a waiting request, which notices changes by other processes only by reading.
const POLL_INTERVAL_MS: i64 = 1_000;

#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// Whole seconds from 0 to 25 to wait for a change.
    wait: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsRead>,
    PathParam(id): PathParam,
    PublicOrigin(origin): PublicOrigin,
    query: Result<Query<QueryParams>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    let wait_ms = query.ok().and_then(|Query(query)| query.wait).map_or(Ok(0), |text| parse_wait_ms(&text))?;
    let known_etags = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let read = poll(&cx, &origin, caller.key.tenant, id, wait_ms, known_etags);
    let view = limited_read(&cx, &caller.key, id, read).await?;
    let mut response = if view.has_matching_etag(known_etags) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([("content-type", "application/json")], view.body).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&view.etag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

fn parse_wait_ms(text: &str) -> Result<i64, Problem> {
    let seconds = text.parse::<u32>().ok().filter(|seconds| *seconds <= WAIT_SECONDS_MAX);
    let message = format!("must be whole seconds from 0 to {WAIT_SECONDS_MAX}");
    seconds.map(|seconds| i64::from(seconds) * 1_000).ok_or_else(|| Problem::invalid("wait", message))
}

/// Response body of a decision, with its ETag.
struct CurrentView {
    state: DecisionState,
    status: &'static str,
    body: String,
    etag: String,
}

impl CurrentView {
    fn new(cx: &Cx, origin: &str, record: &Record<Decision>, now: Timestamp) -> Result<Self, Problem> {
        let current = record.as_of(now);
        let view = DecisionView::new(&current, now, &FileLinks::new(cx.key(KeyPurpose::Files)?, origin, now));
        let body = serde_json::to_string(&view).map_err(|_| Problem::Internal)?;
        let etag = format!("\"{}\"", &hex(&Sha256::digest(&body))[..32]);
        Ok(Self { state: current.state(), status: view::status(&current), body, etag })
    }

    /// Returns `true` if the client's `If-None-Match` header lists the ETag.
    fn has_matching_etag(&self, known_etags: Option<&str>) -> bool {
        known_etags.is_some_and(|known_etags| {
            known_etags
                .split(',')
                .map(|tag| tag.trim().trim_start_matches("W/"))
                .any(|tag| tag == "*" || tag == self.etag)
        })
    }
}

/// Reads the decision until it changes, is closed, or `wait_ms` is over.
async fn poll(
    cx: &Cx,
    origin: &str,
    tenant: TenantId,
    id: RecordId,
    wait_ms: i64,
    known_etags: Option<&str>,
) -> Result<CurrentView, Problem> {
    // Subscribes before the first read, so that no later change is missed.
    let mut changes = cx.notifier.subscribe();
    let wait_until = cx.clock.now().plus_ms(wait_ms);
    let mut first = None;
    loop {
        let record = cx.store.record::<Decision>(tenant, id).await?.ok_or(DECISION_NOT_FOUND)?;
        let now = cx.clock.now();
        let view = CurrentView::new(cx, origin, &record, now)?;
        let first_status = *first.get_or_insert(view.status);
        let is_open = matches!(view.state, DecisionState::Pending | DecisionState::Escalated);
        let has_changed = match known_etags {
            Some(_) => !view.has_matching_etag(known_etags),
            None => view.status != first_status,
        };
        if !is_open || has_changed || now >= wait_until {
            return Ok(view);
        }
        let next_poll = now.plus_ms(POLL_INTERVAL_MS);
        let next = record.due().map_or(next_poll, |due| next_poll.min(due.at)).min(wait_until);
        tokio::select! {
            () = changes.changed(id) => {}
            () = cx.clock.sleep_until(next) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{AGENT, MINUTE_MS, NOON, TestApp};

    #[tokio::test]
    async fn get_returns_the_full_decision() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let response = app.call(ENDPOINT, &format!("/decisions/{id}"), AGENT, Value::Null).await;
        let expected = json!({
            "id": id,
            "status": "pending",
            "action": "Refund order 1234",
            "context": "Wrong size, twice.",
            "approver": "ann@example.com",
            "urgency": "medium",
            "channel": "email",
            "options": ["approve", "deny", "modify"],
            "timeout_minutes": 60,
            "amount": null,
            "callback_url": "https://agent.example/hook",
            "enforce": false,
            "created_at": NOON,
            "expires_at": NOON.plus_ms(60 * MINUTE_MS),
            "resolved_at": null,
            "resolved_by": null,
            "response_notes": null,
            "response_data": null,
            "execute_at": null,
            "response_type": null,
            "context_images": null,
            "attachments": [],
            "action_hash": app.record(id).await.spec.action_hash(),
        });
        assert_eq!((response.status.as_u16(), response.json), (200, expected));
    }

    #[tokio::test]
    async fn overdue_decision_reads_as_expired_without_a_write() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let before = app.record(id).await;
        app.advance(60);
        let response = app.call(ENDPOINT, &format!("/decisions/{id}"), AGENT, Value::Null).await;
        assert_eq!((response.status.as_u16(), &response.json["status"]), (200, &json!("expired")));
        assert_eq!(app.record(id).await, before);
    }
}
