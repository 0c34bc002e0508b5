//! A schema that somebody registers, as far as it is the request's: what the schema itself says is looked at elsewhere.

use serde_json::Value;

use super::reading::{Flaw, Reading};

pub const SCHEMA_NAME_CHARS_MAX: usize = 128;

#[derive(Clone, Debug, PartialEq)]
pub struct SchemaProposal {
    pub name: String,
    pub version: u32,
    /// An object that says of which type a context is.
    pub json_schema: Value,
}

impl SchemaProposal {
    pub fn read(body: &Value) -> Result<Self, Vec<Flaw>> {
        Reading::of(body, |reading, body| {
            let members = reading.object(body)?;
            let name = reading.needed(members, "name", |r, value| {
                let name = r.text_within(value, SCHEMA_NAME_CHARS_MAX)?;
                if name.is_empty() {
                    return r.flaw("String should have at least 1 character", "string_too_short");
                }
                Some(name)
            });
            let json_schema = reading.needed(members, "json_schema", |r, value| {
                let says = r.object(value)?;
                r.needed(says, "type", |_, _| Some(()))?;
                Some(value.clone())
            });
            let version = reading.optional(members, "version", |r, value| {
                let number = r.integer(value)?;
                match u32::try_from(number).ok().filter(|number| *number > 0) {
                    Some(number) => Some(number),
                    None => r.flaw(format!("Input should be from 1 to {}", u32::MAX), "greater_than_equal"),
                }
            });
            Some(Self { name: name?, json_schema: json_schema?, version: version?.unwrap_or(1) })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_that_is_wrong_with_a_schemas_request_is_told() {
        let flaws = SchemaProposal::read(&json!({"name": 1, "json_schema": {"a": 1}, "version": -1})).unwrap_err();
        let fields: Vec<String> = flaws.iter().map(Flaw::field).collect();
        assert_eq!(fields, ["name", "json_schema.type", "version"]);
        let least = SchemaProposal::read(&json!({"name": "x", "json_schema": {"type": "object"}, "version": null}));
        assert_eq!(least.unwrap().version, 1);
    }
}
