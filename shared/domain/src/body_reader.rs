//! Reader of JSON bodies that collects all field errors with their paths, for every door.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::field_error::{FIELD_ERRORS_MAX, FieldError, PathSegment};
use crate::read_time::{read_time, time_from_number};
use crate::text::EmailAddress;

pub type JsonObject = Map<String, Value>;

/// Current path and the errors found so far. The methods return `None` after they have recorded an error.
#[derive(Debug, Default)]
pub struct BodyReader {
    path: Vec<PathSegment>,
    errors: Vec<FieldError>,
    keeps_input: bool,
}

impl BodyReader {
    /// Returns a reader whose errors contain the invalid values, for doors that repeat them.
    pub fn keeping_input() -> Self {
        Self { keeps_input: true, ..Self::default() }
    }

    /// Reads a whole body with `read`. Fails with all recorded errors if there are any.
    pub fn read_body<T>(body: &Value, read: impl FnOnce(&mut Self, &Value) -> Option<T>) -> Result<T, Vec<FieldError>> {
        Self::default().read(|reader| read(reader, body))
    }

    /// Reads with `read`. Fails with all recorded errors if there are any.
    pub fn read<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Vec<FieldError>> {
        match read(&mut self) {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }

    /// Records an error at the current path.
    pub fn error<T>(&mut self, message: impl Into<String>, kind: &'static str) -> Option<T> {
        self.add(FieldError::new(self.path.clone(), message, kind))
    }

    /// Records an error at a path below the current one.
    pub fn error_below<T>(
        &mut self,
        path: Vec<PathSegment>,
        message: impl Into<String>,
        kind: &'static str,
    ) -> Option<T> {
        let path: Vec<PathSegment> = self.path.iter().cloned().chain(path).collect();
        self.add(FieldError::new(path, message, kind))
    }

    /// Records an error of `value` at the current path.
    pub fn error_of<T>(&mut self, value: &Value, message: impl Into<String>, kind: &'static str) -> Option<T> {
        self.add(self.with_input(FieldError::new(self.path.clone(), message, kind), value))
    }

    /// Records an error of `value` with its published cause.
    pub fn error_with_reason<T>(
        &mut self,
        value: &Value,
        message: impl Into<String>,
        kind: &'static str,
        reason: &str,
    ) -> Option<T> {
        self.add(self.with_input(FieldError::new(self.path.clone(), message, kind).with_reason(reason), value))
    }

    fn with_input(&self, error: FieldError, value: &Value) -> FieldError {
        if self.keeps_input { error.with_input(value.clone()) } else { error }
    }

    fn add<T>(&mut self, error: FieldError) -> Option<T> {
        if self.errors.len() < FIELD_ERRORS_MAX {
            self.errors.push(error);
        }
        None
    }

    /// Records an error at a member of the current object.
    pub fn error_at<T>(&mut self, name: &'static str, message: impl Into<String>, kind: &'static str) -> Option<T> {
        self.in_member(name, |reader| reader.error(message, kind))
    }

    /// Reads a member of the current object, whose name is added to the path of errors.
    pub fn in_member<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.at(PathSegment::from(name), read)
    }

    fn at<T>(&mut self, segment: PathSegment, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(segment);
        let value = read(self);
        self.path.pop();
        value
    }

