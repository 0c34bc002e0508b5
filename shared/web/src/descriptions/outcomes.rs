//! What the result of a handler says about its responses.

use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;

use super::description::{Content, Description, JSON};
use crate::json_response::{Accepted, Created, NoContent};
use crate::once::CreatedOnce;
use crate::problem::Problem;

/// Result of a handler.
pub trait Outcome {
    fn describe(description: &mut Description);
}

impl<T: Outcome> Outcome for Result<T, Problem> {
    fn describe(description: &mut Description) {
        T::describe(description);
    }
}

/// A response that the handler builds. The operation describes it.
impl Outcome for Response {
    fn describe(_: &mut Description) {}
}

impl<T: JsonSchema> Outcome for axum::Json<T> {
    fn describe(description: &mut Description) {
        add_json::<T>(description, StatusCode::OK);
    }
}

impl<T: JsonSchema> Outcome for Created<T> {
    fn describe(description: &mut Description) {
        add_json::<T>(description, StatusCode::CREATED);
    }
}

impl<T: JsonSchema> Outcome for CreatedOnce<T> {
    fn describe(description: &mut Description) {
        add_json::<T>(description, StatusCode::CREATED);
    }
}

impl<T: JsonSchema> Outcome for Accepted<T> {
    fn describe(description: &mut Description) {
        add_json::<T>(description, StatusCode::ACCEPTED);
    }
}

impl Outcome for NoContent {
    fn describe(description: &mut Description) {
        description.responses.entry(StatusCode::NO_CONTENT.as_u16()).or_default();
    }
}

fn add_json<T: JsonSchema>(description: &mut Description, status: StatusCode) {
    description.responses.entry(status.as_u16()).or_default().push(Content::of::<T>(JSON));
}
