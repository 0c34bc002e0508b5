//! Error responses of the JSON operations on decisions and on approvals in Slack: `{"error": text, "code": CODE}`.

use axum::response::{IntoResponse, Response};
use handrail_domain::attachment::ATTACHMENTS_MAX;
use handrail_domain::decision::{APPROVER_NOT_ALLOWED, Consumption, Refusal, UNSUPPORTED_CHANNEL};
use handrail_domain::field_error::FieldError;
use handrail_web::problem::ErrorRenderer;
use handrail_web::problem::{Problem, RequestId};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub const ERROR_RENDERER: ErrorRenderer = ErrorRenderer(render_error);

fn render_error(problem: &Problem, id: Option<&RequestId>) -> Response {
    let mut body = ErrorBody { error: problem.message(), code: error_code(problem), ..ErrorBody::default() };
    match problem {
        // The published members describe the first field.
        Problem::Invalid(errors) => {
            body.field = errors.first().filter(|error| !error.path.is_empty()).map(FieldError::field_with_brackets);
            body.errors = (errors.len() > 1).then(|| errors.iter().map(FieldErrorBody::new).collect());
        }
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
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. }
        | Problem::InProgress { .. } => {}
    }
    (problem.status(), axum::Json(body)).into_response()
}

/// Body of an error response.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "DecisionsError")]
pub struct ErrorBody {
    /// What is wrong, and what to do.
    error: String,
    /// Name of the error, such as `VALIDATION_ERROR`.
    code: &'static str,
    /// First invalid field.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// All invalid fields, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldErrorBody>>,
    /// Id of the request in the log, if the service failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Option<String>>,
    /// What the error is about, such as the answer that was accepted before.
    #[serde(flatten)]
    details: Map<String, Value>,
}

/// One of several invalid fields.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DecisionsFieldError")]
struct FieldErrorBody {
    field: String,
    error: String,
}

impl FieldErrorBody {
    fn new(error: &FieldError) -> Self {
        Self { field: error.field_with_brackets(), error: error.message.clone() }
    }
}

fn error_code(problem: &Problem) -> &'static str {
    match problem {
        Problem::NoCredentials => "UNAUTHORIZED",
        Problem::UnknownApiKey | Problem::RevokedApiKey | Problem::ExpiredApiKey => "INVALID_KEY",
        Problem::MissingScope { .. } => "FORBIDDEN",
        Problem::NotFound { .. } | Problem::NoRoute => "NOT_FOUND",
        Problem::MethodNotAllowed => "METHOD_NOT_ALLOWED",
        Problem::Invalid(_) | Problem::TooLarge { .. } => "VALIDATION_ERROR",
        Problem::RateLimited { .. } => "RATE_LIMIT",
        Problem::InProgress { .. } => "IN_PROGRESS",
        Problem::Refused { code, .. } => code,
        Problem::Busy { .. } => "BUSY",
        Problem::Internal => "INTERNAL",
    }
}

/// Converts the field errors of a decision. The first one decides the code, as published.
pub fn field_errors_to_problem(errors: Vec<FieldError>) -> Problem {
    let refused = |status, code, error: &FieldError| {
        Problem::refused(status, code, format!("{} {}", error.field_with_brackets(), error.message))
    };
    match errors.first() {
        Some(error) if error.kind == UNSUPPORTED_CHANNEL => {
            refused(StatusCode::BAD_REQUEST, "UNSUPPORTED_CHANNEL", error)
        }
        Some(error) if error.kind == APPROVER_NOT_ALLOWED => {
            refused(StatusCode::FORBIDDEN, "APPROVER_NOT_ALLOWED", error)
        }
        _ => Problem::Invalid(errors),
    }
}

/// Also the response to a name that no execution can have.
pub const EXECUTION_NOT_FOUND: Problem = Problem::NotFound { resource: "Execution" };