    pub fn object<'v>(&mut self, value: &'v Value) -> Option<&'v JsonObject> {
        match value {
            Value::Object(members) => Some(members),
            _ => self.error_of(value, "Input should be a valid dictionary", "dict_type"),
        }
    }

    pub fn required<T>(
        &mut self,
        members: &JsonObject,
        name: &'static str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        self.required_as(members, [name, name], read)
    }

    /// Reads a required member that has a second published name. Errors have the first one.
    pub fn required_as<T>(
        &mut self,
        members: &JsonObject,
        [name, alias]: [&'static str; 2],
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        self.in_member(name, |reader| match members.get(name).or_else(|| members.get(alias)) {
            Some(value) => read(reader, value),
            None if reader.keeps_input => reader.error_of(&Value::Object(members.clone()), "Field required", "missing"),
            None => reader.error("Field required", "missing"),
        })
    }

    /// Reads an optional member. Null counts as absent.
    pub fn optional<T>(
        &mut self,
        members: &JsonObject,
        name: &'static str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<Option<T>> {
        self.optional_as(members, [name, name], read)
    }

    /// Reads an optional member that has a second published name. Errors have the first one.
    pub fn optional_as<T>(
        &mut self,
        members: &JsonObject,
        [name, alias]: [&'static str; 2],
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<Option<T>> {
        match members.get(name).or_else(|| members.get(alias)) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.in_member(name, |reader| read(reader, value)).map(Some),
        }
    }

    pub fn or_default<T: Default>(
        &mut self,
        members: &JsonObject,
        name: &'static str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        self.optional(members, name, read).map(Option::unwrap_or_default)
    }

    pub fn list<T>(&mut self, value: &Value, mut read: impl FnMut(&mut Self, &Value) -> Option<T>) -> Option<Vec<T>> {
        let Value::Array(values) = value else {
            return self.error_of(value, "Input should be a valid list", "list_type");
        };
        let items: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(index, value)| self.at(PathSegment::Place(index), |reader| read(reader, value)))
            .collect();
        // Collected in a second step, so that the errors of all items are recorded.
        items.into_iter().collect()
    }

    pub fn strings(&mut self, value: &Value) -> Option<Vec<String>> {
        self.list(value, Self::text)
    }

    pub fn text(&mut self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            _ => self.error_of(value, "Input should be a valid string", "string_type"),
        }
    }

    pub fn text_within(&mut self, value: &Value, chars_max: usize) -> Option<String> {
        let text = self.text(value)?;
        if text.chars().count() > chars_max {
            return self.error_of(
                value,
                format!("String should have at most {chars_max} characters"),
                "string_too_long",
            );
        }
        Some(text)
    }

    pub fn boolean(&mut self, value: &Value) -> Option<bool> {
        match value {
            Value::Bool(flag) => Some(*flag),
            _ => self.error_of(value, "Input should be a valid boolean", "bool_type"),
        }
    }

    /// Reads an integer. `5.0` counts as an integer, because some languages write all numbers so.
    pub fn integer(&mut self, value: &Value) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
        match value.as_i64().or_else(|| value.as_f64().and_then(whole)) {
            Some(number) => Some(number),
            None => self.error_of(value, "Input should be a valid integer", "int_type"),
        }
    }

    /// Reads a whole number within a range.
    pub fn whole_number(&mut self, value: &Value, range: RangeInclusive<u32>) -> Option<u32> {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("Input should be a whole number from {} to {}", range.start(), range.end());
            return self.error_of(value, message, "int_type");
        }
        number
    }

    pub fn json_object(&mut self, value: &Value) -> Option<JsonObject> {
        self.object(value).cloned()
    }

    /// Reads a time. A text is returned as written, a number as the text of its time.
    pub fn time(&mut self, value: &Value) -> Option<String> {
        let read = match value {
            Value::String(text) => read_time(text).map(|_| text.clone()),
            Value::Number(number) => number.as_f64().and_then(time_from_number).map(|at| at.to_string()),
            _ => None,
        };
        match read {
            Some(text) => Some(text),
            None => self.error_of(value, "Input should be a valid datetime", "datetime_parsing"),
        }
    }

    pub fn email_address(&mut self, value: &Value) -> Option<EmailAddress> {
        let text = self.text(value)?;
        match EmailAddress::parse(&text) {
            Ok(address) => Some(address),
            Err(error) => self.error_of(value, error.to_string(), "value_error"),
        }
    }

    pub fn id(&mut self, value: &Value) -> Option<crate::ids::RecordId> {
        match value.as_str().and_then(|text| uuid::Uuid::try_parse(text).ok()) {
            Some(id) => Some(crate::ids::RecordId::from_bytes(id.into_bytes())),
            None => self.error_of(value, "Input should be a valid UUID", "uuid_parsing"),
        }
    }

    /// Reads a string that is the name of one of `all`.
    pub fn one_of<T: Copy>(&mut self, value: &Value, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
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
        self.error_of(value, message, "enum")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members() -> JsonObject {
        json!({"to_agent": 7, "count": 11, "flag": null}).as_object().cloned().unwrap_or_default()
    }

    fn read(reader: BodyReader) -> Vec<FieldError> {
        let members = members();
        let read = |reader: &mut BodyReader| {
            let to = reader.required_as(&members, ["toAgent", "to_agent"], BodyReader::text);
            let count = reader.optional(&members, "count", |r, value| r.whole_number(value, 1..=10));
            let flag = reader.optional(&members, "flag", BodyReader::boolean);
            let name = reader.required(&members, "name", BodyReader::text);
            Some((to?, count?, flag?, name?))
        };
        reader.read(read).err().unwrap_or_default()
    }

    #[test]
    fn all_field_errors_are_collected_with_published_names() {
        let errors: Vec<_> = read(BodyReader::default()).iter().map(|error| (error.field(), error.kind)).collect();
        let expected = [("toAgent", "string_type"), ("count", "int_type"), ("name", "missing")];
        assert_eq!(errors, expected.map(|(field, kind)| (field.to_owned(), kind)));
    }

    #[test]
    fn invalid_values_are_kept_only_on_request() {
        let inputs = |reader| read(reader).into_iter().map(|error| error.input.map(|input| *input)).collect::<Vec<_>>();
        assert_eq!(inputs(BodyReader::default()), [None, None, None]);
        let kept = inputs(BodyReader::keeping_input());
        assert_eq!(kept, [Some(json!(7)), Some(json!(11)), Some(Value::Object(members()))]);
    }
}
