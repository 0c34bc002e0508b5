//! `GET /decisions/{id}`: how it stands. Never changes anything: what is overdue is seen as expired without being written.
//!
//! With `?wait=25` it answers when something has changed, or after so many seconds.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::decision::{Decision, State as DecisionState};
use handrail_domain::ids::{RecordId, TenantId, hex};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, OwnOrigin, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::dialect::DIALECT;
use crate::file_links::FileLinks;
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-get",
    method: Verb::Get,
    path: "/decisions/{id}",
    auth: Auth::Key(Scope::DecisionsRead),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::OwnOrigin],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read],
    summary: "See how a decision stands, or wait until that changes",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub(crate) const NOT_FOUND: Problem = Problem::NotFound { what: "Decision" };

/// API Gateway gives up after 30 seconds, and so do published clients.
const WAIT_SECONDS_MAX: u32 = 25;
/// How soon a request that waits notices what another process did.
const LOOK_AGAIN_MS: i64 = 1_000;

#[derive(Deserialize)]
struct Wanted {
    wait: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsRead>,
    Segment(id): Segment,
    OwnOrigin(origin): OwnOrigin,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    let wait_ms = wanted.ok().and_then(|Query(wanted)| wanted.wait).map_or(Ok(0), |text| wait_of(&text))?;
    spend(&cx, &caller.key, Budget::Reads(id)).await?;
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let shown = look(&cx, &origin, caller.key.tenant, id, wait_ms, known).await?;
    let mut response = if shown.is_known(known) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([("content-type", "application/json")], shown.body).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&shown.etag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

fn wait_of(text: &str) -> Result<i64, Problem> {
    let seconds = text.parse::<u32>().ok().filter(|seconds| *seconds <= WAIT_SECONDS_MAX);
    let message = format!("must be whole seconds from 0 to {WAIT_SECONDS_MAX}");
    seconds.map(|seconds| i64::from(seconds) * 1_000).ok_or_else(|| Problem::invalid("wait", message))
}

/// What a client gets to see, and the name of exactly that.
struct Shown {
    state: DecisionState,
    status: &'static str,
    body: String,
    etag: String,
}

impl Shown {
    fn of(cx: &Cx, origin: &str, record: &Record<Decision>, now: Timestamp) -> Result<Self, Problem> {
        let seen = record.seen_at(now);
        let body = view::whole(&seen, now, &FileLinks::new(cx.master()?, origin, now)).to_string();
        let etag = format!("\"{}\"", &hex(&Sha256::digest(&body))[..32]);
        Ok(Self { state: seen.state(), status: view::status(&seen), body, etag })
    }

    /// Does the client have it already?
    fn is_known(&self, known: Option<&str>) -> bool {
        known.is_some_and(|known| {
            known.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == "*" || tag == self.etag)
        })
    }
}

/// Looks once; and again, while there is time and nothing to tell.
async fn look(
    cx: &Cx,
    origin: &str,
    tenant: TenantId,
    id: RecordId,
    wait_ms: i64,
    known: Option<&str>,
) -> Result<Shown, Problem> {
    // Before the first look: what happens after it is heard.
    let mut bell = cx.doorbell.listen();
    let until = cx.clock.now().plus_ms(wait_ms);
    let mut first = None;
    loop {
        let record = cx.store.record::<Decision>(tenant, id).await?.ok_or(NOT_FOUND)?;
        let now = cx.clock.now();
        let shown = Shown::of(cx, origin, &record, now)?;
        let before = *first.get_or_insert(shown.status);
        let open = matches!(shown.state, DecisionState::Pending | DecisionState::Escalated);
        let news = match known {
            Some(_) => !shown.is_known(known),
            None => shown.status != before,
        };
        if !open || news || now >= until {
            return Ok(shown);
        }
        let soon = now.plus_ms(LOOK_AGAIN_MS);
        let next = record.due().map_or(soon, |due| soon.min(due.at)).min(until);
        tokio::select! {
            () = bell.heard(id) => {}
            () = cx.clock.until(next) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{AGENT, Desk, MINUTE_MS, NOON};

    #[tokio::test]
    async fn a_decision_is_shown_whole() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let seen = desk.call(ENDPOINT, &format!("/decisions/{id}"), AGENT, Value::Null).await;
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
        });
        assert_eq!((seen.status.as_u16(), seen.json), (200, expected));
    }

    #[tokio::test]
    async fn an_overdue_decision_is_seen_as_expired_and_nothing_is_written() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let before = desk.record(id).await;
        desk.advance(60);
        let seen = desk.call(ENDPOINT, &format!("/decisions/{id}"), AGENT, Value::Null).await;
        assert_eq!((seen.status.as_u16(), &seen.json["status"]), (200, &json!("expired")));
        assert_eq!(desk.record(id).await, before);
    }
}
