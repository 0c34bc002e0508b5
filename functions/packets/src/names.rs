//! Names of API keys and tenants in request bodies.

use handrail_access::api_keys::is_valid_name;
use handrail_domain::body_reader::BodyReader;
use serde_json::Value;

/// Reads a name: one printable line that is not blank.
pub(crate) fn read_name(reader: &mut BodyReader, value: &Value, chars_max: usize) -> Option<String> {
    let name = reader.text(value)?;
    if !is_valid_name(&name, chars_max) {
        return reader.error(format!("String should be one line of 1 to {chars_max} characters"), "value_error");
    }
    Some(name)
}
