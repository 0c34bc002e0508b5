//! Answers: what may come with one, and whether it is one to what was asked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};

use super::ask::{Ask, Choice, Invalid, invalid};
use super::response::{ResponseType, TextField};
use crate::attachment::Attachment;
use crate::text::has_hidden_controls;
use crate::time::Timestamp;

/// What somebody answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub resolved_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_data: Option<Value>,
    /// Approved for this time and not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute_at: Option<Timestamp>,
    /// What the approver uploaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
}

/// An answer as it was handed in, before it is known to count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// In whose name. Absent: the person who is asked.
    pub resolved_by: Option<String>,
    pub notes: Option<String>,
    pub response_data: Option<Value>,
    /// When to do it, as it was written.
    pub execute_at: Option<String>,
    /// Checked and kept already.
    pub files: Vec<Attachment>,
}

/// Kept in the record and in its log, so they stay small.
pub const NOTES_CHARS_MAX: usize = 5_000;
pub const RESPONSE_DATA_BYTES_MAX: usize = 16 * 1024;
/// The log wraps the data, and a reader of JSON gives up at 128: what is stored must be readable again.
pub const RESPONSE_DATA_DEPTH_MAX: usize = 64;
pub const RESOLVED_BY_CHARS_MAX: usize = 254;
/// Of one typed text.
pub const TEXT_CHARS_MAX: usize = 2_000;
pub const EXECUTE_WITHIN_DAYS_MAX: i64 = 365;

const DATA: &str = "response_data";
const EXECUTE_AT: &str = "execute_at";
/// The member of `response_data` that an answer in words lies under.
pub const REPLY: &str = "response";

/// Checks what came with an answer, from whichever side it came and whatever was asked.
pub fn check_given(
    resolved_by: Option<String>,
    notes: Option<String>,
    response_data: Option<Value>,
    execute_at: Option<String>,
) -> Result<Given, Invalid> {
    let resolved_by = resolved_by.filter(|by| !by.trim().is_empty());
    if let Some(by) = &resolved_by {
        if by.chars().count() > RESOLVED_BY_CHARS_MAX {
            return Err(invalid("resolved_by", format!("must be at most {RESOLVED_BY_CHARS_MAX} characters")));
        }
        if by.chars().any(char::is_control) {
            return Err(invalid("resolved_by", "must not hold control characters"));
        }
    }
    let notes = notes.filter(|notes| !notes.trim().is_empty());
    if let Some(notes) = &notes {
        if notes.chars().count() > NOTES_CHARS_MAX {
            return Err(invalid("notes", format!("must be at most {NOTES_CHARS_MAX} characters")));
        }
        if has_hidden_controls(notes) {
            return Err(invalid("notes", "must not hold control characters other than tabs and line breaks"));
        }
    }
    if let Some(data) = &response_data {
        if !data.is_object() {
            return Err(invalid(DATA, "must be an object"));
        }
        if depth(data) > RESPONSE_DATA_DEPTH_MAX {
            return Err(invalid(DATA, format!("must be at most {RESPONSE_DATA_DEPTH_MAX} levels deep")));
        }
        if data.to_string().len() > RESPONSE_DATA_BYTES_MAX {
            return Err(invalid(DATA, format!("must be at most {RESPONSE_DATA_BYTES_MAX} bytes of JSON")));
        }
    }
    let execute_at = execute_at.filter(|text| !text.trim().is_empty());
    Ok(Given { resolved_by, notes, response_data, execute_at, files: Vec::new() })
}

/// How many objects and lists lie inside each other.
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The time for which it is approved, where a time was asked for. A published client has no other place for it than
/// `response_data`.
pub(super) fn time_asked(ask: &Ask, given: &Given) -> Result<Option<Timestamp>, Invalid> {
    if !matches!(ask.response_type, Some(ResponseType::Schedule { .. })) {
        return Ok(None);
    }
    let inside = given.response_data.as_ref().and_then(|data| data.get(EXECUTE_AT)).filter(|value| !value.is_null());
    let inside = match inside {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => return Err(invalid(EXECUTE_AT, "must be a text")),
    };
    let Some(text) = given.execute_at.as_ref().or(inside) else { return Ok(None) };
    let at = Timestamp::parse(text);
    at.map(Some).ok_or_else(|| invalid(EXECUTE_AT, "must be a time with its zone, such as 2026-03-14T16:30:00Z"))
}

