//! Error responses of the doors, as published clients read them.

use handrail_web::endpoint::Endpoint;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use crate::samples::Response;
use crate::{packets, routes};

/// Checks the door's JSON error: `{"error": text, "code": CODE}` or `{"detail": text}`. Published clients read nothing
/// else. Only the doors with codes compare `code`.
pub(crate) fn check_error(
    endpoint: &Endpoint,
    response: &Response,
    status: StatusCode,
    code: &str,
) -> Result<(), String> {
    check_status(response, status)?;
    let content_type = response.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    check(content_type == Some(b"application/json"), || format!("the error is not JSON: {}", response.text))?;
    let body = response.json();
    let says = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
    if packets::is_at(endpoint) || routes::is_at(endpoint) {
        check(says("detail"), || format!("the error has no detail: {body}"))
    } else {
        check(says("error") && body["code"] == code, || {
            format!("the error has no text, or not the code {code}: {body}")
        })
    }
}

/// Checks that the response is a page with this status.
pub(crate) fn check_page(response: &Response, status: StatusCode) -> Result<(), String> {
    check_status(response, status)?;
    let content_type = response.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    check(content_type.starts_with(b"text/html"), || format!("the response is no page: {}", response.text))
}

pub(crate) fn check_success(response: &Response) -> Result<(), String> {
    check(response.is_success(), || format!("the status is {}: {}", response.status, response.text))
}

fn check_status(response: &Response, status: StatusCode) -> Result<(), String> {
    check(response.status == status, || {
        format!("the status is {} and not {status}: {}", response.status, response.text)
    })
}

/// Returns the message as an error unless the condition holds.
pub(crate) fn check(condition: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(message()) }
}
