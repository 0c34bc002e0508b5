//! Error responses of the packets API: a JSON object with `detail`. Published clients retry on any other body.

use axum::response::{IntoResponse, Response};
use handrail_domain::access::{Role, Scope};
use handrail_domain::field_error::{FieldError, RequestPart};
use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Refusal, State};
use handrail_domain::text::one_line;
use handrail_web::problem::ErrorRenderer;
use handrail_web::problem::{Problem, RequestId};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(crate) const ERROR_RENDERER: ErrorRenderer = ErrorRenderer(render_error);

fn render_error(problem: &Problem, id: Option<&RequestId>) -> Response {
    let mut body = ErrorBody { detail: Value::String(error_detail(problem)), ..ErrorBody::default() };
    match problem {
        // `field` and `detail` describe the first error.
        Problem::Invalid(errors) => {
            body.field = Some(errors.first().filter(|error| !error.path.is_empty()).map(FieldError::field));
            body.errors = Some(errors.iter().map(FieldErrorBody::new).collect());
        }
        Problem::RateLimited { .. } => {
            body.field = Some(Some("rate_limit".to_owned()));
        }
        Problem::Refused { details, .. } => {
            body.details = details.clone();
            // A detail with members takes the place of the text.
            if let Some(detail) = body.details.shift_remove("detail") {
                body.detail = detail;
            }
        }
        Problem::Busy { .. } | Problem::Internal => {
            body.request_id = Some(id.map(|id| id.0.clone()));
        }
        Problem::NoCredentials
        | Problem::UnknownApiKey
        | Problem::RevokedApiKey
        | Problem::ExpiredApiKey
        | Problem::MissingScope { .. }
        | Problem::NotFound { .. }
        | Problem::NoRoute
        | Problem::MethodNotAllowed
        | Problem::TooLarge { .. }
        | Problem::InProgress { .. } => {}
    }
    let status = match problem {
        Problem::RevokedApiKey => StatusCode::FORBIDDEN,
        _ => problem.status(),
    };
    (status, axum::Json(body)).into_response()
}

fn missing_scope_detail(scope: Scope, role: Role) -> String {
    let missing = match role.allows(scope) {
        true => format!("Required scope: {}", scope.name()),
        false => format!("Required role: {}, current role: {}", scope.lowest_packet_role().name(), role.name()),
    };
    format!("Insufficient permissions. {missing}")
}

/// Body of an error response.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "PacketsError")]
pub(crate) struct ErrorBody {
    /// What is wrong: a text, or an object with the text as its `message`.
    #[schemars(with = "ErrorDetail")]
    detail: Value,
    /// First invalid field, or null for the request as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Option<String>>,
    /// All invalid fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldErrorBody>>,
    /// Id of the request in the log, if the service failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Option<String>>,
    /// What the error is about, such as the tier whose limit is reached.
    #[serde(flatten)]
    details: Map<String, Value>,
}

#[derive(JsonSchema)]
#[schemars(untagged, rename = "PacketsErrorDetail")]
#[expect(dead_code, reason = "only its schema is used")]
enum ErrorDetail {
    Text(String),
    Claimed { message: String, claimed_by: Map<String, Value> },
}

/// An invalid field.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PacketsFieldError")]
struct FieldErrorBody {
    /// Part of the request, then the names and positions that lead to the field.
    loc: Vec<Value>,
    msg: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl FieldErrorBody {
    fn new(error: &FieldError) -> Self {
        let path = error.path.iter().map(|segment| json!(segment));
        let loc = std::iter::once(error.part.name().into()).chain(path).collect();
        Self { loc, msg: error.message.clone(), kind: error.kind }
    }
}

/// Returns the text of an error response, or of an entry in the `errors` list of a batch response.
pub(crate) fn error_detail(problem: &Problem) -> String {
    match problem {
        Problem::Invalid(errors) => match errors.first() {
            // The message of a header follows its name.
            Some(error) if error.path.is_empty() || error.part == RequestPart::Header => problem.message(),
            Some(error) => format!("{}: {}", error.field(), error.message),
            None => problem.message(),
        },
        Problem::NoCredentials => "Missing X-API-Key header".to_owned(),
        Problem::UnknownApiKey => "Invalid API key".to_owned(),
        Problem::RevokedApiKey => "API key has been revoked".to_owned(),
        Problem::ExpiredApiKey => "API key has expired".to_owned(),
        Problem::NoRoute => "Not Found".to_owned(),
        Problem::MethodNotAllowed => "Method Not Allowed".to_owned(),
        Problem::MissingScope { scope, role, .. } => missing_scope_detail(*scope, *role),
        Problem::NotFound { .. }
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. }
        | Problem::InProgress { .. }
        | Problem::Refused { .. }
        | Problem::Busy { .. }
        | Problem::Internal => problem.message(),
    }
}

/// Builds a 400 response for one invalid query or path parameter.
pub(crate) fn field_error(
    part: RequestPart,
    name: &'static str,
    message: impl Into<String>,
    kind: &'static str,
) -> Problem {
    FieldError::new([name], message, kind).in_part(part).into()
}

