//! JSON responses whose type names their status.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

/// Response of an operation that created something: 201.
pub struct Created<T>(pub T);

/// Response of an operation whose work is done later: 202.
pub struct Accepted<T>(pub T);

/// Response without a body: 204.
pub struct NoContent;

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, axum::Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, axum::Json(self.0)).into_response()
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}
