//! Request to register a schema. The schema itself is checked by the packets API.

use serde_json::Value;

use crate::body_reader::BodyReader;
use crate::field_error::FieldError;

pub const SCHEMA_NAME_CHARS_MAX: usize = 128;

/// Validated request to register a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaProposal {
    pub name: String,
    pub version: u32,
    /// JSON schema of a context: an object with at least the member `type`.
    pub json_schema: Value,
}

impl SchemaProposal {
    pub fn read(body: &Value) -> Result<Self, Vec<FieldError>> {
        BodyReader::read_body(body, |reader, body| {
            let members = reader.object(body)?;
            let name = reader.required(members, "name", |r, value| {
                let name = r.text_within(value, SCHEMA_NAME_CHARS_MAX)?;
                if name.is_empty() {
                    return r.error("String should have at least 1 character", "string_too_short");
                }
                Some(name)
            });
            let json_schema = reader.required(members, "json_schema", |r, value| {
                let schema = r.object(value)?;
                r.required(schema, "type", |_, _| Some(()))?;
                Some(value.clone())
            });
            let version = reader.optional(members, "version", |r, value| {
                let number = r.integer(value)?;
                match u32::try_from(number).ok().filter(|number| *number > 0) {
                    Some(number) => Some(number),
                    None => r.error(format!("Input should be from 1 to {}", u32::MAX), "greater_than_equal"),
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
    fn schema_request_reports_all_field_errors() {
        let errors = SchemaProposal::read(&json!({"name": 1, "json_schema": {"a": 1}, "version": -1})).unwrap_err();
        let fields: Vec<String> = errors.iter().map(FieldError::field).collect();
        assert_eq!(fields, ["name", "json_schema.type", "version"]);
        let minimal = SchemaProposal::read(&json!({"name": "x", "json_schema": {"type": "object"}, "version": null}));
        assert_eq!(minimal.unwrap().version, 1);
    }
}
