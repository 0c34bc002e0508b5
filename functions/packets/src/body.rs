//! Extractors of the JSON body, path and query. Each refusal names the invalid field.

use std::marker::PhantomData;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use handrail_context::cx::Cx;
use handrail_domain::account::Tier;
use handrail_domain::field_error::{FieldError, RequestPart};
use handrail_domain::ids::RecordId;
use handrail_store::ApiKey;
use handrail_web::caller::CallerTier;
use handrail_web::descriptions::{Argument, Content, Description, JSON, schema_of};
use handrail_web::extract::read_limited_body;
use handrail_web::problem::Problem;
use http::StatusCode;
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::errors::{field_error, id_not_found};

/// Largest request body of a tier, in bytes.
pub(crate) const fn body_bytes_max(tier: Tier) -> usize {
    match tier {
        Tier::Free => 64 * 1024,
        Tier::Pro => 256 * 1024,
        Tier::Scale | Tier::Enterprise => BODY_BYTES_MAX,
    }
}
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Unparsed request body with the members of a `T`. `read` checks the tier's size limit, since the caller may be unknown when the body arrives.
pub(crate) struct Body<T> {
    bytes: bytes::Bytes,
    members: PhantomData<T>,
}

impl<T: JsonSchema> Argument for Body<T> {
    fn describe(description: &mut Description) {
        description.set_body(vec![Content::of::<T>(JSON)], true);
    }
}

impl<T> FromRequest<Cx> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Cx) -> Result<Self, Problem> {
        let tier = request.extensions().get::<CallerTier>().map(|CallerTier(tier)| *tier);
        let read = read_limited_body(request, BODY_BYTES_MAX).await;
        read.map(|bytes| Self { bytes, members: PhantomData }).map_err(|problem| match (problem, tier) {
            (Problem::TooLarge { limit_bytes }, Some(tier)) => body_too_large(tier, limit_bytes + 1),
            (problem, _) => problem,
        })
    }
}

impl<M> Body<M> {
    /// Parses the JSON and passes it to `read`, unless the body is too large for the tier of `key`.
    pub(crate) fn read<T>(
        &self,
        key: &ApiKey,
        read: impl FnOnce(&Value) -> Result<T, Vec<FieldError>>,
    ) -> Result<T, Problem> {
        let limit = body_bytes_max(key.tier);
        if self.bytes.len() > limit {
            return Err(body_too_large(key.tier, self.bytes.len()));
        }
        let invalid = |message, kind| whole_part_error(RequestPart::Body, message, kind);
        // Some editors and shells write a byte order mark in front of a file.
        let json = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes);
        let value: Value = serde_json::from_slice(json)
            .map_err(|error| invalid(format!("The body is not valid JSON: {error}"), "json_invalid"))?;
        if let Some(number) = find_number_beyond_64_bits(json) {
            let message = format!("The body contains {number}, an integer beyond 64 bits. Send it as a string");
            return Err(invalid(message, "int_parsing_size"));
        }
        if !value.is_object() {
            return Err(invalid("The body must be a JSON object".to_owned(), "dict_type"));
        }
        read(&value).map_err(Problem::Invalid)
    }
}

/// Builds a 400 response for an error that names no field.
fn whole_part_error(part: RequestPart, message: String, kind: &'static str) -> Problem {
    FieldError::of_whole(part, message, kind).into()
}

/// Returns the first integer beyond 64 bits in a JSON text. serde_json would read it as a float, which changes it.
fn find_number_beyond_64_bits(json: &[u8]) -> Option<String> {
    let mut rest = json;
    while let [first, after @ ..] = rest {
        rest = match first {
            b'"' => skip_string(after),
            b'-' | b'0'..=b'9' => {
                let end = rest.iter().position(|byte| !is_number_byte(*byte)).unwrap_or(rest.len());
                let (number, after) = rest.split_at(end);
                let text = std::str::from_utf8(number).unwrap_or_default();
                let whole = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
                if whole && text.parse::<i64>().is_err() && text.parse::<u64>().is_err() {
                    return Some(text.chars().take(REPORTED_NUMBER_CHARS_MAX).collect());
                }
                after
            }
            _ => after,
        };
    }
    None
}
/// Digits of an offending number in an error message.
const REPORTED_NUMBER_CHARS_MAX: usize = 40;

