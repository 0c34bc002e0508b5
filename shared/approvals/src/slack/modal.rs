//! Dialog for an answer that takes more than a click: changes to the action, or the data that the request asks for.

use handrail_domain::decision::{Choice, Decision, DecisionSpec, ResponseType, TEXT_CHARS_MAX};
use handrail_domain::record::Record;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::blocks::{context_block, plain_text, text_section, truncate};

/// Slack's limit for a text input.
pub(super) const NOTES_CHARS_MAX: usize = 3_000;
const LABEL_CHARS_MAX: usize = 300;
const PLACEHOLDER_CHARS_MAX: usize = 150;
const OPTION_CHARS_MAX: usize = 75;
/// Value of the option for a reply in own words.
pub(super) const OWN_WORDS_VALUE: &str = "own";
pub(super) const OWN_WORDS_LABEL: &str = "In your own words";
/// Most options in a list of radio buttons. Longer lists use a menu.
const RADIO_BUTTONS_MAX: usize = 10;

/// Private metadata of the dialog, which identifies the approver and the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogMetadata {
    #[serde(rename = "ticket")]
    pub button_token: String,
    pub choice: Choice,
}

/// Returns `true` if the choice needs more input than a click.
pub fn needs_dialog(choice: Choice, response_type: Option<&ResponseType>) -> bool {
    match (choice, response_type) {
        (Choice::Modify, _) => true,
        (Choice::Deny, _) => false,
        (Choice::Approve, response_type) => match response_type {
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

/// Returns the dialog for the choice in `metadata`.
pub fn answer_dialog(record: &Record<Decision>, metadata: &DialogMetadata) -> Value {
    let spec = &record.spec;
    let mut blocks = vec![text_section(&spec.action, 2_000)];
    let title = match metadata.choice {
        Choice::Modify => {
            blocks.push(notes_block("What should be different?", false));
            "Approve with changes"
        }
        Choice::Approve | Choice::Deny => {
            blocks.extend(input_blocks(spec));
            blocks.push(notes_block("Notes", true));
            "Your answer"
        }
    };
    json!({
        "type": "modal",
        "callback_id": "answer",
        "title": plain_text(title, 24),
        "submit": plain_text("Send", 24),
        "close": plain_text("Back", 24),
        "private_metadata": json!(metadata).to_string(),
        "blocks": blocks,
    })
}

/// Returns a dialog that only shows a text.
pub fn notice_dialog(title: &str, text: &str) -> Value {
    json!({"type": "modal", "title": plain_text(title, 24), "close": plain_text("Close", 24), "blocks": [text_section(text, 2_000)]})
}

fn input_blocks(spec: &DecisionSpec) -> Vec<Value> {
    match &spec.response_type {
        Some(ResponseType::Choose { label, choices }) => choice_blocks(label, choices, None),
        Some(ResponseType::Reply { choices }) if choices.is_empty() => {
            vec![input_block(&text_block_id(0), "The answer", false, &text_element(TEXT_CHARS_MAX, ""))]
        }
        Some(ResponseType::Reply { choices }) => {
            let mut blocks = choice_blocks("The answer", choices, Some(OWN_WORDS_LABEL));
            blocks.push(input_block(&text_block_id(0), OWN_WORDS_LABEL, true, &text_element(TEXT_CHARS_MAX, "")));
            blocks
        }
        Some(ResponseType::TextInput { label, fields }) => {
            let lead = (!label.is_empty()).then(|| text_section(label, LABEL_CHARS_MAX));
            let texts = fields.iter().enumerate().map(|(at, field)| {
                let name = if field.label.is_empty() { &field.name } else { &field.label };
                let element = text_element(TEXT_CHARS_MAX, &field.placeholder);
                input_block(&text_block_id(at), name, !field.required, &element)
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
            set_placeholder(&mut element, placeholder);
            vec![input_block("number", label, false, &element)]
        }
        Some(ResponseType::Schedule { label, allow_immediate }) => {
            let mut when =
                input_block("when", label, *allow_immediate, &json!({"type": "datetimepicker", "action_id": "v"}));
            if *allow_immediate {
                when["hint"] = plain_text("Leave it empty for now.", 100);
            }
            vec![when]
        }
        None | Some(ResponseType::ApproveDeny | ResponseType::Confirm | ResponseType::FileUpload { .. }) => Vec::new(),
    }
}

pub(super) fn text_block_id(at: usize) -> String {
    format!("text{at}")
}

/// Returns the blocks of a list of choices. `other` adds an option for own words.
fn choice_blocks(label: &str, choices: &[String], other: Option<&str>) -> Vec<Value> {
    let numbered = |at: usize, choice: &str| format!("{}. {choice}", at + 1);
    // Slack cuts long options, so their full text appears above the list.
    let long =
        choices.iter().enumerate().filter(|(at, choice)| numbered(*at, choice).chars().count() > OPTION_CHARS_MAX);
    let mut blocks: Vec<Value> = long.map(|(at, choice)| context_block(&numbered(at, choice))).collect();
    let options: Vec<Value> = choices
        .iter()
        .enumerate()
        .map(|(at, choice)| json!({"text": plain_text(&truncate(&numbered(at, choice), OPTION_CHARS_MAX), OPTION_CHARS_MAX), "value": at.to_string()}))
        .chain(other.map(|other| json!({"text": plain_text(other, OPTION_CHARS_MAX), "value": OWN_WORDS_VALUE})))
        .collect();
    let kind = if options.len() > RADIO_BUTTONS_MAX { "static_select" } else { "radio_buttons" };
    blocks.push(input_block("choice", label, false, &json!({"type": kind, "action_id": "v", "options": options})));
    blocks
}

fn notes_block(label: &str, optional: bool) -> Value {
    input_block("notes", label, optional, &text_element(NOTES_CHARS_MAX, ""))
}

fn text_element(max: usize, placeholder: &str) -> Value {
    let mut element = json!({"type": "plain_text_input", "action_id": "v", "multiline": true, "max_length": max});
    set_placeholder(&mut element, placeholder);
    element
}

fn set_placeholder(element: &mut Value, placeholder: &str) {
    if !placeholder.trim().is_empty() {
        element["placeholder"] = plain_text(placeholder, PLACEHOLDER_CHARS_MAX);
    }
}

fn input_block(block: &str, label: &str, optional: bool, element: &Value) -> Value {
    json!({"type": "input", "block_id": block, "label": plain_text(label, LABEL_CHARS_MAX), "optional": optional, "element": element})
}
