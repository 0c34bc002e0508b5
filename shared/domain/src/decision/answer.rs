//! Answers to a decision: limits of their fields, and the check against the spec.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};

use super::field_error::invalid;
use super::json_depth::depth;
use super::response::{ResponseType, TextField};
use super::spec::{Choice, DecisionSpec};
use crate::answer_origin::AnsweringKey;
use crate::attachment::Attachment;
use crate::field_error::FieldError;
use crate::text::has_hidden_controls;
use crate::time::{DAY_MS, Timestamp};

/// Accepted answer of a decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub resolved_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_data: Option<Value>,
    /// Time from which the approved action may be carried out. `None` unless the decision is scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute_at: Option<Timestamp>,
    /// Files that the approver uploaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// Name of the API key that answered, at that time. `None` if a person or a rule answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// Digest of what the person was shown. `None` for answers of programs and rules, and for earlier answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_hash: Option<String>,
}

/// Answer as submitted, before it is checked against the spec.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubmittedAnswer {
    /// Name of the person who answered, from an API key. `None`: the current approver.
    pub resolved_by: Option<String>,
    pub notes: Option<String>,
    pub response_data: Option<Value>,
    /// Requested time as the client wrote it, not yet parsed.
    pub execute_at: Option<String>,
    /// Uploaded files, already checked and stored.
    pub files: Vec<Attachment>,
    /// API key that sends the answer. `None` if a person answers.
    pub key: Option<AnsweringKey>,
    /// Digest of what the person was shown.
    pub shown_hash: Option<String>,
}

/// Longest `notes`. Answers are stored in the record and again in its log, so all their fields are short.
pub const NOTES_CHARS_MAX: usize = 5_000;
pub const RESPONSE_DATA_BYTES_MAX: usize = 16 * 1024;
/// Deepest nesting of `response_data`. Log entries nest the data further, and `serde_json` reads at most 128 levels.
pub const RESPONSE_DATA_DEPTH_MAX: usize = 64;
pub const RESOLVED_BY_CHARS_MAX: usize = 254;
/// Longest text in one field of `response_data`.
pub const TEXT_CHARS_MAX: usize = 2_000;
pub const EXECUTE_WITHIN_DAYS_MAX: i64 = 365;

const DATA: &str = "response_data";
const EXECUTE_AT: &str = "execute_at";
/// Member of `response_data` that holds the text of a [`ResponseType::Reply`].
pub const REPLY: &str = "response";

/// Validates the fields of an answer that do not depend on the decision. Fails with every invalid field.
pub fn validate_answer(
    resolved_by: Option<String>,
    notes: Option<String>,
    response_data: Option<Value>,
    execute_at: Option<String>,
) -> Result<SubmittedAnswer, Vec<FieldError>> {
    let resolved_by = resolved_by.filter(|name| !name.trim().is_empty());
    let notes = notes.filter(|notes| !notes.trim().is_empty());
    let checked = [
        resolved_by.as_deref().map_or(Ok(()), check_resolved_by),
        notes.as_deref().map_or(Ok(()), check_notes),
        response_data.as_ref().map_or(Ok(()), check_response_data),
    ];
    let errors: Vec<FieldError> = checked.into_iter().filter_map(Result::err).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let execute_at = execute_at.filter(|text| !text.trim().is_empty());
    Ok(SubmittedAnswer { resolved_by, notes, response_data, execute_at, ..SubmittedAnswer::default() })
}

