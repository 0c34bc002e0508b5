//! Reader of JSON bodies that collects all field errors with their paths.

use serde_json::{Map, Value};

use super::time::{read_time, time_from_number};
use crate::text::EmailAddress;
use serde::{Serialize, Serializer};

/// Most field errors that are reported. A body can have thousands.
pub const FIELD_ERRORS_MAX: usize = 50;

/// Invalid or missing field of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path from the top of the body.
    pub path: Vec<PathSegment>,
    pub message: String,
    /// Published error type, such as `missing`.
    pub kind: &'static str,
}

/// Name of an object's member, or position in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathSegment {
    Member(&'static str),
    Place(usize),
}

impl FieldError {
    pub fn new(path: &[PathSegment], message: impl Into<String>, kind: &'static str) -> Self {
        Self { path: path.to_vec(), message: message.into(), kind }
    }

    /// Path in dot notation, such as `actions.pending.0.id`.
    pub fn field(&self) -> String {
        let segments = self.path.iter().map(|segment| match segment {
            PathSegment::Member(name) => (*name).to_owned(),
            PathSegment::Place(index) => index.to_string(),
        });
        segments.collect::<Vec<_>>().join(".")
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

pub(super) type JsonObject = Map<String, Value>;

/// Current path and the errors found so far. The methods return `None` after they have recorded an error.
#[derive(Debug, Default)]
pub(super) struct BodyReader {
    path: Vec<PathSegment>,
    errors: Vec<FieldError>,
}

impl BodyReader {
    /// Reads a whole body with `read`. Fails with all recorded errors if there are any.
    pub(super) fn read_body<T>(
        body: &Value,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Result<T, Vec<FieldError>> {
        let mut reader = Self::default();
        match read(&mut reader, body) {
            Some(value) if reader.errors.is_empty() => Ok(value),
            _ => Err(reader.errors),
        }
    }

    /// Records an error at the current path.
    pub(super) fn error<T>(&mut self, message: impl Into<String>, kind: &'static str) -> Option<T> {
        if self.errors.len() < FIELD_ERRORS_MAX {
            self.errors.push(FieldError::new(&self.path, message, kind));
        }
        None
    }

    /// Records an error at a member of the current object.
    pub(super) fn error_at<T>(
        &mut self,
        name: &'static str,
        message: impl Into<String>,
        kind: &'static str,
    ) -> Option<T> {
        self.at(PathSegment::Member(name), |reader| reader.error(message, kind))
    }

    fn at<T>(&mut self, segment: PathSegment, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(segment);
        let value = read(self);
        self.path.pop();
        value
    }

    pub(super) fn object<'v>(&mut self, value: &'v Value) -> Option<&'v JsonObject> {
        match value {
            Value::Object(members) => Some(members),
            _ => self.error("Input should be a valid dictionary", "dict_type"),
        }
    }

    pub(super) fn required<T>(
        &mut self,
        members: &JsonObject,
        name: &'static str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        self.at(PathSegment::Member(name), |reader| match members.get(name) {
            Some(value) => read(reader, value),
            None => reader.error("Field required", "missing"),
        })
    }

    /// Reads an optional member. Null counts as absent.
    pub(super) fn optional<T>(
        &mut self,
        members: &JsonObject,
        name: &'static str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<Option<T>> {
        match members.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.at(PathSegment::Member(name), |reader| read(reader, value)).map(Some),
        }
    }

    pub(super) fn or_default<T: Default>(
        &mut self,
        members: &JsonObject,
        name: &'static str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        self.optional(members, name, read).map(Option::unwrap_or_default)
    }

    pub(super) fn list<T>(
        &mut self,
        value: &Value,
        mut read: impl FnMut(&mut Self, &Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::Array(values) = value else {
            return self.error("Input should be a valid list", "list_type");
        };
        let items: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(index, value)| self.at(PathSegment::Place(index), |reader| read(reader, value)))
            .collect();
        // Collected in a second step, so that the errors of all items are recorded.
        items.into_iter().collect()
    }

    pub(super) fn strings(&mut self, value: &Value) -> Option<Vec<String>> {
        self.list(value, Self::text)
    }

    pub(super) fn text(&mut self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            _ => self.error("Input should be a valid string", "string_type"),
        }
    }

    pub(super) fn text_within(&mut self, value: &Value, chars_max: usize) -> Option<String> {
        let text = self.text(value)?;
        if text.chars().count() > chars_max {
            return self.error(format!("String should have at most {chars_max} characters"), "string_too_long");
        }
        Some(text)
    }

    pub(super) fn boolean(&mut self, value: &Value) -> Option<bool> {
        match value {
            Value::Bool(flag) => Some(*flag),
            _ => self.error("Input should be a valid boolean", "bool_type"),
        }
    }

    /// Reads an integer. `5.0` counts as an integer, because some languages write all numbers so.
    pub(super) fn integer(&mut self, value: &Value) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
        match value.as_i64().or_else(|| value.as_f64().and_then(whole)) {
            Some(number) => Some(number),
            None => self.error("Input should be a valid integer", "int_type"),
        }
    }

    pub(super) fn json_object(&mut self, value: &Value) -> Option<JsonObject> {
        self.object(value).cloned()
    }

    /// Reads a time. A text is returned as written, a number as the text of its time.
    pub(super) fn time(&mut self, value: &Value) -> Option<String> {
        let read = match value {
            Value::String(text) => read_time(text).map(|_| text.clone()),
            Value::Number(number) => number.as_f64().and_then(time_from_number).map(|at| at.to_string()),
            _ => None,
        };
        match read {
            Some(text) => Some(text),
            None => self.error("Input should be a valid datetime", "datetime_parsing"),
        }
    }

    pub(super) fn email_address(&mut self, value: &Value) -> Option<EmailAddress> {
        let text = self.text(value)?;
        match EmailAddress::parse(&text) {
            Ok(address) => Some(address),
            Err(error) => self.error(error.to_string(), "value_error"),
        }
    }

    pub(super) fn id(&mut self, value: &Value) -> Option<crate::ids::RecordId> {
        match value.as_str().and_then(|text| uuid::Uuid::try_parse(text).ok()) {
            Some(id) => Some(crate::ids::RecordId::from_bytes(id.into_bytes())),
            None => self.error("Input should be a valid UUID", "uuid_parsing"),
        }
    }

    /// Reads a string that is the name of one of `all`.
    pub(super) fn one_of<T: Copy>(&mut self, value: &Value, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
        let found = value.as_str().and_then(|text| all.iter().copied().find(|variant| name(*variant) == text));
        if found.is_some() {
            return found;
        }
        let names: Vec<_> = all.iter().map(|variant| format!("'{}'", name(*variant))).collect();
        let (last, first) = names.split_last().map_or(("", &[][..]), |(last, first)| (last.as_str(), first));
        let message = match first {
            [] => format!("Input should be {last}"),
            _ => format!("Input should be {} or {last}", first.join(", ")),
        };
        self.error(message, "enum")
    }
}