/// The answer, if it is one to what was asked.
///
/// Strict for a person, whose page asks for everything. A program may leave the data out; what it does give must fit.
pub(super) fn fitting(
    ask: &Ask,
    choice: Choice,
    given: &Given,
    strict: bool,
    now: Timestamp,
) -> Result<Answer, Invalid> {
    let mut answer = Answer {
        notes: given.notes.clone(),
        response_data: given.response_data.clone(),
        files: given.files.clone(),
        ..Answer::default()
    };
    let plain = ResponseType::ApproveDeny;
    let asked = ask.response_type.as_ref().unwrap_or(&plain);
    if given.execute_at.is_some() && !matches!(asked, ResponseType::Schedule { .. }) {
        return Err(invalid(EXECUTE_AT, "was not asked for: only response_type schedule takes one"));
    }
    if strict && choice == Choice::Modify && answer.notes.is_none() {
        return Err(invalid("notes", "must say what should be different"));
    }
    if choice != Choice::Approve {
        return Ok(answer);
    }
    let data = given.response_data.as_ref().and_then(Value::as_object);
    match asked {
        ResponseType::ApproveDeny | ResponseType::Confirm => {}
        ResponseType::Choose { choices, .. } => {
            let Some(chosen) = member(data, "chosen", strict, "one of the choices")? else { return Ok(answer) };
            let known = chosen.as_str().filter(|chosen| choices.iter().any(|choice| choice == chosen));
            let chosen = known.ok_or_else(|| invalid(DATA, "must have one of the choices as chosen"))?;
            answer.response_data = Some(json!({"chosen": chosen}));
            in_words(&mut answer, strict, chosen.to_owned());
        }
        ResponseType::NumberInput { min, max, .. } => {
            let Some(value) = member(data, "value", strict, "a number")? else { return Ok(answer) };
            let value = checked_number(value, min.as_ref(), max.as_ref())?;
            answer.response_data = Some(json!({"value": value}));
            in_words(&mut answer, strict, value.to_string());
        }
        ResponseType::TextInput { fields, .. } => match data {
            None if !strict => {}
            data => answer.response_data = Some(Value::Object(checked_texts(data, fields)?)),
        },
        ResponseType::Reply { .. } => {
            let text = member(data, REPLY, true, "a text")?.and_then(Value::as_str).unwrap_or_default();
            if text.trim().is_empty() {
                return Err(invalid(DATA, format!("must have a text as {REPLY}")));
            }
            if text.chars().count() > TEXT_CHARS_MAX {
                return Err(invalid(DATA, format!("has more than {TEXT_CHARS_MAX} characters in {REPLY}")));
            }
            if has_hidden_controls(text) {
                return Err(invalid(DATA, format!("has control characters in {REPLY}")));
            }
            answer.response_data = Some(json!({REPLY: text}));
        }
        ResponseType::FileUpload { max_files, .. } => {
            let count = given.files.len();
            if strict && !(1..=*max_files).contains(&count) {
                return Err(invalid("file", format!("must be 1 to {max_files} files")));
            }
            if let Some(files) = data.and_then(|data| data.get("uploaded_files")) {
                check_uploaded(files, *max_files)?;
            } else if data.is_some() {
                return Err(invalid(DATA, "must have uploaded_files"));
            }
        }
        ResponseType::Schedule { allow_immediate, .. } => {
            let at = time_asked(ask, given)?;
            let latest = now.plus_ms(EXECUTE_WITHIN_DAYS_MAX * 86_400_000);
            answer.response_data = None;
            answer.execute_at = at.filter(|at| *at > now);
            if answer.execute_at.is_some_and(|at| at > latest) {
                return Err(invalid(EXECUTE_AT, format!("must lie within {EXECUTE_WITHIN_DAYS_MAX} days")));
            }
            if answer.execute_at.is_none() && !allow_immediate {
                return Err(invalid(
                    EXECUTE_AT,
                    "must be a time in the future: this was asked for later and not for now",
                ));
            }
        }
    }
    Ok(answer)
}

