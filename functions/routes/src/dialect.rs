//! How this door words what went wrong: `{"detail": text}`, and for a body that can't be taken a list of what is wrong with it.

use axum::response::{IntoResponse, Response};
use handrail_kernel::endpoint::Dialect;
use handrail_kernel::problem::{Problem, RequestId};
use http::StatusCode;
use serde_json::{Map, Value, json};

pub const DIALECT: Dialect = Dialect(worded);

fn worded(problem: &Problem, id: Option<&RequestId>) -> Response {
    let text = match problem {
        Problem::NoCredentials | Problem::UnknownKey => "Not authenticated".to_owned(),
        Problem::NoRoute => "Not Found".to_owned(),
        Problem::MethodNotAllowed => "Method Not Allowed".to_owned(),
        Problem::Busy { .. } => "The communication hub is not available: please try again in a moment".to_owned(),
        Problem::Broken => "Internal server error".to_owned(),
        Problem::KeyMayNot { .. }
        | Problem::NotFound { .. }
        | Problem::Invalid { .. }
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. }
        | Problem::Refused { .. } => problem.message(),
    };
    let mut body = Map::from_iter([("detail".to_owned(), Value::String(text))]);
    match problem {
        Problem::Refused { details, .. } => body.extend(details.clone()),
        Problem::Busy { .. } | Problem::Broken => {
            body.insert("request_id".to_owned(), id.map(|id| id.0.as_str()).into());
        }
        Problem::NoCredentials
        | Problem::UnknownKey
        | Problem::KeyMayNot { .. }
        | Problem::NotFound { .. }
        | Problem::NoRoute
        | Problem::MethodNotAllowed
        | Problem::Invalid { .. }
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. } => {}
    }
    (problem.status(), axum::Json(Value::Object(body))).into_response()
}

/// One thing that is wrong with a request, as this door's clients know it from their framework.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Flaw {
    kind: &'static str,
    loc: Vec<Value>,
    msg: String,
    input: Value,
    why: Option<String>,
}

/// A client learns what it sent, but nobody's log is filled with it.
const INPUT_BYTES_MAX: usize = 1_000;

impl Flaw {
    /// In the body: at a field, or of all of it.
    pub(crate) fn of(kind: &'static str, field: Option<&str>, msg: impl Into<String>, input: &Value) -> Self {
        let loc = std::iter::once("body").chain(field).map(Value::from).collect();
        Self { kind, loc, msg: msg.into(), input: shortened(input), why: None }
    }

    pub(crate) fn at(mut self, place: usize) -> Self {
        self.loc.push(place.into());
        self
    }

    pub(crate) fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    /// Of the query instead.
    pub(crate) fn in_query(mut self) -> Self {
        if let Some(part) = self.loc.first_mut() {
            *part = "query".into();
        }
        self
    }

    fn json(self) -> Value {
        let mut entry = json!({"type": self.kind, "loc": self.loc, "msg": self.msg, "input": self.input});
        if let Some(why) = self.why {
            entry["ctx"] = json!({"error": why});
        }
        entry
    }
}

fn shortened(input: &Value) -> Value {
    let text = match input {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() <= INPUT_BYTES_MAX {
        return input.clone();
    }
    let end = (0..=INPUT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end]).into()
}

/// 422 with all of them.
pub(crate) fn flawed(flaws: Vec<Flaw>) -> Problem {
    let flaws: Vec<Value> = flaws.into_iter().map(Flaw::json).collect();
    Problem::Refused {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        code: "",
        message: "The request can't be taken".to_owned(),
        details: Map::from_iter([("detail".to_owned(), flaws.into())]),
    }
}

pub(crate) fn not_found(message: String) -> Problem {
    Problem::refused(StatusCode::NOT_FOUND, "", message)
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use handrail_kernel::fault::Fault;
    use handrail_kernel::problem;
    use http::header::RETRY_AFTER;

    use super::*;

    #[tokio::test]
    async fn while_the_table_is_away_so_is_the_hub_and_our_mistakes_stay_ours() {
        let id = RequestId("0123".to_owned());
        for (fault, status, retry_after) in [
            (Fault::Busy("the table throttles".into()), 503, Some("1")),
            (Fault::broken("item 17 of ann@example.com can't be read"), 500, None),
        ] {
            let answer = problem::worded(DIALECT, Some(&id), Problem::from(fault).into_response());
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers().get(RETRY_AFTER).map(|seconds| seconds.to_str().unwrap()), retry_after);
            let body: Value = serde_json::from_slice(&to_bytes(answer.into_body(), 1_000).await.unwrap()).unwrap();
            assert!(body["detail"].is_string() && !body.to_string().contains("ann@example.com"), "{body}");
        }
    }

    #[test]
    fn what_was_sent_is_told_but_not_all_of_a_long_text() {
        let told = |input: Value| Flaw::of("string_type", Some("toAgent"), "m", &input).json()["input"].clone();
        assert_eq!(told(json!({"a": 1})), json!({"a": 1}));
        let long = told(json!(["ü".repeat(10_000)]));
        assert!(long.as_str().unwrap().len() <= INPUT_BYTES_MAX + '…'.len_utf8());
    }
}
