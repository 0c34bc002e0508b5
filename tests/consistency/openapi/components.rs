//! The schemas of a document, of requests and of responses.
//!
//! A type that is read and written has two schemas if a member may be left out of requests but not of responses. That of
//! requests then has the name with `Input` behind it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

const PREFIX: &str = "#/components/schemas/";
const SUFFIX: &str = "Input";

/// Merges the schemas and renames references to those of requests in the bodies of the operations.
pub(super) fn merge<'a>(
    responses: Map<String, Value>,
    requests: Map<String, Value>,
    paths: impl Iterator<Item = &'a mut Value>,
) -> Map<String, Value> {
    let renamed = names_to_rename(&responses, &requests);
    let mut merged = responses;
    for (name, mut schema) in requests {
        rename(&mut schema, &renamed);
        let name = if renamed.contains(&name) { format!("{name}{SUFFIX}") } else { name };
        merged.insert(name, schema);
    }
    for operation in paths.flat_map(|path| path.as_object_mut().into_iter().flat_map(|methods| methods.values_mut())) {
        if let Some(body) = operation.get_mut("requestBody") {
            rename(body, &renamed);
        }
    }
    merged.sort_keys();
    merged
}

/// Returns the names of both lists whose schemas differ, or lead to one that differs.
fn names_to_rename(responses: &Map<String, Value>, requests: &Map<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let more: Vec<String> = requests
            .iter()
            .filter(|(name, schema)| {
                let differs = responses.get(*name).is_some_and(|other| other != *schema || refers_to(schema, &found));
                differs && !found.contains(*name)
            })
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn refers_to(schema: &Value, names: &BTreeSet<String>) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(key, value)| match value {
            Value::String(target) if key == "$ref" => {
                target.strip_prefix(PREFIX).is_some_and(|name| names.contains(name))
            }
            value => refers_to(value, names),
        }),
        Value::Array(values) => values.iter().any(|value| refers_to(value, names)),
        _ => false,
    }
}

fn rename(schema: &mut Value, names: &BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if target.strip_prefix(PREFIX).is_some_and(|name| names.contains(name)) {
                            target.push_str(SUFFIX);
                        }
                    }
                    value => rename(value, names),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, names)),
        _ => {}
    }
}
