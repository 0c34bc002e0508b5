//! Reads the JSON body of a request and collects its field errors in the order of the fields.

use axum::extract::{FromRequest, Request};
use handrail_context::cx::Cx;
use handrail_web::extract::{JSON_BYTES_MAX, read_limited_body};
use handrail_web::problem::Problem;
use serde_json::{Map, Value, json};

use crate::errors::{FieldError, validation_error};

/// A JSON object. The `Content-Type` header is ignored.
pub(crate) struct Body(pub(crate) Map<String, Value>);

impl FromRequest<Cx> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Cx) -> Result<Self, Problem> {
        let body = read_limited_body(request, JSON_BYTES_MAX).await?;
        parse_object(&body).map(Self).map_err(validation_error)
    }
}

fn parse_object(body: &[u8]) -> Result<Map<String, Value>, Vec<FieldError>> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(vec![FieldError::new("missing", None, "Field required", &Value::Null)]);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            Err(vec![FieldError::new("model_attributes_type", None, msg, &other)])
        }
        Err(error) => {
            let field_error = FieldError::new("json_invalid", None, "JSON decode error", &json!({}));
            Err(vec![field_error.at_position(error_position(body, &error)).with_reason(error.to_string())])
        }
    }
}

/// Position of a JSON error in characters.
fn error_position(body: &[u8], error: &serde_json::Error) -> usize {
    let lines = body.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let before = lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
    String::from_utf8_lossy(&body[..before.min(body.len())]).chars().count()
}

/// Reads fields and collects their errors.
pub(crate) struct BodyReader<'a> {
    members: &'a Map<String, Value>,
    pub(crate) field_errors: Vec<FieldError>,
}

impl<'a> BodyReader<'a> {
    pub(crate) fn new(members: &'a Map<String, Value>) -> Self {
        Self { members, field_errors: Vec::new() }
    }

    /// Finds a field by its published name, or by the alias that the published documentation uses.
    pub(crate) fn find(&self, name: &str, alias: &str) -> Option<&'a Value> {
        self.members.get(name).or_else(|| self.members.get(alias))
    }

    pub(crate) fn required(&mut self, name: &str, alias: &str) -> Option<&'a Value> {
        let found = self.find(name, alias);
        if found.is_none() {
            let whole = Value::Object(self.members.clone());
            self.field_errors.push(FieldError::new("missing", Some(name), "Field required", &whole));
        }
        found
    }

    pub(crate) fn string(&mut self, name: &str, value: &Value, chars_max: usize) -> Option<String> {
        match value {
            Value::String(text) if text.chars().count() <= chars_max => Some(text.clone()),
            Value::String(_) => {
                let msg = format!("String should have at most {chars_max} characters");
                self.add_error("string_too_long", name, msg, value)
            }
            _ => self.add_error("string_type", name, "Input should be a valid string", value),
        }
    }

    pub(crate) fn boolean(&mut self, name: &str, default: bool) -> bool {
        match self.members.get(name) {
            None | Some(Value::Null) => default,
            Some(Value::Bool(flag)) => *flag,
            Some(value) => {
                self.add_error("bool_type", name, "Input should be a valid boolean", value).unwrap_or(default)
            }
        }
    }

    pub(crate) fn add_error<T>(
        &mut self,
        kind: &'static str,
        name: &str,
        msg: impl Into<String>,
        input: &Value,
    ) -> Option<T> {
        self.field_errors.push(FieldError::new(kind, Some(name), msg, input));
        None
    }
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
