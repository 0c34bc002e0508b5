//! Extractor of a JSON body. An error of the JSON has the position that the published server gives.

use std::marker::PhantomData;

use axum::extract::{FromRequest, Request};
use handrail_context::cx::Cx;
use handrail_domain::body_reader::JsonObject;
use handrail_domain::field_error::{FieldError, PathSegment, RequestPart};
use handrail_web::descriptions::{Argument, Content, Description, JSON};
use handrail_web::extract::{JSON_BYTES_MAX, read_limited_body};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde_json::{Value, json};

/// A JSON object with the members of a `T`. The `Content-Type` header is ignored.
pub(crate) struct Body<T>(JsonObject, PhantomData<T>);

impl<T> Body<T> {
    pub(crate) fn into_members(self) -> JsonObject {
        self.0
    }
}

impl<T: JsonSchema> Argument for Body<T> {
    fn describe(description: &mut Description) {
        description.set_body(vec![Content::of::<T>(JSON)], true);
        description.problems.insert(422);
    }
}

impl<T> FromRequest<Cx> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Cx) -> Result<Self, Problem> {
        let body = read_limited_body(request, JSON_BYTES_MAX).await?;
        Ok(Self(parse_object(&body)?, PhantomData))
    }
}

fn parse_object(body: &[u8]) -> Result<JsonObject, FieldError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(FieldError::of_whole(RequestPart::Body, "Field required", "missing").with_input(Value::Null));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            Err(FieldError::of_whole(RequestPart::Body, msg, "model_attributes_type").with_input(other))
        }
        Err(error) => {
            let position = [PathSegment::Place(error_position(body, &error))];
            let field_error = FieldError::new(position, "JSON decode error", "json_invalid");
            Err(field_error.with_input(json!({})).with_reason(error.to_string()))
        }
    }
}

/// Position of a JSON error in characters.
fn error_position(body: &[u8], error: &serde_json::Error) -> usize {
    let lines = body.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let before = lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
    String::from_utf8_lossy(&body[..before.min(body.len())]).chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_error_has_its_character_position() {
        for (body, position) in [("{\"a\": x}", 6), ("{\n \"ü\": x}", 8), ("{", 0)] {
            let error = serde_json::from_str::<Value>(body).unwrap_err();
            assert_eq!(error_position(body.as_bytes(), &error), position, "{body}: {error}");
        }
    }
}
