//! The action of a decision as a program carries it out: a tool with its arguments, and the hash that names the action.

use serde_json::{Map, Number, Value, json};
use sha2::{Digest, Sha256};

use super::field_error::invalid;
use super::json_depth::depth;
use crate::field_error::{FieldError, PathSegment, VALUE_ERROR};
use crate::ids::hex;
use crate::jcs::to_jcs;

pub const TOOL_CHARS_MAX: usize = 128;
pub const ARGUMENTS_BYTES_MAX: usize = 16 * 1024;
pub const ARGUMENTS_DEPTH_MAX: usize = 32;
pub const VALID_FOR_SECONDS_MIN: u32 = 60;
/// 30 days.
pub const VALID_FOR_SECONDS_MAX: u32 = 2_592_000;

/// Most numbers of one request that are named as inexact. Each error has a path, which may be long.
const INEXACT_NUMBERS_NAMED_MAX: usize = 10;
/// From 2^53 on, some integers have no double of their own.
const EXACT_INTEGER_MAX: u64 = 9_007_199_254_740_992;

/// Names and values with which a tool is called.
pub type Arguments = Map<String, Value>;

/// Returns the hash that names an action: SHA-256 over the RFC 8785 form of its text, tool and arguments.
///
/// The three members are always there. A text alone and a text with an empty object of arguments are different actions.
pub fn action_hash(action: &str, tool: Option<&str>, arguments: Option<&Arguments>) -> String {
    let hashed = json!({"action": action, "tool": tool, "arguments": arguments});
    format!("sha256:{}", hex(&Sha256::digest(to_jcs(&hashed))))
}

pub(super) fn validate_tool(tool: Option<String>) -> Result<Option<String>, FieldError> {
    let Some(tool) = tool else { return Ok(None) };
    if tool.trim().is_empty() {
        return Err(invalid("tool", "must not be blank: name the tool that will be called, or leave it out"));
    }
    if tool.len() > TOOL_CHARS_MAX || !tool.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(invalid("tool", format!("must be 1 to {TOOL_CHARS_MAX} printable ASCII characters")));
    }
    Ok(Some(tool))
}

/// Validates the arguments. Fails with each number that a double does not hold exactly, or with one error for the whole.
pub fn validate_arguments(arguments: Option<Value>) -> Result<Option<Arguments>, Vec<FieldError>> {
    let one_error = |message: String| Err(vec![invalid("arguments", message)]);
    let Some(arguments) = arguments else { return Ok(None) };
    if !arguments.is_object() {
        return one_error("must be an object".to_owned());
    }
    if depth(&arguments) > ARGUMENTS_DEPTH_MAX {
        return one_error(format!("must be at most {ARGUMENTS_DEPTH_MAX} levels deep"));
    }
    if arguments.to_string().len() > ARGUMENTS_BYTES_MAX {
        return one_error(format!("must be at most {ARGUMENTS_BYTES_MAX} bytes of JSON"));
    }
    let mut errors = Vec::new();
    find_inexact_numbers(&arguments, &mut vec!["arguments".into()], &mut errors);
    match arguments {
        Value::Object(members) if errors.is_empty() => Ok(Some(members)),
        _ => Err(errors),
    }
}

fn find_inexact_numbers(value: &Value, path: &mut Vec<PathSegment>, errors: &mut Vec<FieldError>) {
    if errors.len() >= INEXACT_NUMBERS_NAMED_MAX {
        return;
    }
    let mut visit = |segment: PathSegment, value: &Value| {
        path.push(segment);
        find_inexact_numbers(value, path, errors);
        path.pop();
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| visit(name.clone().into(), value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, value)| visit(PathSegment::Place(place), value));
        }
        Value::Number(number) if !is_exact(number) => {
            let message = "must be a number from -2^53 to 2^53, because not every program reads a larger one \
                           exactly: send it as text";
            errors.push(FieldError::new(path.iter().cloned(), message, VALUE_ERROR));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns `true` if the number that was written is the number that is hashed.
fn is_exact(number: &Number) -> bool {
    match (number.as_u64(), number.as_i64()) {
        (Some(integer), _) => integer <= EXACT_INTEGER_MAX,
        (None, Some(negative)) => negative.unsigned_abs() <= EXACT_INTEGER_MAX,
        // A larger number with a fraction or an exponent may have been an integer that was rounded.
        (None, None) => number.as_f64().is_some_and(|number| number.abs() < 9_007_199_254_740_992.0),
    }
}

pub(super) fn validate_valid_for_seconds(seconds: Option<&Number>) -> Result<Option<u32>, FieldError> {
    let Some(seconds) = seconds else { return Ok(None) };
    let whole = seconds.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
    let valid = whole.filter(|seconds| (VALID_FOR_SECONDS_MIN..=VALID_FOR_SECONDS_MAX).contains(seconds));
    let message = format!("must be whole seconds from {VALID_FOR_SECONDS_MIN} to {VALID_FOR_SECONDS_MAX}");
    valid.map(Some).ok_or_else(|| invalid("valid_for_seconds", message))
}
