//! JSON bodies that are read member by member, so that every invalid member is reported.

use axum::extract::{FromRequest, Request};
use handrail_context::cx::Cx;
use handrail_domain::body_reader::{BodyReader, JsonObject};
use handrail_domain::field_error::{FieldError, PathSegment, VALUE_ERROR};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::extract::{JSON_BYTES_MAX, read_limited_body};
use crate::problem::Problem;

/// JSON object that is the body of a request. Unknown members are ignored.
pub trait JsonBody: Sized {
    fn read(reader: &mut BodyReader, members: &JsonObject) -> Option<Self>;

    /// Reads a body. Fails with every invalid member.
    fn read_all(body: &Value) -> Result<Self, Vec<FieldError>> {
        BodyReader::read_body(body, |reader, body| {
            let members = reader.object(body)?;
            Self::read(reader, members)
        })
    }
}

/// Implements [`JsonBody`] for a struct of optional members. A member that is null counts as absent.
#[macro_export]
macro_rules! json_body {
    ($body:ident { $($member:ident),+ $(,)? }) => {
        impl $crate::json_body::JsonBody for $body {
            fn read(
                reader: &mut handrail_domain::body_reader::BodyReader,
                members: &handrail_domain::body_reader::JsonObject,
            ) -> Option<Self> {
                $(let $member = reader.optional(members, stringify!($member), $crate::json_body::typed);)+
                Some(Self { $($member: $member?),+ })
            }
        }
    };
}

/// Reads a value as its Rust type. The path of an error leads to the invalid part of the value.
pub fn typed<T: DeserializeOwned>(reader: &mut BodyReader, value: &Value) -> Option<T> {
    match serde_path_to_error::deserialize(value) {
        Ok(value) => Some(value),
        Err(error) => {
            let message = format!("is not right: {}", without_position(error.inner()));
            reader.error_below(segments(error.path()), message, VALUE_ERROR)
        }
    }
}

/// A JSON object of at most [`JSON_BYTES_MAX`].
pub struct Json<T>(pub T);

impl<T: JsonBody> FromRequest<Cx> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Cx) -> Result<Self, Problem> {
        let body = read_limited_body(request, JSON_BYTES_MAX).await?;
        parse(&body).map(Self)
    }
}

/// A JSON object as in [`Json`]. An empty body counts as an empty object.
pub struct OptionalJson<T>(pub T);

impl<T: JsonBody + Default> FromRequest<Cx> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Cx) -> Result<Self, Problem> {
        let body = read_limited_body(request, JSON_BYTES_MAX).await?;
        if body.iter().all(u8::is_ascii_whitespace) { Ok(Self(T::default())) } else { parse(&body).map(Self) }
    }
}

fn parse<T: JsonBody>(body: &[u8]) -> Result<T, Problem> {
    T::read_all(&parse_object(body)?).map_err(Problem::Invalid)
}

/// Parses a JSON object. The error names the unreadable field.
fn parse_object(body: &[u8]) -> Result<Value, Problem> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Err(Problem::invalid_request("The body must be a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        // serde_json reports a lone surrogate and a number beyond all ranges as syntax errors. Valid JSON gets the error
        // of a field.
        let is_field_error = serde_json::from_slice::<IgnoredAny>(body).is_ok();
        let path = segments(error.path());
        match is_field_error && !path.is_empty() {
            true => {
                let message = format!("is not right: {}", without_position(error.inner()));
                FieldError::new(path, message, VALUE_ERROR).into()
            }
            false => Problem::invalid_request(format!("The body is not valid JSON: {}", error.inner())),
        }
    })?;
    json.end().map_err(|_| Problem::invalid_request("The body holds more than one JSON object"))?;
    Ok(value)
}

fn segments(path: &Path) -> Vec<PathSegment> {
    let segments = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(PathSegment::Place(*index)),
        Segment::Map { key } => Some(key.clone().into()),
        Segment::Enum { variant } => Some(variant.clone().into()),
        Segment::Unknown => None,
    });
    segments.collect()
}

fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ").map_or(text.as_str(), |at| &text[..at]) {
        "expected value" => "expected a string".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug)]
    struct Order {
        amount: Option<u32>,
        tags: Option<Vec<String>>,
        name: Option<String>,
    }

    crate::json_body!(Order { amount, tags, name });

    #[test]
    fn every_invalid_member_is_reported_with_its_path() {
        let errors = Order::read_all(&json!({"amount": "5", "tags": ["a", 7], "name": null, "more": 1})).unwrap_err();
        let errors: Vec<_> = errors.iter().map(|error| (error.field_with_brackets(), error.message.as_str())).collect();
        let expected = [
            ("amount", "is not right: invalid type: string \"5\", expected u32"),
            ("tags[1]", "is not right: invalid type: integer `7`, expected a string"),
        ];
        assert_eq!(errors, expected.map(|(field, message)| (field.to_owned(), message)));
        let order = Order::read_all(&json!({"amount": 5, "tags": null})).unwrap();
        assert_eq!((order.amount, order.tags, order.name), (Some(5), None, None));
    }

    #[test]
    fn unreadable_values_name_their_field() {
        for (body, field) in [
            (r#"{"name": "\ud800"}"#, Some("name")),
            (r#"{"amount": 1e999}"#, Some("amount")),
            (r#"{"name": }"#, None),
            ("[]", None),
            ("", None),
            ("{} {}", None),
        ] {
            let problem = parse::<Order>(body.as_bytes()).unwrap_err();
            let Problem::Invalid(errors) = problem else { panic!("{body}: {problem:?}") };
            let found = errors.first().filter(|error| !error.path.is_empty()).map(FieldError::field);
            assert_eq!(found.as_deref(), field, "{body}");
        }
    }
}
