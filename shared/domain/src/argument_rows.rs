//! Arguments of a tool as flat rows, for people: one row for each value, with the path that leads to it.
//!
//! The rows have the agent's text unchanged. Whoever shows them names its invisible characters and escapes it.

use serde_json::{Map, Value};

/// Most rows. Larger arguments are one row with their JSON, so that no value is ever left out.
pub const ROWS_MAX: usize = 400;
/// Most bytes of all paths and values. Long names repeat in the path of every value below them.
pub const ROWS_BYTES_MAX: usize = 64 * 1024;

/// One value of the arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentRow {
    /// Path to the value, such as `items[0].price`. A name with other characters is in brackets as JSON text. Empty in the
    /// row that has all arguments.
    pub path: String,
    /// Value as text: a text without quotes, anything else as JSON.
    pub value: String,
    /// `true` for a text, which a reader must be able to tell from a number or from true and false.
    pub is_text: bool,
}

impl ArgumentRow {
    /// Path to the value, or the name of the field in the row that has all arguments.
    pub fn name(&self) -> &str {
        if self.path.is_empty() { "arguments" } else { &self.path }
    }
}

/// Returns the arguments as rows, in the order in which they were given.
pub fn argument_rows(arguments: &Map<String, Value>) -> Vec<ArgumentRow> {
    let mut rows = Rows { rows: Vec::new(), bytes: 0 };
    let fits = arguments.iter().all(|(name, value)| rows.add(child_path("", name), value));
    match fits {
        true => rows.rows,
        false => {
            let value = serde_json::to_string(arguments).unwrap_or_default();
            vec![ArgumentRow { path: String::new(), value, is_text: false }]
        }
    }
}

struct Rows {
    rows: Vec<ArgumentRow>,
    bytes: usize,
}

impl Rows {
    /// Adds a row for each value below `path`. Returns `false` if the rows exceed their limits.
    fn add(&mut self, path: String, value: &Value) -> bool {
        match value {
            Value::Object(members) if !members.is_empty() => {
                members.iter().all(|(name, value)| self.add(child_path(&path, name), value))
            }
            Value::Array(items) if !items.is_empty() => {
                items.iter().enumerate().all(|(place, value)| self.add(format!("{path}[{place}]"), value))
            }
            Value::String(text) => self.push(ArgumentRow { path, value: text.clone(), is_text: true }),
            other => self.push(ArgumentRow { path, value: other.to_string(), is_text: false }),
        }
    }

    fn push(&mut self, row: ArgumentRow) -> bool {
        self.bytes += row.path.len() + row.value.len();
        self.rows.push(row);
        self.rows.len() <= ROWS_MAX && self.bytes <= ROWS_BYTES_MAX
    }
}

fn child_path(parent: &str, name: &str) -> String {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    match (is_plain, parent) {
        (true, "") => name.to_owned(),
        (true, parent) => format!("{parent}.{name}"),
        (false, parent) => format!("{parent}[{}]", Value::from(name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(arguments: &Value) -> Vec<(String, String, bool)> {
        let rows = argument_rows(arguments.as_object().unwrap());
        rows.into_iter().map(|row| (row.path, row.value, row.is_text)).collect()
    }

    #[test]
    fn each_value_has_a_row_with_its_path() {
        let arguments = json!({
            "order": 1234, "to": {"name": "ACME", "ids": ["7", 7, true, null]}, "a.b": "x", "": {}, "list": [],
        });
        let row = |path: &str, value: &str, is_text| (path.to_owned(), value.to_owned(), is_text);
        let expected = [
            row("order", "1234", false),
            row("to.name", "ACME", true),
            row("to.ids[0]", "7", true),
            row("to.ids[1]", "7", false),
            row("to.ids[2]", "true", false),
            row("to.ids[3]", "null", false),
            row(r#"["a.b"]"#, "x", true),
            row(r#"[""]"#, "{}", false),
            row("list", "[]", false),
        ];
        assert_eq!(rows(&arguments), expected);
        assert_eq!(rows(&json!({})), []);
    }

    /// Names that repeat in many paths would make a page of many megabytes.
    #[test]
    fn large_arguments_are_one_row_with_everything() {
        let many = json!({"n": vec![1; ROWS_MAX + 1]});
        let long = json!({"x".repeat(8_000): vec![1; 100]});
        for arguments in [many, long] {
            assert_eq!(rows(&arguments), [(String::new(), arguments.to_string(), false)]);
        }
        assert_eq!(rows(&json!({"n": vec![1; ROWS_MAX]})).len(), ROWS_MAX);
    }
}
