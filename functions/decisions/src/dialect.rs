//! How this door words what went wrong: `{"error": text, "code": CODE}`, always a JSON object.

use axum::response::{IntoResponse, Response};
use handrail_domain::attachment::ATTACHMENTS_MAX;
use handrail_domain::decision::{Invalid, InvalidKind, Refusal};
use handrail_kernel::endpoint::Dialect;
use handrail_kernel::problem::{Problem, RequestId};
use http::StatusCode;
use serde_json::{Map, Value, json};

pub const DIALECT: Dialect = Dialect(worded);

fn worded(problem: &Problem, id: Option<&RequestId>) -> Response {
    let mut body = Map::new();
    body.insert("error".to_owned(), problem.message().into());
    body.insert("code".to_owned(), code(problem).into());
    match problem {
        Problem::Invalid { field: Some(field), .. } => {
            body.insert("field".to_owned(), field.as_str().into());
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
        | Problem::Invalid { field: None, .. }
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. } => {}
    }
    (problem.status(), axum::Json(Value::Object(body))).into_response()
}

fn code(problem: &Problem) -> &'static str {
    match problem {
        Problem::NoCredentials => "UNAUTHORIZED",
        Problem::UnknownKey => "INVALID_KEY",
        Problem::KeyMayNot { .. } => "FORBIDDEN",
        Problem::NotFound { .. } | Problem::NoRoute => "NOT_FOUND",
        Problem::MethodNotAllowed => "METHOD_NOT_ALLOWED",
        Problem::Invalid { .. } | Problem::TooLarge { .. } => "VALIDATION_ERROR",
        Problem::RateLimited { .. } => "RATE_LIMIT",
        Problem::Refused { code, .. } => code,
        Problem::Busy { .. } => "BUSY",
        Problem::Broken => "INTERNAL",
    }
}

pub(crate) fn invalid(invalid: Invalid) -> Problem {
    match invalid.kind {
        InvalidKind::Value => Problem::invalid(invalid.field, invalid.message),
        InvalidKind::Channel => Problem::refused(
            StatusCode::BAD_REQUEST,
            "UNSUPPORTED_CHANNEL",
            format!("{} {}", invalid.field, invalid.message),
        ),
        InvalidKind::Approver => Problem::refused(
            StatusCode::FORBIDDEN,
            "APPROVER_NOT_ALLOWED",
            format!("{} {}", invalid.field, invalid.message),
        ),
    }
}

pub fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::AlreadyAnswered { state, by, at } => {
            let message = format!("Already {} by {by} at {at}", state.name());
            let details = json!({"status": state.name(), "resolved_by": by, "resolved_at": at});
            with_details(StatusCode::CONFLICT, "ALREADY_RESOLVED", message, details)
        }
        Refusal::Expired { at } => with_details(
            StatusCode::GONE,
            "EXPIRED",
            format!("Expired at {at}"),
            json!({"status": "expired", "expires_at": at}),
        ),
        Refusal::NotOffered { choice, offered } => {
            let offered: Vec<_> = offered.into_iter().map(handrail_domain::decision::Choice::name).collect();
            Problem::invalid("action", format!("{} was not offered: use one of {}", choice.name(), offered.join(", ")))
        }
        Refusal::Cancelled { at } => with_details(
            StatusCode::GONE,
            "EXPIRED",
            format!("Taken back by the asker at {at}"),
            json!({"status": "expired", "cancelled_at": at}),
        ),
        Refusal::DoesNotFit { field, message } => Problem::invalid(field, message),
        Refusal::NotTheAsker => Problem::refused(
            StatusCode::FORBIDDEN,
            "FORBIDDEN",
            "Only the key that asked, or one with the role app or admin, may cancel this decision",
        ),
        Refusal::TooManyAttachments { have, more } => Problem::invalid(
            "file",
            format!("is too many: there are {have} of at most {ATTACHMENTS_MAX}, and {more} more came"),
        ),
        Refusal::NotAsked => Problem::refused(StatusCode::FORBIDDEN, "NOT_ASKED", "Somebody else is asked now"),
    }
}

fn with_details(status: StatusCode, code: &'static str, message: String, details: Value) -> Problem {
    match details {
        Value::Object(details) => Problem::Refused { status, code, message, details },
        _ => Problem::refused(status, code, message),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use handrail_kernel::fault::Fault;
    use handrail_kernel::problem;
    use http::header::RETRY_AFTER;

    use super::*;

    #[tokio::test]
    async fn our_own_mistake_is_told_by_its_request_id_alone() {
        let id = RequestId("0123".to_owned());
        for (fault, status, code, retry_after) in [
            (Fault::broken("item 17 of ann@example.com can't be read"), 500, "INTERNAL", None),
            (Fault::Busy("the table throttles".into()), 503, "BUSY", Some("1")),
        ] {
            let answer = problem::worded(DIALECT, Some(&id), Problem::from(fault).into_response());
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers().get(RETRY_AFTER).map(|seconds| seconds.to_str().unwrap()), retry_after);
            let body: Value = serde_json::from_slice(&to_bytes(answer.into_body(), 1_000).await.unwrap()).unwrap();
            assert_eq!((&body["code"], &body["request_id"]), (&json!(code), &json!("0123")));
            assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
            assert!(body["error"].is_string() && !body.to_string().contains("ann@example.com"), "{body}");
        }
    }
}
