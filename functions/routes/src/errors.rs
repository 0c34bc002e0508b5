//! Error responses of the routes API: `{"detail": text}`, and for an invalid body `{"detail": [field errors]}`.

use axum::response::{IntoResponse, Response};
use handrail_web::problem::ErrorRenderer;
use handrail_web::problem::{Problem, RequestId};
use http::StatusCode;
use serde_json::{Map, Value, json};

pub const ERROR_RENDERER: ErrorRenderer = ErrorRenderer(render_error);

fn render_error(problem: &Problem, id: Option<&RequestId>) -> Response {
    let text = match problem {
        Problem::NoCredentials | Problem::UnknownApiKey => "Not authenticated".to_owned(),
        Problem::NoRoute => "Not Found".to_owned(),
        Problem::MethodNotAllowed => "Method Not Allowed".to_owned(),
        Problem::Busy { .. } => "The communication hub is not available: please try again in a moment".to_owned(),
        Problem::Internal => "Internal server error".to_owned(),
        Problem::ExpiredApiKey
        | Problem::MissingScope { .. }
        | Problem::NotFound { .. }
        | Problem::Invalid { .. }
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. }
        | Problem::Refused { .. } => problem.message(),
    };
    let mut body = Map::from_iter([("detail".to_owned(), Value::String(text))]);
    match problem {
        Problem::Refused { details, .. } => body.extend(details.clone()),
        Problem::Busy { .. } | Problem::Internal => {
            body.insert("request_id".to_owned(), id.map(|id| id.0.as_str()).into());
        }
        Problem::NoCredentials
        | Problem::UnknownApiKey
        | Problem::ExpiredApiKey
        | Problem::MissingScope { .. }
        | Problem::NotFound { .. }
        | Problem::NoRoute
        | Problem::MethodNotAllowed
        | Problem::Invalid { .. }
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. } => {}
    }
    (problem.status(), axum::Json(Value::Object(body))).into_response()
}

/// One invalid field of a request, in the published format of validation errors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldError {
    kind: &'static str,
    location: Vec<Value>,
    message: String,
    input: Value,
    reason: Option<String>,
}

/// Longest input that an error repeats, so that large inputs don't fill the logs of clients.
const INPUT_BYTES_MAX: usize = 1_000;

impl FieldError {
    /// Creates an error at a field of the body, or of the whole body.
    pub(crate) fn new(kind: &'static str, field: Option<&str>, msg: impl Into<String>, input: &Value) -> Self {
        let location = std::iter::once("body").chain(field).map(Value::from).collect();
        Self { kind, location, message: msg.into(), input: shorten_input(input), reason: None }
    }

    pub(crate) fn at_position(mut self, position: usize) -> Self {
        self.location.push(position.into());
        self
    }

    pub(crate) fn with_reason(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// Moves the error from the body to the query.
    pub(crate) fn in_query(mut self) -> Self {
        if let Some(part) = self.location.first_mut() {
            *part = "query".into();
        }
        self
    }

    fn into_json(self) -> Value {
        let mut entry = json!({"type": self.kind, "loc": self.location, "msg": self.message, "input": self.input});
        if let Some(reason) = self.reason {
            entry["ctx"] = json!({"error": reason});
        }
        entry
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

/// Response 422 with all field errors.
pub(crate) fn validation_error(field_errors: Vec<FieldError>) -> Problem {
    let field_errors: Vec<Value> = field_errors.into_iter().map(FieldError::into_json).collect();
    Problem::Refused {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        code: "",
        message: "The request is not valid".to_owned(),
        details: Map::from_iter([("detail".to_owned(), field_errors.into())]),
    }
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
        let input_json =
            |input: Value| FieldError::new("string_type", Some("toAgent"), "m", &input).into_json()["input"].clone();
        assert_eq!(input_json(json!({"a": 1})), json!({"a": 1}));
        let long = input_json(json!(["ü".repeat(10_000)]));
        assert!(long.as_str().unwrap().len() <= INPUT_BYTES_MAX + '…'.len_utf8());
    }
}