pub(crate) fn error(status: StatusCode, message: impl Into<String>) -> Problem {
    Problem::refused(status, "", message)
}

/// Builds a 404 response for an id that may be any text.
pub(crate) fn id_not_found(resource: &str, id: &str) -> Problem {
    error(StatusCode::NOT_FOUND, format!("{resource} {} not found", one_line(id, REPORTED_ID_CHARS_MAX)))
}
/// Characters of an unknown id that an error message repeats.
const REPORTED_ID_CHARS_MAX: usize = 64;

pub(crate) fn packet_not_found(id: RecordId) -> Problem {
    error(StatusCode::NOT_FOUND, format!("Packet {id} not found"))
}

/// Converts a refusal of the domain into an HTTP error.
pub(crate) fn refusal_to_problem(id: RecordId, refusal: &Refusal) -> Problem {
    let status = match refusal {
        Refusal::NoTransition { .. } | Refusal::NotClaimable { .. } | Refusal::NoCheckpoint => StatusCode::BAD_REQUEST,
        Refusal::AlreadyClaimed { .. }
        | Refusal::ClaimExpired
        | Refusal::AwaitingHuman
        | Refusal::AlreadyExpired
        | Refusal::NotAwaiting { .. }
        | Refusal::TimerOnly => StatusCode::CONFLICT,
        Refusal::ActorNotAllowed | Refusal::AskerMayNotAnswer => StatusCode::FORBIDDEN,
        Refusal::Expired | Refusal::AnswerTimedOut { .. } => StatusCode::GONE,
        Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        // Other requests kept changing the packet while this request was retried.
        Refusal::VersionConflict => return Problem::Busy { retry_after_s: 1 },
    };
    match refusal {
        // Clients read the holder of the claim from `claimed_by`.
        Refusal::AlreadyClaimed { by } => {
            let claimed_by = json!({"id": by.id, "name": by.name, "framework": by.framework});
            let detail = json!({"message": refusal_message(id, refusal), "claimed_by": claimed_by});
            let details = Map::from_iter([("detail".to_owned(), detail)]);
            Problem::Refused { status, code: "", message: refusal_message(id, refusal), details }
        }
        _ => error(status, refusal_message(id, refusal)),
    }
}

/// Returns the message of a refusal.
fn refusal_message(id: RecordId, refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoTransition { from, to, allowed } => no_transition_message(*from, *to, allowed),
        Refusal::AlreadyClaimed { .. } => format!("Packet {id} is already claimed"),
        Refusal::NotClaimable { state } => no_transition_message(*state, State::Claimed, &state.allowed_transitions()),
        Refusal::ClaimExpired => {
            format!("The lease of this claim of packet {id} has lapsed. Claim it again with another Idempotency-Key")
        }
        Refusal::AwaitingHuman => {
            format!("Packet {id} is in '{}' status: a person has to respond first", State::AwaitingHuman.name())
        }
        Refusal::Expired => format!("Packet {id} has expired"),
        Refusal::AlreadyExpired => format!("Packet {id} is already expired"),
        Refusal::NotAwaiting { state } => {
            format!("Packet is in '{}' status, not 'awaiting_human'. Cannot respond.", state.name())
        }
        Refusal::NoCheckpoint => "Packet has no HITL checkpoint to respond to".to_owned(),
        Refusal::AnswerTimedOut { at } => format!("Packet {id} has expired: its checkpoint timed out at {at}"),
        Refusal::TooLarge { bytes } => format!("Packet {id} would be too large, with {bytes} bytes"),
        Refusal::VersionConflict => "The packet is being changed by other requests".to_owned(),
        Refusal::TimerOnly => "Only a timer may do this".to_owned(),
        Refusal::ActorNotAllowed => "The caller may not do this".to_owned(),
        Refusal::AskerMayNotAnswer => {
            "The key that asked may not answer in this account: answer with another key, or let the owner set askers_may_answer"
                .to_owned()
        }
    }
}

fn no_transition_message(from: State, to: State, allowed: &[State]) -> String {
    let allowed: Vec<String> = allowed.iter().map(|state| format!("'{}'", state.name())).collect();
    let (from, to, allowed) = (from.name(), to.name(), allowed.join(", "));
    format!("Cannot transition from '{from}' to '{to}'. Allowed transitions from '{from}': [{allowed}]")
}

/// Returns the message of a refusal in the `errors` list of a batch response.
pub(crate) fn batch_error(id: RecordId, refusal: &Refusal) -> String {
    match refusal {
        Refusal::AlreadyClaimed { by } => format!("Already claimed by {}", by.id),
        Refusal::AwaitingHuman => format!("Cannot claim from status '{}'", State::AwaitingHuman.name()),
        Refusal::NotClaimable { state } => format!("Cannot claim from status '{}'", state.name()),
        other => refusal_message(id, other),
    }
}