fn is_number_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// Skips the rest of a JSON string and returns the text behind its closing quote.
fn skip_string(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = match rest {
            [b'"', after @ ..] => return after,
            [b'\\', _, after @ ..] | [_, after @ ..] => after,
            [] => return rest,
        };
    }
}

pub(crate) fn body_too_large(tier: Tier, bytes: usize) -> Problem {
    let limit = body_bytes_max(tier);
    Problem::Refused {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "",
        message: format!("Request body too large: at least {bytes} bytes, and the limit is {limit} bytes"),
        details: Map::from_iter([("tier".to_owned(), tier.packet_limits().name.into())]),
    }
}

/// Packet id in the path. Every text form of a UUID is accepted.
pub(crate) struct PacketId(pub(crate) RecordId);

impl FromRequestParts<Cx> for PacketId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        parse_uuid(RequestPart::Path, "packet_id", &path_id(parts, cx).await?).map(|id| Self(RecordId::from_bytes(id)))
    }
}

impl Argument for PacketId {
    fn describe(description: &mut Description) {
        description.path_parameter = Some(schema_of::<RecordId>());
        description.problems.extend([400, 404]);
    }
}

/// Reads the id in the path of a resource other than a packet. The published ids are plain strings there, so a text that
/// is no UUID is the id of nothing: 404.
pub(crate) async fn find_path_uuid(parts: &mut Parts, cx: &Cx, resource: &str) -> Result<[u8; 16], Problem> {
    let text = path_id(parts, cx).await?;
    Uuid::try_parse(&text).map(Uuid::into_bytes).map_err(|_| id_not_found(resource, &text))
}

async fn path_id(parts: &mut Parts, cx: &Cx) -> Result<String, Problem> {
    Path::<String>::from_request_parts(parts, cx).await.map(|Path(text)| text).map_err(|_| Problem::NoRoute)
}

pub(crate) fn parse_uuid(part: RequestPart, name: &'static str, text: &str) -> Result<[u8; 16], Problem> {
    let id = Uuid::try_parse(text).map(Uuid::into_bytes);
    id.map_err(|_| field_error(part, name, "Input should be a valid UUID", "uuid_parsing"))
}

/// Query parameters of a request. Each field of `T` is text, which the operation parses.
pub(crate) struct QueryString<T>(pub(crate) T);

impl<T: JsonSchema> Argument for QueryString<T> {
    fn describe(description: &mut Description) {
        description.queries.push(schema_of::<T>());
        description.problems.insert(400);
    }
}

impl<T: DeserializeOwned> FromRequestParts<Cx> for QueryString<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, cx).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(match duplicate_parameter_name(&rejection.body_text()) {
                Some(name) => duplicate_parameter(name),
                None => whole_part_error(RequestPart::Query, "The query can't be read".to_owned(), "value_error"),
            }),
        }
    }
}

/// Extracts the parameter's name from the error text of serde's query deserializer.
fn duplicate_parameter_name(message: &str) -> Option<&str> {
    Some(message.split_once("duplicate field `")?.1.split_once('`')?.0)
}

/// Refuses a parameter with two values, as neither has precedence.
fn duplicate_parameter(name: &str) -> Problem {
    let error = FieldError::new([name.to_owned()], "Input should be sent only once", "value_error");
    error.in_part(RequestPart::Query).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_integers_beyond_64_bits_are_found() {
        for json in [
            "{}",
            r#"{"a": [18446744073709551615, -9223372036854775808, 0, -0, 1]}"#,
            r#"{"a": 18446744073709551616.0, "b": 1e300, "c": -1.5E+3, "d": 0.12345678901234567890123}"#,
            r#"{"18446744073709551616": "18446744073709551616", "b": "\\\" 18446744073709551616", "c": "\\"}"#,
        ] {
            assert_eq!(find_number_beyond_64_bits(json.as_bytes()), None, "{json}");
        }
        for (json, number) in [
            (r#"{"a": 18446744073709551616}"#, "18446744073709551616"),
            (r#"{"a": "\\", "b": [-9223372036854775809]}"#, "-9223372036854775809"),
            ("1000000000000000000000000000000000000000000000", "1000000000000000000000000000000000000000"),
        ] {
            assert_eq!(find_number_beyond_64_bits(json.as_bytes()).as_deref(), Some(number), "{json}");
        }
    }
}
