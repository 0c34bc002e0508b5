//! Error responses of the routes API: `{"detail": text}`, and for invalid fields `{"detail": [field errors]}`.

use axum::response::{IntoResponse, Response};
use handrail_domain::field_error::{FieldError, RequestPart};
use handrail_packet_records::PacketCreationError;
use handrail_records::transition::TransitionError;
use handrail_store::BODY_PACKED_BYTES_MAX;
use handrail_web::problem::ErrorRenderer;
use handrail_web::problem::{Problem, RequestId};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(crate) const ERROR_RENDERER: ErrorRenderer = ErrorRenderer(render_error);

fn render_error(problem: &Problem, id: Option<&RequestId>) -> Response {
    if let Problem::Invalid(errors) = problem
        && errors.iter().all(|error| matches!(error.part, RequestPart::Body | RequestPart::Query | RequestPart::Path))
    {
        let detail = Detail::Fields(errors.iter().map(FieldErrorBody::new).collect());
        return (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(ErrorBody::new(detail))).into_response();
    }
    let text = match problem {
        Problem::NoCredentials | Problem::UnknownApiKey | Problem::RevokedApiKey => "Not authenticated".to_owned(),
        Problem::NoRoute => "Not Found".to_owned(),
        Problem::MethodNotAllowed => "Method Not Allowed".to_owned(),
        Problem::Busy { .. } => "The communication hub is not available: please try again in a moment".to_owned(),
        Problem::Internal => "Internal server error".to_owned(),
        Problem::ExpiredApiKey
        | Problem::MissingScope { .. }
        | Problem::NotFound { .. }
        | Problem::Invalid(_)
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. }
        | Problem::InProgress { .. }
        | Problem::Refused { .. } => problem.message(),
    };
    let mut body = ErrorBody::new(Detail::Text(text));
    match problem {
        Problem::Refused { details, .. } => body.details = details.clone(),
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
        | Problem::Invalid(_)
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. }
        | Problem::InProgress { .. } => {}
    }
    (problem.status(), axum::Json(body)).into_response()
}

/// Returns the problem of a handoff whose packet was not created.
pub(crate) fn creation_problem(error: PacketCreationError) -> Problem {
    let too_large = |size| {
        Problem::refused(StatusCode::PAYLOAD_TOO_LARGE, "", format!("The packet would be too large, with {size}"))
    };
    match error {
        PacketCreationError::TooLarge { bytes } => too_large(format!("{bytes} bytes")),
        PacketCreationError::ApproverNotAllowed(error) => Problem::Invalid(vec![error]),
        PacketCreationError::Access(error) => error.into(),
        PacketCreationError::Transition(TransitionError::TooLarge) => {
            too_large(format!("more than {BODY_PACKED_BYTES_MAX} bytes packed"))
        }
        PacketCreationError::Transition(other) => Problem::from_transition(other, "Packet", |_| Problem::Internal),
    }
}

/// Longest input that an error repeats, so that large inputs don't fill the logs of clients.
const INPUT_BYTES_MAX: usize = 1_000;

/// Body of an error response.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RoutesError")]
pub(crate) struct ErrorBody {
    detail: Detail,
    /// Id of the request in the log, if the service failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Option<String>>,
    #[serde(flatten)]
    details: Map<String, Value>,
}

impl ErrorBody {
    fn new(detail: Detail) -> Self {
        Self { detail, request_id: None, details: Map::new() }
    }
}

/// What is wrong.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "RoutesErrorDetail")]
enum Detail {
    Text(String),
    Fields(Vec<FieldErrorBody>),
}

/// Field error in the published format of validation errors.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RoutesFieldError")]
struct FieldErrorBody {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Part of the request, then the names and positions that lead to the field.
    loc: Vec<Value>,
    msg: String,
    /// The invalid value.
    input: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<ErrorContext>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RoutesErrorContext")]
struct ErrorContext {
    error: String,
}

impl FieldErrorBody {
    fn new(error: &FieldError) -> Self {
        let path = error.path.iter().map(|segment| json!(segment));
        Self {
            kind: error.kind,
            loc: std::iter::once(error.part.name().into()).chain(path).collect(),
            msg: error.message.clone(),
            input: error.input.as_deref().map(shorten_input),
            ctx: error.reason.as_ref().map(|reason| ErrorContext { error: reason.to_string() }),
        }
    }
}

fn shorten_input(input: &Value) -> Value {
    let text = match input {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() <= INPUT_BYTES_MAX {
        return input.clone();
    }
    let end = (0..=INPUT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end]).into()
}

pub(crate) fn not_found(message: String) -> Problem {
    Problem::refused(StatusCode::NOT_FOUND, "", message)
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use handrail_platform::fault::Fault;
    use handrail_web::problem;
    use http::header::RETRY_AFTER;

    use super::*;

    #[tokio::test]
    async fn busy_returns_503_and_internal_error_returns_500() {
        let id = RequestId("0123".to_owned());
        for (fault, status, retry_after) in [
            (Fault::Busy("the table throttles".into()), 503, Some("1")),
            (Fault::internal("item 17 of ann@example.com can't be read"), 500, None),
        ] {
            let response = problem::render_error(ERROR_RENDERER, Some(&id), Problem::from(fault).into_response());
            assert_eq!(response.status(), status);
            assert_eq!(response.headers().get(RETRY_AFTER).map(|seconds| seconds.to_str().unwrap()), retry_after);
            let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1_000).await.unwrap()).unwrap();
            assert!(body["detail"].is_string() && !body.to_string().contains("ann@example.com"), "{body}");
        }
    }

    #[test]
    fn field_error_contains_shortened_input() {
        let input_json = |input: Value| {
            FieldErrorBody::new(&FieldError::new(["toAgent"], "m", "string_type").with_input(input)).input.unwrap()
        };
        assert_eq!(input_json(json!({"a": 1})), json!({"a": 1}));
        let long = input_json(json!(["ü".repeat(10_000)]));
        assert!(long.as_str().unwrap().len() <= INPUT_BYTES_MAX + '…'.len_utf8());
    }
}
