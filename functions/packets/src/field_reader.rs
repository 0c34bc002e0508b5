//! Reads the fields of a small JSON body and collects all field errors. A null field counts as absent.

use handrail_domain::packet::{FieldError, PathSegment};
use serde_json::{Map, Value};

pub(crate) struct FieldReader<'v> {
    object: &'v Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<'v> FieldReader<'v> {
    /// Returns `None` if the body is not a JSON object.
    pub(crate) fn new(body: &'v Value) -> Option<Self> {
        Some(Self { object: body.as_object()?, errors: Vec::new() })
    }

    fn non_null(&self, name: &str) -> Option<&'v Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn add_error(&mut self, name: &'static str, message: impl Into<String>, kind: &'static str) {
        self.errors.push(FieldError::new(&[PathSegment::Member(name)], message, kind));
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Option<&'v str> {
        let value = self.non_null(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.add_error(name, "Input should be a valid string", "string_type");
        }
        text
    }

    pub(crate) fn required_text(&mut self, name: &'static str) -> Option<&'v str> {
        if self.non_null(name).is_none() {
            self.add_error(name, "Field required", "missing");
        }
        self.text(name)
    }

    pub(crate) fn number(&mut self, name: &'static str, max: u32) -> Option<u32> {
        let value = self.non_null(name)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= max);
        if number.is_none() {
            self.add_error(name, format!("Input should be a whole number from 0 to {max}"), "int_type");
        }
        number
    }

    /// Reads a list of texts.
    pub(crate) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let value = self.non_null(name)?;
        let texts: Option<Vec<String>> =
            value.as_array().and_then(|list| list.iter().map(|text| text.as_str().map(str::to_owned)).collect());
        if texts.is_none() {
            self.add_error(name, "Input should be a valid list of strings", "list_type");
        }
        texts
    }

    /// Reads an object whose members are whole numbers, all of them required.
    pub(crate) fn numbers<const N: usize>(
        &mut self,
        name: &'static str,
        members: [&'static str; N],
    ) -> Option<[u32; N]> {
        let value = self.non_null(name)?;
        let mut numbers = [0; N];
        for (number, member) in numbers.iter_mut().zip(members) {
            let found = value.get(member).and_then(Value::as_u64).and_then(|found| u32::try_from(found).ok());
            let Some(found) = found else {
                let path = [PathSegment::Member(name), PathSegment::Member(member)];
                self.errors.push(FieldError::new(&path, "Input should be a whole number", "int_type"));
                return None;
            };
            *number = found;
        }
        Some(numbers)
    }

    /// Returns the value that was read, or all field errors.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T, Vec<FieldError>> {
        match read {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }
}
