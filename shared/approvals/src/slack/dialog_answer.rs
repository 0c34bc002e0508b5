//! Parser of the answer dialog. Returns the answer, or the errors of its fields.

use handrail_domain::decision::{
    Choice, DecisionSpec, REPLY, ResponseType, SubmittedAnswer, TEXT_CHARS_MAX, validate_answer,
};
use handrail_domain::time::Timestamp;
use serde_json::{Map, Number, Value, json};

use super::modal::{OWN_WORDS_VALUE, text_block_id};
use crate::pages::{AMBIGUOUS_REPLY_MESSAGE, ReplyError, parse_reply};

/// Error messages by block id.
pub type FieldErrors = Map<String, Value>;

/// Answer from a dialog.
#[derive(Debug, PartialEq)]
pub struct DialogAnswer {
    pub answer: SubmittedAnswer,
    /// Block that shows errors about the response data as a whole.
    pub data_block_id: &'static str,
}

/// Parses the state of a dialog as Slack sends it: `{block: {action: {..}}}`.
pub fn parse_dialog(spec: &DecisionSpec, choice: Choice, values: &Value) -> Result<DialogAnswer, FieldErrors> {
    let dialog = DialogValues(values);
    let notes = dialog.text("notes");
    let mut errors = FieldErrors::new();
    let mut add_error = |block: &str, message: &str| {
        errors.insert(block.to_owned(), message.into());
    };
    if choice == Choice::Modify && notes.is_none() {
        add_error("notes", "Say what should be different.");
    }
    let (mut data, mut execute_at, mut data_block) = (None, None, "notes");
    if choice == Choice::Approve {
        match &spec.response_type {
            Some(ResponseType::Choose { choices, .. }) => {
                data_block = "choice";
                let picked = dialog.element("choice")["selected_option"]["value"].as_str();
                match picked.and_then(|at| at.parse::<usize>().ok()).and_then(|at| choices.get(at)) {
                    Some(chosen) => data = Some(json!({"chosen": chosen})),
                    None => add_error("choice", "Choose one of these."),
                }
            }
            Some(ResponseType::TextInput { fields, .. }) => {
                data_block = "text0";
                let mut texts = Map::new();
                for (at, field) in fields.iter().enumerate() {
                    let text = dialog.text(&text_block_id(at)).unwrap_or_default();
                    if field.required && text.trim().is_empty() {
                        add_error(&text_block_id(at), "This is required.");
                    } else if text.chars().count() > TEXT_CHARS_MAX {
                        add_error(&text_block_id(at), &format!("At most {TEXT_CHARS_MAX} characters."));
                    }
                    texts.insert(field.name.clone(), text.into());
                }
                data = Some(Value::Object(texts));
            }
            Some(ResponseType::NumberInput { .. }) => {
                data_block = "number";
                match dialog.text("number").as_deref().and_then(parse_number) {
                    Some(number) => data = Some(json!({"value": number})),
                    None => add_error("number", "Give a number."),
                }
            }
            Some(ResponseType::Reply { choices }) => {
                data_block = "text0";
                let picked = dialog.element("choice")["selected_option"]["value"].as_str();
                let text = dialog.text(&text_block_id(0));
                match parse_reply(choices, picked.filter(|picked| *picked != OWN_WORDS_VALUE), text.as_deref()) {
                    Ok(reply) => data = Some(json!({REPLY: reply})),
                    Err(ReplyError::Missing) if picked.is_none() && !choices.is_empty() => {
                        add_error("choice", "Choose one of these.");
                    }
                    Err(ReplyError::Missing) => add_error("text0", "Write your answer here."),
                    Err(ReplyError::Ambiguous) => add_error("text0", AMBIGUOUS_REPLY_MESSAGE),
                }
            }
            Some(ResponseType::Schedule { .. }) => {
                data_block = "when";
                let seconds = dialog.element("when")["selected_date_time"].as_i64();
                let at = seconds.and_then(|seconds| seconds.checked_mul(1_000)).map(Timestamp::from_unix_ms);
                execute_at = at.map(|at| at.to_string());
            }
            None | Some(ResponseType::ApproveDeny | ResponseType::Confirm | ResponseType::FileUpload { .. }) => {}
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let answer = validate_answer(None, notes, data, execute_at).map_err(|errors| {
        let errors = errors.iter().map(|error| {
            let block = if error.field() == "notes" { "notes" } else { data_block };
            (block.to_owned(), field_error_sentence(&error.message).into())
        });
        FieldErrors::from_iter(errors)
    })?;
    Ok(DialogAnswer { answer, data_block_id: data_block })
}

/// Returns a field error of the domain as a sentence, for display under the field.
pub fn field_error_sentence(message: &str) -> String {
    format!("This {message}.")
}

struct DialogValues<'a>(&'a Value);

impl DialogValues<'_> {
    /// Returns the element of a block. Each block has one element, with the action id `v`.
    fn element(&self, block: &str) -> &Value {
        &self.0[block]["v"]
    }

    fn text(&self, block: &str) -> Option<String> {
        let text = self.element(block)["value"].as_str()?.replace("\r\n", "\n");
        (!text.trim().is_empty()).then_some(text)
    }
}

/// Parses a whole number as an integer and any other number as a float.
fn parse_number(text: &str) -> Option<Number> {
    let text = text.trim();
    let whole = text.parse::<i64>().map(Number::from).ok();
    whole.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64))
}
