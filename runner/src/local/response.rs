//! Form of the responses of the local pages: a page or JSON, and the error of a page.

use axum::response::{IntoResponse, Response};
use handrail_platform::fault::Fault;
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use serde_json::json;

pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"))
}

/// Error of a local page, shown with its cause, because the reader runs the server.
pub(super) struct LocalFault(Fault);

impl From<Fault> for LocalFault {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl IntoResponse for LocalFault {
    fn into_response(self) -> Response {
        tracing::error!(fault = self.0.with_causes(), "a local page failed");
        (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(json!({"error": self.0.to_string()}))).into_response()
    }
}
