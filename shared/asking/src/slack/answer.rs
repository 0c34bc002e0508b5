//! What somebody filled into the dialog, as an answer, or what is wrong with it, field by field.

use handrail_domain::decision::{Ask, Choice, Given, REPLY, ResponseType, TEXT_CHARS_MAX, check_given};
use handrail_domain::time::Timestamp;
use serde_json::{Map, Number, Value, json};

use super::modal::{OWN, text_block};
use crate::pages::{BOTH, Unclear, reply};

/// By the name of the block that it is about.
pub type Wrongs = Map<String, Value>;

/// A typed answer.
#[derive(Debug, PartialEq)]
pub struct Typed {
    pub given: Given,
    /// The block that a refusal of the data as a whole is told at.
    pub data_block: &'static str,
}

/// `values`: as Slack sends a dialog's state, `{block: {action: {..}}}`.
pub fn read_answer(ask: &Ask, choice: Choice, values: &Value) -> Result<Typed, Wrongs> {
    let form = Form(values);
    let notes = form.text("notes");
    let mut wrongs = Wrongs::new();
    let mut wrong = |block: &str, what: &str| {
        wrongs.insert(block.to_owned(), what.into());
    };
    if choice == Choice::Modify && notes.is_none() {
        wrong("notes", "Say what should be different.");
    }
    let (mut data, mut execute_at, mut data_block) = (None, None, "notes");
    if choice == Choice::Approve {
        match &ask.response_type {
            Some(ResponseType::Choose { choices, .. }) => {
                data_block = "choice";
                let picked = form.of("choice")["selected_option"]["value"].as_str();
                match picked.and_then(|at| at.parse::<usize>().ok()).and_then(|at| choices.get(at)) {
                    Some(chosen) => data = Some(json!({"chosen": chosen})),
                    None => wrong("choice", "Choose one of these."),
                }
            }
            Some(ResponseType::TextInput { fields, .. }) => {
                data_block = "text0";
                let mut texts = Map::new();
                for (at, field) in fields.iter().enumerate() {
                    let text = form.text(&text_block(at)).unwrap_or_default();
                    if field.required && text.trim().is_empty() {
                        wrong(&text_block(at), "This is required.");
                    } else if text.chars().count() > TEXT_CHARS_MAX {
                        wrong(&text_block(at), &format!("At most {TEXT_CHARS_MAX} characters."));
                    }
                    texts.insert(field.name.clone(), text.into());
                }
                data = Some(Value::Object(texts));
            }
            Some(ResponseType::NumberInput { .. }) => {
                data_block = "number";
                match form.text("number").as_deref().and_then(number) {
                    Some(number) => data = Some(json!({"value": number})),
                    None => wrong("number", "Give a number."),
                }
            }
            Some(ResponseType::Reply { choices }) => {
                data_block = "text0";
                let picked = form.of("choice")["selected_option"]["value"].as_str();
                let text = form.text(&text_block(0));
                match reply(choices, picked.filter(|picked| *picked != OWN), text.as_deref()) {
                    Ok(said) => data = Some(json!({REPLY: said})),
                    Err(Unclear::Nothing) if picked.is_none() && !choices.is_empty() => {
                        wrong("choice", "Choose one of these.");
                    }
                    Err(Unclear::Nothing) => wrong("text0", "Write your answer here."),
                    Err(Unclear::Both) => wrong("text0", BOTH),
                }
            }
            Some(ResponseType::Schedule { .. }) => {
                data_block = "when";
                let seconds = form.of("when")["selected_date_time"].as_i64();
                let at = seconds.and_then(|seconds| seconds.checked_mul(1_000)).map(Timestamp::from_unix_ms);
                execute_at = at.map(|at| at.to_string());
            }
            None | Some(ResponseType::ApproveDeny | ResponseType::Confirm | ResponseType::FileUpload { .. }) => {}
        }
    }
    if !wrongs.is_empty() {
        return Err(wrongs);
    }
    let given = check_given(None, notes, data, execute_at).map_err(|invalid| {
        let block = if invalid.field == "notes" { "notes" } else { data_block };
        Wrongs::from_iter([(block.to_owned(), sentence(&invalid.message).into())])
    })?;
    Ok(Typed { given, data_block })
}

/// What is wrong with a field, as the domain says it, for somebody who reads it under the field.
pub fn sentence(what: &str) -> String {
    format!("This {what}.")
}

struct Form<'a>(&'a Value);

impl Form<'_> {
    /// Each of our blocks has one element.
    fn of(&self, block: &str) -> &Value {
        &self.0[block]["v"]
    }

    fn text(&self, block: &str) -> Option<String> {
        let text = self.of(block)["value"].as_str()?.replace("\r\n", "\n");
        (!text.trim().is_empty()).then_some(text)
    }
}

/// 15 stays 15.
fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    let whole = text.parse::<i64>().map(Number::from).ok();
    whole.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64))
}
