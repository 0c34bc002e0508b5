//! Field errors of a request: which field is wrong, and why. Each door words them in its published format.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// Most field errors that are reported. A body can have thousands.
pub const FIELD_ERRORS_MAX: usize = 50;

/// Published type of an error whose message says which values are allowed.
pub const VALUE_ERROR: &str = "value_error";

/// Invalid or missing field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub part: RequestPart,
    /// Path from the top of the part. Empty if no field is named.
    pub path: Vec<PathSegment>,
    /// What is wrong and what to do.
    pub message: String,
    /// Published error type, such as `missing`.
    pub kind: &'static str,
    /// Value of the field, for doors that repeat it.
    pub input: Option<Box<Value>>,
    /// Published cause of the error, for doors that name one.
    pub reason: Option<Box<str>>,
}

/// Part of a request that contains a field error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPart {
    Body,
    Query,
    Path,
    Header,
    /// The request as a whole, such as a body that ends early.
    Whole,
}

/// Name of an object's member, or position in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathSegment {
    Member(Cow<'static, str>),
    Place(usize),
}

impl FieldError {
    /// Returns the error of a field of the body.
    pub fn new<S: Into<PathSegment>>(
        path: impl IntoIterator<Item = S>,
        message: impl Into<String>,
        kind: &'static str,
    ) -> Self {
        let path = path.into_iter().map(Into::into).collect();
        Self { part: RequestPart::Body, path, message: message.into(), kind, input: None, reason: None }
    }

    /// Returns an error that names no field.
    pub fn of_whole(part: RequestPart, message: impl Into<String>, kind: &'static str) -> Self {
        Self { part, ..Self::new(Vec::<PathSegment>::new(), message, kind) }
    }

    #[must_use]
    pub fn in_part(self, part: RequestPart) -> Self {
        Self { part, ..self }
    }

    #[must_use]
    pub fn with_input(self, input: Value) -> Self {
        Self { input: Some(Box::new(input)), ..self }
    }

    #[must_use]
    pub fn with_reason(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into().into_boxed_str()), ..self }
    }

    /// Path in dot notation, such as `actions.pending.0.id`.
    pub fn field(&self) -> String {
        let segments = self.path.iter().map(|segment| match segment {
            PathSegment::Member(name) => name.to_string(),
            PathSegment::Place(index) => index.to_string(),
        });
        segments.collect::<Vec<_>>().join(".")
    }

    /// Path with positions in brackets, such as `rules[0].effect`.
    pub fn field_with_brackets(&self) -> String {
        self.path.iter().enumerate().fold(String::new(), |field, (index, segment)| match segment {
            PathSegment::Member(name) if index == 0 => field + name,
            PathSegment::Member(name) => format!("{field}.{name}"),
            PathSegment::Place(place) => format!("{field}[{place}]"),
        })
    }
}

impl RequestPart {
    /// Returns the published name. An error of the whole request counts as one of the body.
    pub fn name(self) -> &'static str {
        match self {
            Self::Body | Self::Whole => "body",
            Self::Query => "query",
            Self::Path => "path",
            Self::Header => "header",
        }
    }
}

impl From<&'static str> for PathSegment {
    fn from(name: &'static str) -> Self {
        Self::Member(Cow::Borrowed(name))
    }
}

impl From<String> for PathSegment {
    fn from(name: String) -> Self {
        Self::Member(Cow::Owned(name))
    }
}

impl Serialize for PathSegment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Member(name) => serializer.serialize_str(name),
            Self::Place(index) => serializer.serialize_u64(*index as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_shown_in_both_notations() {
        let path =
            [PathSegment::from("rules"), PathSegment::Place(0), PathSegment::from("match"), PathSegment::Place(2)];
        let error = FieldError::new(path, "is wrong", VALUE_ERROR);
        assert_eq!(
            (error.field().as_str(), error.field_with_brackets().as_str()),
            ("rules.0.match.2", "rules[0].match[2]")
        );
    }
}