fn check_resolved_by(name: &str) -> Result<(), FieldError> {
    if name.chars().count() > RESOLVED_BY_CHARS_MAX {
        return Err(invalid("resolved_by", format!("must be at most {RESOLVED_BY_CHARS_MAX} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(invalid("resolved_by", "must not hold control characters"));
    }
    Ok(())
}

fn check_notes(notes: &str) -> Result<(), FieldError> {
    if notes.chars().count() > NOTES_CHARS_MAX {
        return Err(invalid("notes", format!("must be at most {NOTES_CHARS_MAX} characters")));
    }
    if has_hidden_controls(notes) {
        return Err(invalid("notes", "must not hold control characters other than tabs and line breaks"));
    }
    Ok(())
}

fn check_response_data(data: &Value) -> Result<(), FieldError> {
    if !data.is_object() {
        return Err(invalid(DATA, "must be an object"));
    }
    if depth(data) > RESPONSE_DATA_DEPTH_MAX {
        return Err(invalid(DATA, format!("must be at most {RESPONSE_DATA_DEPTH_MAX} levels deep")));
    }
    if data.to_string().len() > RESPONSE_DATA_BYTES_MAX {
        return Err(invalid(DATA, format!("must be at most {RESPONSE_DATA_BYTES_MAX} bytes of JSON")));
    }
    Ok(())
}

/// Requested time of an answer to a `schedule` request, from `execute_at` or `response_data.execute_at`.
///
/// Published clients can send the time only in `response_data`. Returns `None` for every other response type.
pub(super) fn requested_time(
    spec: &DecisionSpec,
    submitted: &SubmittedAnswer,
) -> Result<Option<Timestamp>, FieldError> {
    if !matches!(spec.response_type, Some(ResponseType::Schedule { .. })) {
        return Ok(None);
    }
    let in_data =
        submitted.response_data.as_ref().and_then(|data| data.get(EXECUTE_AT)).filter(|value| !value.is_null());
    let in_data = match in_data {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => return Err(invalid(EXECUTE_AT, "must be a text")),
    };
    let Some(text) = submitted.execute_at.as_ref().or(in_data) else { return Ok(None) };
    let at = Timestamp::parse(text);
    at.map(Some).ok_or_else(|| invalid(EXECUTE_AT, "must be a time with its zone, such as 2026-03-14T16:30:00Z"))
}

/// Checks the submitted answer against the spec and returns the answer to store.
///
/// `strict` applies to persons, whose form has every field. A program may omit `response_data`, but data that it sends
/// must be valid.
pub(super) fn check_against_spec(
    spec: &DecisionSpec,
    choice: Choice,
    submitted: &SubmittedAnswer,
    strict: bool,
    now: Timestamp,
) -> Result<Answer, FieldError> {
    let mut answer = Answer {
        notes: submitted.notes.clone(),
        response_data: submitted.response_data.clone(),
        files: submitted.files.clone(),
        shown_hash: submitted.shown_hash.clone(),
        ..Answer::default()
    };
    let default_type = ResponseType::ApproveDeny;
    let response_type = spec.response_type.as_ref().unwrap_or(&default_type);
    if submitted.execute_at.is_some() && !matches!(response_type, ResponseType::Schedule { .. }) {
        return Err(invalid(EXECUTE_AT, "is only accepted with response_type schedule: leave it out"));
    }
    if strict && choice == Choice::Modify && answer.notes.is_none() {
        return Err(invalid("notes", "must say what should be different"));
    }
    if choice != Choice::Approve {
        return Ok(answer);
    }
    let data = submitted.response_data.as_ref().and_then(Value::as_object);
    match response_type {
        ResponseType::ApproveDeny | ResponseType::Confirm => {}
        ResponseType::Choose { choices, .. } => {
            let Some(chosen) = member(data, "chosen", strict, "one of the choices")? else { return Ok(answer) };
            let offered = chosen.as_str().filter(|chosen| choices.iter().any(|choice| choice == chosen));
            let chosen = offered.ok_or_else(|| invalid(DATA, "must have one of the choices as chosen"))?;
            answer.response_data = Some(json!({"chosen": chosen}));
            copy_to_notes(&mut answer, strict, chosen.to_owned());
        }
        ResponseType::NumberInput { min, max, .. } => {
            let Some(value) = member(data, "value", strict, "a number")? else { return Ok(answer) };
            let value = validate_number(value, min.as_ref(), max.as_ref())?;
            answer.response_data = Some(json!({"value": value}));
            copy_to_notes(&mut answer, strict, value.to_string());
        }
        ResponseType::TextInput { fields, .. } => match data {
            None if !strict => {}
            data => answer.response_data = Some(Value::Object(validate_texts(data, fields)?)),
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
            let count = submitted.files.len();
            if strict && !(1..=*max_files).contains(&count) {
                return Err(invalid("file", format!("must be 1 to {max_files} files")));
            }
            if let Some(files) = data.and_then(|data| data.get("uploaded_files")) {
                validate_uploaded_files(files, *max_files)?;
            } else if data.is_some() {
                return Err(invalid(DATA, "must have uploaded_files"));
            }
        }
        ResponseType::Schedule { allow_immediate, .. } => {
            let at = requested_time(spec, submitted)?;
            let latest = now.plus_ms(EXECUTE_WITHIN_DAYS_MAX * DAY_MS);
            answer.response_data = None;
            answer.execute_at = at.filter(|at| *at > now);
            if answer.execute_at.is_some_and(|at| at > latest) {
                return Err(invalid(EXECUTE_AT, format!("must be within {EXECUTE_WITHIN_DAYS_MAX} days from now")));
            }
            if answer.execute_at.is_none() && !allow_immediate {
                return Err(invalid(
                    EXECUTE_AT,
                    "must be a time in the future: the request does not allow immediate execution",
                ));
            }
        }
    }
    Ok(answer)
}

/// Member of `response_data`. Returns `None` if a program omitted `response_data` altogether.
fn member<'a>(
    data: Option<&'a Map<String, Value>>,
    name: &str,
    strict: bool,
    expected: &str,
) -> Result<Option<&'a Value>, FieldError> {
    match data.and_then(|data| data.get(name)).filter(|value| !value.is_null()) {
        Some(value) => Ok(Some(value)),
        None if data.is_none() && !strict => Ok(None),
        None => Err(invalid(DATA, format!("must have {expected} as {name}"))),
    }
}

/// Copies a person's answer into empty notes, because some clients read only the notes.
fn copy_to_notes(answer: &mut Answer, strict: bool, text: String) {
    if strict && answer.notes.is_none() {
        answer.notes = Some(text);
    }
}

fn validate_number<'a>(value: &'a Value, min: Option<&Number>, max: Option<&Number>) -> Result<&'a Number, FieldError> {
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

