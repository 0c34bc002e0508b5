//! Reads the members of a small body one by one and remembers everything that is wrong. Null says the same as nothing.

use handrail_domain::packet::{Flaw, Step};
use serde_json::{Map, Value};

pub(crate) struct Members<'v> {
    members: &'v Map<String, Value>,
    flaws: Vec<Flaw>,
}

impl<'v> Members<'v> {
    /// `None`: this is no object.
    pub(crate) fn of(body: &'v Value) -> Option<Self> {
        Some(Self { members: body.as_object()?, flaws: Vec::new() })
    }

    fn given(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn flaw(&mut self, name: &'static str, message: impl Into<String>, kind: &'static str) {
        self.flaws.push(Flaw::new(&[Step::Member(name)], message, kind));
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Option<&'v str> {
        let value = self.given(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.flaw(name, "Input should be a valid string", "string_type");
        }
        text
    }

    pub(crate) fn needed_text(&mut self, name: &'static str) -> Option<&'v str> {
        if self.given(name).is_none() {
            self.flaw(name, "Field required", "missing");
        }
        self.text(name)
    }

    pub(crate) fn number(&mut self, name: &'static str, max: u32) -> Option<u32> {
        let value = self.given(name)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= max);
        if number.is_none() {
            self.flaw(name, format!("Input should be a whole number from 0 to {max}"), "int_type");
        }
        number
    }

    /// What was read, if nothing was wrong.
    pub(crate) fn done<T>(self, read: Option<T>) -> Result<T, Vec<Flaw>> {
        match read {
            Some(value) if self.flaws.is_empty() => Ok(value),
            _ => Err(self.flaws),
        }
    }
}
