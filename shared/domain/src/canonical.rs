//! Canonical JSON of a request, the input of the digest by which a repeated request is recognised.
//!
//! The text depends on the public field names and values alone. Names of Rust types, the order of struct fields and
//! `Debug` have no influence, so a refactoring cannot make a repeat look like another request.

use serde_json::Value;

/// Returns the JSON text of `value` without white space, with the members of each object sorted by name.
///
/// Numbers keep the form that `serde_json` gives them: `1` and `1.0` are different values.
pub fn canonical_json(value: &Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            members.sort_by(|(left, _), (right, _)| left.cmp(right));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_at_every_depth() {
        let value = json!({"b": [{"z": 1, "a": null}, 1.0], "a": {"é": "x\u{1}", "e": true}});
        assert_eq!(canonical_json(&value), r#"{"a":{"e":true,"é":"x\u0001"},"b":[{"a":null,"z":1},1.0]}"#);
    }

    #[test]
    fn order_of_list_items_matters() {
        assert_ne!(canonical_json(&json!([1, 2])), canonical_json(&json!([2, 1])));
    }
}