/// Validates the texts of the requested fields and returns them in the order of the request.
fn validate_texts(data: Option<&Map<String, Value>>, fields: &[TextField]) -> Result<Map<String, Value>, FieldError> {
    let mut texts = Map::new();
    for field in fields {
        let value = data.and_then(|data| data.get(&field.name)).filter(|value| !value.is_null());
        let text = match value {
            None => "",
            Some(Value::String(text)) => text,
            Some(_) => return Err(invalid(DATA, format!("must have a text as {}", field.name))),
        };
        if field.required && text.trim().is_empty() {
            return Err(invalid(DATA, format!("must have a text as {}: the field is required", field.name)));
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
        let unknown_name = crate::text::one_line(unknown, 64);
        return Err(invalid(DATA, format!("has the unknown field {unknown_name}: leave it out")));
    }
    if Value::Object(texts.clone()).to_string().len() > RESPONSE_DATA_BYTES_MAX {
        return Err(invalid(DATA, format!("must be at most {RESPONSE_DATA_BYTES_MAX} bytes of JSON")));
    }
    Ok(texts)
}

/// Validates `uploaded_files`, by which a program describes files that it received itself.
fn validate_uploaded_files(files: &Value, max_files: usize) -> Result<(), FieldError> {
    let is_valid = |file: &Value| {
        let text = |name: &str| file.get(name).is_some_and(Value::is_string);
        text("name") && text("url") && text("type") && file.get("size").is_some_and(Value::is_u64)
    };
    match files.as_array() {
        Some(files) if (1..=max_files).contains(&files.len()) && files.iter().all(is_valid) => Ok(()),
        _ => {
            Err(invalid(DATA, format!("must have 1 to {max_files} uploaded_files, each with name, url, type and size")))
        }
    }
}