pub fn refusal_to_problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::AlreadyAnswered { state, by, at, origin } => {
            let message = format!("Already {} by {by} at {at}", state.name());
            let mut details = json!({"status": state.name(), "resolved_by": by, "resolved_at": at});
            if let (Some(origin), Value::Object(details)) = (origin, &mut details) {
                origin.insert_into(details);
            }
            refused_with_details(StatusCode::CONFLICT, "ALREADY_RESOLVED", message, details)
        }
        Refusal::Expired { at } => refused_with_details(
            StatusCode::GONE,
            "EXPIRED",
            format!("Expired at {at}"),
            json!({"status": "expired", "expires_at": at}),
        ),
        Refusal::NotOffered { choice, offered } => {
            let offered: Vec<_> = offered.into_iter().map(handrail_domain::decision::Choice::name).collect();
            Problem::invalid("action", format!("{} was not offered: use one of {}", choice.name(), offered.join(", ")))
        }
        Refusal::Cancelled { at } => refused_with_details(
            StatusCode::GONE,
            "EXPIRED",
            format!("Cancelled by the requester at {at}"),
            json!({"status": "expired", "cancelled_at": at}),
        ),
        Refusal::AnswerMismatch(error) => error.into(),
        Refusal::NotRequester => Problem::refused(
            StatusCode::FORBIDDEN,
            "FORBIDDEN",
            "Only the key that asked, or one with the role app or admin, may cancel this decision",
        ),
        Refusal::TooManyAttachments { have, more } => Problem::invalid(
            "file",
            format!("exceeds the limit of {ATTACHMENTS_MAX} attachments: there are {have}, and {more} more were sent"),
        ),
        Refusal::AskerMayNotAnswer => Problem::refused(
            StatusCode::FORBIDDEN,
            "ASKER_MAY_NOT_ANSWER",
            "The key that asked may not answer in this account: answer with another key, or let the owner set askers_may_answer",
        ),
        Refusal::NotExecutor => Problem::refused(
            StatusCode::FORBIDDEN,
            "FORBIDDEN",
            "Only the key that asked or consumed, or one with the role app or admin, may use this approval",
        ),
        Refusal::NotApproved { state } => refused_with_details(
            StatusCode::CONFLICT,
            "NOT_APPROVED",
            format!("This decision is {}, so there is no approval to use", state.name()),
            json!({"status": state.name()}),
        ),
        Refusal::NotYetApproved { from } => refused_with_details(
            StatusCode::CONFLICT,
            "NOT_APPROVED",
            format!("Approved from {from} on: use the approval then"),
            json!({"status": "scheduled", "execute_at": from}),
        ),
        Refusal::ActionMismatch { approved } => refused_with_details(
            StatusCode::CONFLICT,
            "ACTION_MISMATCH",
            "The approval is for another action: ask for the one that you want to carry out".to_owned(),
            json!({"action_hash": approved}),
        ),
        Refusal::AlreadyConsumed(consumption) => already_consumed(*consumption),
        Refusal::ApprovalExpired { at } => refused_with_details(
            StatusCode::GONE,
            "APPROVAL_EXPIRED",
            format!("The approval could be used until {at}: ask again"),
            json!({"valid_until": at}),
        ),
        Refusal::UnknownExecution => EXECUTION_NOT_FOUND,
        Refusal::AlreadyFinished(end) => refused_with_details(
            StatusCode::CONFLICT,
            "ALREADY_FINISHED",
            format!("The execution {} at {}, which stands", end.outcome.name(), end.finished_at),
            json!({"outcome": end.outcome, "finished_at": end.finished_at}),
        ),
        Refusal::NotCurrentApprover => {
            Problem::refused(StatusCode::FORBIDDEN, "NOT_ASKED", "This decision is waiting for another approver")
        }
    }
}

fn already_consumed(consumption: Consumption) -> Problem {
    let Consumption { execution_id, consumed_at, key, key_name, .. } = consumption;
    refused_with_details(
        StatusCode::CONFLICT,
        "ALREADY_CONSUMED",
        format!("Used at {consumed_at} by the key {key_name} ({key}): do not carry the action out again"),
        json!({
            "execution_id": execution_id,
            "consumed_at": consumed_at,
            "consumed_with_key": key,
            "consumed_with_key_name": key_name,
        }),
    )
}

fn refused_with_details(status: StatusCode, code: &'static str, message: String, details: Value) -> Problem {
    match details {
        Value::Object(details) => Problem::Refused { status, code, message, details },
        _ => Problem::refused(status, code, message),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use handrail_platform::fault::Fault;
    use handrail_web::problem;
    use http::header::RETRY_AFTER;

    use super::*;

    #[tokio::test]
    async fn internal_error_exposes_only_the_request_id() {
        let id = RequestId("0123".to_owned());
        for (fault, status, code, retry_after) in [
            (Fault::internal("item 17 of ann@example.com can't be read"), 500, "INTERNAL", None),
            (Fault::Busy("the table throttles".into()), 503, "BUSY", Some("1")),
        ] {
            let response = problem::render_error(ERROR_RENDERER, Some(&id), Problem::from(fault).into_response());
            assert_eq!(response.status(), status);
            assert_eq!(response.headers().get(RETRY_AFTER).map(|seconds| seconds.to_str().unwrap()), retry_after);
            let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1_000).await.unwrap()).unwrap();
            assert_eq!((&body["code"], &body["request_id"]), (&json!(code), &json!("0123")));
            assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
            assert!(body["error"].is_string() && !body.to_string().contains("ann@example.com"), "{body}");
        }
    }
}