fn member<'a>(
    data: Option<&'a Map<String, Value>>,
    name: &str,
    strict: bool,
    what: &str,
) -> Result<Option<&'a Value>, Invalid> {
    match data.and_then(|data| data.get(name)).filter(|value| !value.is_null()) {
        Some(value) => Ok(Some(value)),
        None if data.is_none() && !strict => Ok(None),
        None => Err(invalid(DATA, format!("must have {what} as {name}"))),
    }
}

/// A person who typed no notes said it with their answer: readers of notes alone still learn it.
fn in_words(answer: &mut Answer, strict: bool, words: String) {
    if strict && answer.notes.is_none() {
        answer.notes = Some(words);
    }
}

fn checked_number<'a>(value: &'a Value, min: Option<&Number>, max: Option<&Number>) -> Result<&'a Number, Invalid> {
    let Value::Number(number) = value else {
        return Err(invalid(DATA, "must have a number as value, not a text"));
    };
    let size = number.as_f64().filter(|size| size.is_finite());
    let size = size.ok_or_else(|| invalid(DATA, "must have a finite number as value"))?;
    if let Some(min) = min.filter(|min| min.as_f64().is_some_and(|min| size < min)) {
        return Err(invalid(DATA, format!("must have a value of at least {min}")));
    }
    if let Some(max) = max.filter(|max| max.as_f64().is_some_and(|max| size > max)) {
        return Err(invalid(DATA, format!("must have a value of at most {max}")));
    }
    Ok(number)
}

/// Of the asked fields, in the order they were asked.
fn checked_texts(data: Option<&Map<String, Value>>, fields: &[TextField]) -> Result<Map<String, Value>, Invalid> {
    let mut texts = Map::new();
    for field in fields {
        let value = data.and_then(|data| data.get(&field.name)).filter(|value| !value.is_null());
        let text = match value {
            None => "",
            Some(Value::String(text)) => text,
            Some(_) => return Err(invalid(DATA, format!("must have a text as {}", field.name))),
        };
        if field.required && text.trim().is_empty() {
            return Err(invalid(DATA, format!("must have a text as {}: it is required", field.name)));
        }
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(invalid(DATA, format!("has more than {TEXT_CHARS_MAX} characters in {}", field.name)));
        }
        if has_hidden_controls(text) {
            return Err(invalid(DATA, format!("has control characters in {}", field.name)));
        }
        texts.insert(field.name.clone(), text.into());
    }
    if let Some(unknown) = data.and_then(|data| data.keys().find(|name| !texts.contains_key(*name))) {
        let shown = crate::text::one_line(unknown, 64);
        return Err(invalid(DATA, format!("has {shown}, which was not asked for")));
    }
    if Value::Object(texts.clone()).to_string().len() > RESPONSE_DATA_BYTES_MAX {
        return Err(invalid(DATA, format!("must be at most {RESPONSE_DATA_BYTES_MAX} bytes of JSON")));
    }
    Ok(texts)
}

/// A program that took the files itself says which.
fn check_uploaded(files: &Value, max_files: usize) -> Result<(), Invalid> {
    let fits = |file: &Value| {
        let text = |name: &str| file.get(name).is_some_and(Value::is_string);
        text("name") && text("url") && text("type") && file.get("size").is_some_and(Value::is_u64)
    };
    match files.as_array() {
        Some(files) if (1..=max_files).contains(&files.len()) && files.iter().all(fits) => Ok(()),
        _ => {
            Err(invalid(DATA, format!("must have 1 to {max_files} uploaded_files, each with name, url, type and size")))
        }
    }
}
