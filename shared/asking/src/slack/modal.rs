//! The dialog for an answer that is more than a tap: what should be different, or what was asked for.

use handrail_domain::decision::{Ask, Choice, Decision, ResponseType, TEXT_CHARS_MAX};
use handrail_domain::record::Record;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::blocks::{cut, plain, small, words};

/// What Slack takes of a typed text.
pub(super) const NOTES_MAX: usize = 3_000;
const LABEL_MAX: usize = 300;
const PLACEHOLDER_MAX: usize = 150;
const OPTION_MAX: usize = 75;
/// The value of the choice that is none.
pub(super) const OWN: &str = "own";
pub(super) const OWN_WORDS: &str = "In your own words";
/// More than these make a menu instead of a list.
const LISTED_MAX: usize = 10;

/// What the dialog carries along, unseen: whose answer it will be, to which message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub ticket: String,
    pub choice: Choice,
}

/// Is a tap the whole answer, or is there more to ask?
pub fn needs_dialog(choice: Choice, asked: Option<&ResponseType>) -> bool {
    match (choice, asked) {
        (Choice::Modify, _) => true,
        (Choice::Deny, _) => false,
        (Choice::Approve, asked) => match asked {
            None | Some(ResponseType::ApproveDeny | ResponseType::Confirm | ResponseType::FileUpload { .. }) => false,
            Some(
                ResponseType::Choose { .. }
                | ResponseType::TextInput { .. }
                | ResponseType::NumberInput { .. }
                | ResponseType::Schedule { .. }
                | ResponseType::Reply { .. },
            ) => true,
        },
    }
}

pub fn dialog(seen: &Record<Decision>, kept: &Kept) -> Value {
    let ask = &seen.ask;
    let mut blocks = vec![words(&ask.action, 2_000)];
    let title = match kept.choice {
        Choice::Modify => {
            blocks.push(notes("What should be different?", false));
            "Approve with changes"
        }
        Choice::Approve | Choice::Deny => {
            blocks.extend(inputs(ask));
            blocks.push(notes("Notes", true));
            "Your answer"
        }
    };
    json!({
        "type": "modal",
        "callback_id": "answer",
        "title": plain(title, 24),
        "submit": plain("Send", 24),
        "close": plain("Back", 24),
        "private_metadata": json!(kept).to_string(),
        "blocks": blocks,
    })
}

/// A dialog that only tells something.
pub fn told(title: &str, text: &str) -> Value {
    json!({"type": "modal", "title": plain(title, 24), "close": plain("Close", 24), "blocks": [words(text, 2_000)]})
}

fn inputs(ask: &Ask) -> Vec<Value> {
    match &ask.response_type {
        Some(ResponseType::Choose { label, choices }) => choose(label, choices, None),
        Some(ResponseType::Reply { choices }) if choices.is_empty() => {
            vec![input(&text_block(0), "The answer", false, &typed(TEXT_CHARS_MAX, ""))]
        }
        Some(ResponseType::Reply { choices }) => {
            let mut blocks = choose("The answer", choices, Some(OWN_WORDS));
            blocks.push(input(&text_block(0), OWN_WORDS, true, &typed(TEXT_CHARS_MAX, "")));
            blocks
        }
        Some(ResponseType::TextInput { label, fields }) => {
            let lead = (!label.is_empty()).then(|| words(label, LABEL_MAX));
            let texts = fields.iter().enumerate().map(|(at, field)| {
                let name = if field.label.is_empty() { &field.name } else { &field.label };
                let element = typed(TEXT_CHARS_MAX, &field.placeholder);
                input(&text_block(at), name, !field.required, &element)
            });
            lead.into_iter().chain(texts).collect()
        }
        Some(ResponseType::NumberInput { label, min, max, placeholder }) => {
            let mut element = json!({"type": "number_input", "action_id": "v", "is_decimal_allowed": true});
            for (name, bound) in [("min_value", min), ("max_value", max)] {
                if let Some(bound) = bound {
                    element[name] = bound.to_string().into();
                }
            }
            hinted(&mut element, placeholder);
            vec![input("number", label, false, &element)]
        }
        Some(ResponseType::Schedule { label, allow_immediate }) => {
            let mut when = input("when", label, *allow_immediate, &json!({"type": "datetimepicker", "action_id": "v"}));
            if *allow_immediate {
                when["hint"] = plain("Leave it empty for now.", 100);
            }
            vec![when]
        }
        None | Some(ResponseType::ApproveDeny | ResponseType::Confirm | ResponseType::FileUpload { .. }) => Vec::new(),
    }
}

pub(super) fn text_block(at: usize) -> String {
    format!("text{at}")
}

/// `other`: one more, which is none of the choices.
fn choose(label: &str, choices: &[String], other: Option<&str>) -> Vec<Value> {
    let numbered = |at: usize, choice: &str| format!("{}. {choice}", at + 1);
    // An option that does not fit is told whole beside the list.
    let long = choices.iter().enumerate().filter(|(at, choice)| numbered(*at, choice).chars().count() > OPTION_MAX);
    let mut blocks: Vec<Value> = long.map(|(at, choice)| small(&numbered(at, choice))).collect();
    let options: Vec<Value> = choices
        .iter()
        .enumerate()
        .map(|(at, choice)| json!({"text": plain(&cut(&numbered(at, choice), OPTION_MAX), OPTION_MAX), "value": at.to_string()}))
        .chain(other.map(|other| json!({"text": plain(other, OPTION_MAX), "value": OWN})))
        .collect();
    let kind = if options.len() > LISTED_MAX { "static_select" } else { "radio_buttons" };
    blocks.push(input("choice", label, false, &json!({"type": kind, "action_id": "v", "options": options})));
    blocks
}

fn notes(label: &str, optional: bool) -> Value {
    input("notes", label, optional, &typed(NOTES_MAX, ""))
}

fn typed(max: usize, placeholder: &str) -> Value {
    let mut element = json!({"type": "plain_text_input", "action_id": "v", "multiline": true, "max_length": max});
    hinted(&mut element, placeholder);
    element
}

fn hinted(element: &mut Value, placeholder: &str) {
    if !placeholder.trim().is_empty() {
        element["placeholder"] = plain(placeholder, PLACEHOLDER_MAX);
    }
}

fn input(block: &str, label: &str, optional: bool, element: &Value) -> Value {
    json!({"type": "input", "block_id": block, "label": plain(label, LABEL_MAX), "optional": optional, "element": element})
}
