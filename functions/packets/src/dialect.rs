//! How this door words what went wrong: `{"detail": text}`, always a JSON object. Published clients try again on anything
//! else.

use axum::response::{IntoResponse, Response};
use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Flaw, Refusal, State};
use handrail_kernel::endpoint::Dialect;
use handrail_kernel::problem::{Problem, RequestId};
use http::StatusCode;
use serde_json::{Map, Value, json};

pub const DIALECT: Dialect = Dialect(worded);

fn worded(problem: &Problem, id: Option<&RequestId>) -> Response {
    let mut body = Map::from_iter([("detail".to_owned(), Value::String(detail(problem)))]);
    match problem {
        Problem::Invalid { field, message } => {
            body.insert("field".to_owned(), field.as_deref().into());
            body.insert("errors".to_owned(), json!([{"loc": ["body"], "msg": message, "type": "value_error"}]));
        }
        Problem::RateLimited { .. } => {
            body.insert("field".to_owned(), "rate_limit".into());
        }
        Problem::Refused { details, .. } => body.extend(details.clone()),
        Problem::Busy { .. } | Problem::Broken => {
            body.insert("request_id".to_owned(), id.map(|id| id.0.as_str()).into());
        }
        Problem::NoCredentials
        | Problem::UnknownKey
        | Problem::KeyMayNot { .. }
        | Problem::NotFound { .. }
        | Problem::NoRoute
        | Problem::MethodNotAllowed
        | Problem::TooLarge { .. } => {}
    }
    (problem.status(), axum::Json(Value::Object(body))).into_response()
}

fn detail(problem: &Problem) -> String {
    match problem {
        Problem::NoCredentials => "Missing X-API-Key header".to_owned(),
        Problem::UnknownKey => "Invalid API key".to_owned(),
        Problem::NoRoute => "Not Found".to_owned(),
        Problem::MethodNotAllowed => "Method Not Allowed".to_owned(),
        Problem::KeyMayNot { .. }
        | Problem::NotFound { .. }
        | Problem::Invalid { .. }
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. }
        | Problem::Refused { .. }
        | Problem::Busy { .. }
        | Problem::Broken => problem.message(),
    }
}

/// Where a flaw is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Body,
    Query,
    Path,
}

impl Part {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Query => "query",
            Self::Path => "path",
        }
    }
}

/// 400 with everything that is wrong. The first of it is the `field` and is told in the `detail`.
pub(crate) fn flawed(part: Part, flaws: &[Flaw]) -> Problem {
    let errors: Vec<Value> = flaws
        .iter()
        .map(|flaw| {
            let mut loc = vec![Value::from(part.name())];
            loc.extend(flaw.path.iter().map(|step| json!(step)));
            json!({"loc": loc, "msg": flaw.message, "type": flaw.kind})
        })
        .collect();
    let (field, message) = match flaws.first() {
        Some(flaw) if flaw.path.is_empty() => (Value::Null, flaw.message.clone()),
        Some(flaw) => (flaw.field().into(), format!("{}: {}", flaw.field(), flaw.message)),
        None => (Value::Null, "The request can't be read".to_owned()),
    };
    let details = Map::from_iter([("field".to_owned(), field), ("errors".to_owned(), errors.into())]);
    Problem::Refused { status: StatusCode::BAD_REQUEST, code: "", message, details }
}

/// One flaw, of a query's or a path's parameter.
pub(crate) fn flawed_at(part: Part, name: &'static str, message: impl Into<String>, kind: &'static str) -> Problem {
    flawed(part, &[Flaw::new(&[handrail_domain::packet::Step::Member(name)], message, kind)])
}

pub(crate) fn refuse(status: StatusCode, message: impl Into<String>) -> Problem {
    Problem::refused(status, "", message)
}

pub(crate) fn not_found(id: RecordId) -> Problem {
    refuse(StatusCode::NOT_FOUND, format!("Packet {id} not found"))
}

/// A refusal of the domain.
pub(crate) fn refused(id: RecordId, refusal: &Refusal) -> Problem {
    let status = match refusal {
        Refusal::NoTransition { .. } | Refusal::NotClaimable { .. } | Refusal::NoCheckpoint => StatusCode::BAD_REQUEST,
        Refusal::AlreadyClaimed { .. }
        | Refusal::ClaimLapsed
        | Refusal::WaitsForHuman
        | Refusal::AlreadyExpired
        | Refusal::NotAwaiting { .. }
        | Refusal::NotDue => StatusCode::CONFLICT,
        Refusal::NotTheirs => StatusCode::FORBIDDEN,
        Refusal::Expired | Refusal::AnswerTimedOut { .. } => StatusCode::GONE,
        Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        // Others write faster than this could be made again.
        Refusal::Stale => return Problem::Busy { retry_after_s: 1 },
    };
    match refusal {
        // Clients look in here for who was faster.
        Refusal::AlreadyClaimed { by } => {
            let claimed_by = json!({"id": by.id, "name": by.name, "framework": by.framework});
            let detail = json!({"message": message(id, refusal), "claimed_by": claimed_by});
            let details = Map::from_iter([("detail".to_owned(), detail)]);
            Problem::Refused { status, code: "", message: message(id, refusal), details }
        }
        _ => refuse(status, message(id, refusal)),
    }
}

/// What a refusal says for itself.
fn message(id: RecordId, refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoTransition { from, to, allowed } => {
            let allowed: Vec<String> = allowed.iter().map(|state| format!("'{}'", state.name())).collect();
            let (from, to) = (from.name(), to.name());
            let allowed = allowed.join(", ");
            format!("Cannot transition from '{from}' to '{to}'. Allowed transitions from '{from}': [{allowed}]")
        }
        Refusal::AlreadyClaimed { .. } => format!("Packet {id} is already claimed"),
        Refusal::NotClaimable { state } => format!("Cannot claim from status '{}'", state.name()),
        Refusal::ClaimLapsed => {
            format!("The lease of this claim of packet {id} lapsed: claim it again, under another Idempotency-Key")
        }
        Refusal::WaitsForHuman => {
            format!("Packet {id} is in '{}' status: a person has to respond first", State::AwaitingHuman.name())
        }
        Refusal::Expired => format!("Packet {id} has expired"),
        Refusal::AlreadyExpired => format!("Packet {id} is already expired"),
        Refusal::NotAwaiting { state } => {
            format!("Packet is in '{}' status, not 'awaiting_human'. Cannot respond.", state.name())
        }
        Refusal::NoCheckpoint => "Packet has no HITL checkpoint to respond to".to_owned(),
        Refusal::AnswerTimedOut { at } => format!("Packet {id} has expired: its checkpoint timed out at {at}"),
        Refusal::TooLarge { bytes } => format!("Packet {id} would hold {bytes} bytes, which is too much"),
        Refusal::Stale => "The packet is being changed by others".to_owned(),
        Refusal::NotDue => "Not yet".to_owned(),
        Refusal::NotTheirs => "This is not yours to do".to_owned(),
    }
}

/// The same as an entry of a batch's errors.
pub(crate) fn entry(id: RecordId, refusal: &Refusal) -> String {
    match refusal {
        Refusal::AlreadyClaimed { by } => format!("Already claimed by {}", by.id),
        Refusal::WaitsForHuman => format!("Cannot claim from status '{}'", State::AwaitingHuman.name()),
        other => message(id, other),
    }
}
