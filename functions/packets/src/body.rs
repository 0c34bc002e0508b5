//! A request's JSON, its path and its query, each refused by name.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use handrail_domain::account::Tier;
use handrail_domain::ids::RecordId;
use handrail_domain::packet::Flaw;
use handrail_kernel::cx::Cx;
use handrail_kernel::extract::limited_body;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::Key;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::caller::CallersTier;
use crate::dialect::{Part, flawed, flawed_at};

/// What a key's tier may send at once, in bytes.
pub(crate) const fn body_bytes_max(tier: Tier) -> usize {
    match tier {
        Tier::Free => 64 * 1024,
        Tier::Pro => 256 * 1024,
        Tier::Scale | Tier::Enterprise => BODY_BYTES_MAX,
    }
}
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A whole body, as it came. What a key may send is checked when it is read: only then is it known whose it is.
pub(crate) struct Body(bytes::Bytes);

impl FromRequest<Cx> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Cx) -> Result<Self, Problem> {
        let tier = request.extensions().get::<CallersTier>().map(|CallersTier(tier)| *tier);
        let read = limited_body(request, BODY_BYTES_MAX).await;
        read.map(Self).map_err(|problem| match (problem, tier) {
            (Problem::TooLarge { limit_bytes }, Some(tier)) => too_large(tier, limit_bytes + 1),
            (problem, _) => problem,
        })
    }
}

impl Body {
    pub(crate) fn read<T>(&self, key: &Key, read: impl FnOnce(&Value) -> Result<T, Vec<Flaw>>) -> Result<T, Problem> {
        let limit = body_bytes_max(key.tier);
        if self.0.len() > limit {
            return Err(too_large(key.tier, self.0.len()));
        }
        let invalid = |message: String, kind| flawed(Part::Body, &[Flaw::new(&[], message, kind)]);
        // Some editors and shells put a byte order mark in front of whatever they write.
        let json = self.0.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.0);
        let value: Value = serde_json::from_slice(json)
            .map_err(|error| invalid(format!("The body is not valid JSON: {error}"), "json_invalid"))?;
        if let Some(number) = number_beyond_64_bits(json) {
            let message = format!("The body holds {number}, a whole number of more than 64 bits: write it as a text");
            return Err(invalid(message, "int_parsing_size"));
        }
        if !value.is_object() {
            return Err(invalid("The body must be a JSON object".to_owned(), "dict_type"));
        }
        read(&value).map_err(|flaws| flawed(Part::Body, &flaws))
    }
}

/// The first whole number of a JSON text that would come back as another one: what 64 bits don't hold is read as a float.
fn number_beyond_64_bits(json: &[u8]) -> Option<String> {
    let mut rest = json;
    while let [first, after @ ..] = rest {
        rest = match first {
            b'"' => behind_string(after),
            b'-' | b'0'..=b'9' => {
                let end = rest.iter().position(|byte| !is_of_number(*byte)).unwrap_or(rest.len());
                let (number, after) = rest.split_at(end);
                let text = std::str::from_utf8(number).unwrap_or_default();
                let whole = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
                if whole && text.parse::<i64>().is_err() && text.parse::<u64>().is_err() {
                    return Some(text.chars().take(NUMBER_SHOWN_CHARS_MAX).collect());
                }
                after
            }
            _ => after,
        };
    }
    None
}
/// As many as tell one number from another.
const NUMBER_SHOWN_CHARS_MAX: usize = 40;

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// What comes behind a string's last quote.
fn behind_string(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = match rest {
            [b'"', after @ ..] => return after,
            [b'\\', _, after @ ..] | [_, after @ ..] => after,
            [] => return rest,
        };
    }
}

pub(crate) fn too_large(tier: Tier, bytes: usize) -> Problem {
    let limit = body_bytes_max(tier);
    Problem::Refused {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "",
        message: format!("Request body too large: {bytes} bytes or more, and at most {limit} are taken"),
        details: Map::from_iter([("tier".to_owned(), tier.allotment().name.into())]),
    }
}

/// The packet's id in the path, in any of the forms of a UUID.
pub(crate) struct PacketId(pub(crate) RecordId);

impl FromRequestParts<Cx> for PacketId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        Ok(Self(RecordId::from_bytes(uuid_in_path(parts, cx, "packet_id").await?)))
    }
}

/// In any of the forms of a UUID.
pub(crate) async fn uuid_in_path(parts: &mut Parts, cx: &Cx, name: &'static str) -> Result<[u8; 16], Problem> {
    let Path(text) = Path::<String>::from_request_parts(parts, cx).await.map_err(|_| Problem::NoRoute)?;
    uuid_in(Part::Path, name, &text)
}

pub(crate) fn uuid_in(part: Part, name: &'static str, text: &str) -> Result<[u8; 16], Problem> {
    let id = Uuid::try_parse(text).map(Uuid::into_bytes);
    id.map_err(|_| flawed_at(part, name, "Input should be a valid UUID", "uuid_parsing"))
}

/// Every parameter is a text until its operation reads it.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Cx> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, cx).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(match said_twice(&rejection.body_text()) {
                Some(name) => twice(name),
                None => flawed(Part::Query, &[Flaw::new(&[], "The query can't be read", "value_error")]),
            }),
        }
    }
}

/// Which parameter it was, in the words of what reads queries.
fn said_twice(why: &str) -> Option<&str> {
    Some(why.split_once("duplicate field `")?.1.split_once('`')?.0)
}

/// Which of two values would count, nobody could know.
fn twice(name: &str) -> Problem {
    let message = "Input should be there once";
    let error = json!({"loc": [Part::Query.name(), name], "msg": message, "type": "value_error"});
    let details = Map::from_iter([("field".to_owned(), name.into()), ("errors".to_owned(), json!([error]))]);
    Problem::Refused { status: StatusCode::BAD_REQUEST, code: "", message: format!("{name}: {message}"), details }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_beyond_64_bits_are_found_and_nothing_else_is() {
        for kept in [
            "{}",
            r#"{"a": [18446744073709551615, -9223372036854775808, 0, -0, 1]}"#,
            r#"{"a": 18446744073709551616.0, "b": 1e300, "c": -1.5E+3, "d": 0.12345678901234567890123}"#,
            r#"{"18446744073709551616": "18446744073709551616", "b": "\\\" 18446744073709551616", "c": "\\"}"#,
        ] {
            assert_eq!(number_beyond_64_bits(kept.as_bytes()), None, "{kept}");
        }
        for (lost, number) in [
            (r#"{"a": 18446744073709551616}"#, "18446744073709551616"),
            (r#"{"a": "\\", "b": [-9223372036854775809]}"#, "-9223372036854775809"),
            ("1000000000000000000000000000000000000000000000", "1000000000000000000000000000000000000000"),
        ] {
            assert_eq!(number_beyond_64_bits(lost.as_bytes()).as_deref(), Some(number), "{lost}");
        }
    }
}
