//! Reads JSON member by member and remembers everything that is wrong with it, each with its path.

use serde_json::{Map, Value};

use super::time::{read_time, time_of_number};
use crate::text::EmailAddress;
use serde::{Serialize, Serializer};

/// Listed at most. A body can hold thousands.
pub const FLAWS_MAX: usize = 50;

/// One thing that is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// From the body's top down.
    pub path: Vec<Step>,
    pub message: String,
    /// The published word for it, such as `missing`.
    pub kind: &'static str,
}

/// A member's name or a place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Member(&'static str),
    Place(usize),
}

impl Flaw {
    pub fn new(path: &[Step], message: impl Into<String>, kind: &'static str) -> Self {
        Self { path: path.to_vec(), message: message.into(), kind }
    }

    /// `actions.pending.0.id`
    pub fn field(&self) -> String {
        let steps = self.path.iter().map(|step| match step {
            Step::Member(name) => (*name).to_owned(),
            Step::Place(place) => place.to_string(),
        });
        steps.collect::<Vec<_>>().join(".")
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Member(name) => serializer.serialize_str(name),
            Self::Place(place) => serializer.serialize_u64(*place as u64),
        }
    }
}

pub(super) type Members = Map<String, Value>;

/// Where the reading is, and what it found. A reader returns `None` when it noted a flaw.
#[derive(Debug, Default)]
pub(super) struct Reading {
    path: Vec<Step>,
    flaws: Vec<Flaw>,
}

impl Reading {
    /// Reads a whole body.
    pub(super) fn of<T>(body: &Value, read: impl FnOnce(&mut Self, &Value) -> Option<T>) -> Result<T, Vec<Flaw>> {
        let mut reading = Self::default();
        match read(&mut reading, body) {
            Some(value) if reading.flaws.is_empty() => Ok(value),
            _ => Err(reading.flaws),
        }
    }

    pub(super) fn flaw<T>(&mut self, message: impl Into<String>, kind: &'static str) -> Option<T> {
        if self.flaws.len() < FLAWS_MAX {
            self.flaws.push(Flaw::new(&self.path, message, kind));
        }
        None
    }

    /// Notes it at a member of the object that is being read.
    pub(super) fn flaw_at<T>(
        &mut self,
        name: &'static str,
        message: impl Into<String>,
        kind: &'static str,
    ) -> Option<T> {
        self.at(Step::Member(name), |reading| reading.flaw(message, kind))
    }

    fn at<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let value = read(self);
        self.path.pop();
        value
    }

    pub(super) fn object<'v>(&mut self, value: &'v Value) -> Option<&'v Members> {
        match value {
            Value::Object(members) => Some(members),
            _ => self.flaw("Input should be a valid dictionary", "dict_type"),
        }
    }

    pub(super) fn needed<T>(
        &mut self,
        members: &Members,
        name: &'static str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        self.at(Step::Member(name), |reading| match members.get(name) {
            Some(value) => read(reading, value),
            None => reading.flaw("Field required", "missing"),
        })
    }

    /// Null says the same as nothing.
    pub(super) fn optional<T>(
        &mut self,
        members: &Members,
        name: &'static str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<Option<T>> {
        match members.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.at(Step::Member(name), |reading| read(reading, value)).map(Some),
        }
    }

    pub(super) fn or_default<T: Default>(
        &mut self,
        members: &Members,
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
            return self.flaw("Input should be a valid list", "list_type");
        };
        let read: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(place, value)| self.at(Step::Place(place), |reading| read(reading, value)))
            .collect();
        // Only now, so that all of them were looked at.
        read.into_iter().collect()
    }

    pub(super) fn texts(&mut self, value: &Value) -> Option<Vec<String>> {
        self.list(value, Self::text)
    }

    pub(super) fn text(&mut self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            _ => self.flaw("Input should be a valid string", "string_type"),
        }
    }

    pub(super) fn text_within(&mut self, value: &Value, chars_max: usize) -> Option<String> {
        let text = self.text(value)?;
        if text.chars().count() > chars_max {
            return self.flaw(format!("String should have at most {chars_max} characters"), "string_too_long");
        }
        Some(text)
    }

    pub(super) fn flag(&mut self, value: &Value) -> Option<bool> {
        match value {
            Value::Bool(flag) => Some(*flag),
            _ => self.flaw("Input should be a valid boolean", "bool_type"),
        }
    }

    /// `5.0` is an integer too: some languages write no other.
    pub(super) fn integer(&mut self, value: &Value) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
        match value.as_i64().or_else(|| value.as_f64().and_then(whole)) {
            Some(number) => Some(number),
            None => self.flaw("Input should be a valid integer", "int_type"),
        }
    }

    pub(super) fn members(&mut self, value: &Value) -> Option<Members> {
        self.object(value).cloned()
    }

    /// Kept as it was written; a number of seconds is written as a time.
    pub(super) fn time(&mut self, value: &Value) -> Option<String> {
        let read = match value {
            Value::String(text) => read_time(text).map(|_| text.clone()),
            Value::Number(number) => number.as_f64().and_then(time_of_number).map(|at| at.to_string()),
            _ => None,
        };
        match read {
            Some(text) => Some(text),
            None => self.flaw("Input should be a valid datetime", "datetime_parsing"),
        }
    }

    pub(super) fn address(&mut self, value: &Value) -> Option<EmailAddress> {
        let text = self.text(value)?;
        match EmailAddress::parse(&text) {
            Ok(address) => Some(address),
            Err(fault) => self.flaw(fault.to_string(), "value_error"),
        }
    }

    pub(super) fn id(&mut self, value: &Value) -> Option<crate::ids::RecordId> {
        match value.as_str().and_then(|text| uuid::Uuid::try_parse(text).ok()) {
            Some(id) => Some(crate::ids::RecordId::from_bytes(id.into_bytes())),
            None => self.flaw("Input should be a valid UUID", "uuid_parsing"),
        }
    }

    /// One of these words.
    pub(super) fn word<T: Copy>(&mut self, value: &Value, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
        let found = value.as_str().and_then(|text| all.iter().copied().find(|one| name(*one) == text));
        if found.is_some() {
            return found;
        }
        let names: Vec<_> = all.iter().map(|one| format!("'{}'", name(*one))).collect();
        let (last, first) = names.split_last().map_or(("", &[][..]), |(last, first)| (last.as_str(), first));
        let message = match first {
            [] => format!("Input should be {last}"),
            _ => format!("Input should be {} or {last}", first.join(", ")),
        };
        self.flaw(message, "enum")
    }
}
