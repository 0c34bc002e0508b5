//! A request's JSON, and everything that is wrong with it in the order of its fields.

use axum::extract::{FromRequest, Request};
use handrail_kernel::cx::Cx;
use handrail_kernel::extract::{JSON_BYTES_MAX, limited_body};
use handrail_kernel::problem::Problem;
use serde_json::{Map, Value, json};

use crate::dialect::{Flaw, flawed};

/// A JSON object, of whatever type it says that it is.
pub(crate) struct Body(pub(crate) Map<String, Value>);

impl FromRequest<Cx> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Cx) -> Result<Self, Problem> {
        let body = limited_body(request, JSON_BYTES_MAX).await?;
        object(&body).map(Self).map_err(flawed)
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Vec<Flaw>> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(vec![Flaw::of("missing", None, "Field required", &Value::Null)]);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            Err(vec![Flaw::of("model_attributes_type", None, msg, &other)])
        }
        Err(error) => {
            let flaw = Flaw::of("json_invalid", None, "JSON decode error", &json!({}));
            Err(vec![flaw.at(place_of(body, &error)).because(error.to_string())])
        }
    }
}

/// How many characters come before the mistake.
fn place_of(body: &[u8], error: &serde_json::Error) -> usize {
    let lines = body.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let before = lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
    String::from_utf8_lossy(&body[..before.min(body.len())]).chars().count()
}

/// Reads members and collects what is wrong with them.
pub(crate) struct Reading<'a> {
    members: &'a Map<String, Value>,
    pub(crate) flaws: Vec<Flaw>,
}

impl<'a> Reading<'a> {
    pub(crate) fn of(members: &'a Map<String, Value>) -> Self {
        Self { members, flaws: Vec::new() }
    }

    /// By its published name, or as the documentation writes it.
    pub(crate) fn find(&self, name: &str, in_prose: &str) -> Option<&'a Value> {
        self.members.get(name).or_else(|| self.members.get(in_prose))
    }

    pub(crate) fn needed(&mut self, name: &str, in_prose: &str) -> Option<&'a Value> {
        let found = self.find(name, in_prose);
        if found.is_none() {
            let whole = Value::Object(self.members.clone());
            self.flaws.push(Flaw::of("missing", Some(name), "Field required", &whole));
        }
        found
    }

    pub(crate) fn text(&mut self, name: &str, value: &Value, chars_max: usize) -> Option<String> {
        match value {
            Value::String(text) if text.chars().count() <= chars_max => Some(text.clone()),
            Value::String(_) => {
                let msg = format!("String should have at most {chars_max} characters");
                self.flaw("string_too_long", name, msg, value)
            }
            _ => self.flaw("string_type", name, "Input should be a valid string", value),
        }
    }

    pub(crate) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.members.get(name) {
            None | Some(Value::Null) => default,
            Some(Value::Bool(flag)) => *flag,
            Some(value) => self.flaw("bool_type", name, "Input should be a valid boolean", value).unwrap_or(default),
        }
    }

    pub(crate) fn flaw<T>(
        &mut self,
        kind: &'static str,
        name: &str,
        msg: impl Into<String>,
        input: &Value,
    ) -> Option<T> {
        self.flaws.push(Flaw::of(kind, Some(name), msg, input));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_the_json_has_its_place() {
        for (body, place) in [("{\"a\": x}", 6), ("{\n \"ü\": x}", 8), ("{", 0)] {
            let error = serde_json::from_str::<Value>(body).unwrap_err();
            assert_eq!(place_of(body.as_bytes(), &error), place, "{body}: {error}");
        }
    }
}
