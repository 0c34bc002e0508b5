//! Inputs for the response data. The labels come from the agent, so the inputs stand in a box that says so.

use handrail_domain::decision::{ResponseType, TEXT_CHARS_MAX, TextField};
use handrail_web::pages::visible_text;
use maud::{Markup, html};
use serde_json::Number;

use super::form_values::{FormField, FormValues};

/// Range of dates that a time input accepts, in the format of HTML forms, and the current time as text.
#[derive(Debug, Clone, Copy)]
pub struct DateRange<'a> {
    pub now: &'a str,
    pub first: &'a str,
    pub last: &'a str,
}

pub(super) fn inputs(response_type: &ResponseType, form_values: &FormValues, date_range: DateRange<'_>) -> Markup {
    let content = match response_type {
        ResponseType::ApproveDeny | ResponseType::Confirm => return html! {},
        ResponseType::Choose { label, choices } => choice_input(label, choices, form_values),
        ResponseType::TextInput { label, fields } => text_inputs(label, fields, form_values),
        ResponseType::NumberInput { label, min, max, placeholder } => {
            number_input(label, min.as_ref(), max.as_ref(), placeholder, form_values)
        }
        ResponseType::FileUpload { label, max_files, accept } => file_input(label, *max_files, accept, form_values),
        ResponseType::Schedule { label, .. } => schedule_inputs(label, date_range, form_values),
        ResponseType::Reply { choices } if choices.is_empty() => own_words_input("The answer", true, form_values),
        ResponseType::Reply { choices } => reply_inputs(choices, form_values),
    };
    html! {
        div class="agent asks" {
            p class="who" { "The agent asks you for this:" }
            div class="part" { (content) }
        }
    }
}

/// Returns the ids of the hint and the error of a field, for `aria-describedby`.
fn described_by_ids(hint: &str, has_error: bool) -> Option<String> {
    let ids: Vec<&str> =
        has_error.then_some("problem").into_iter().chain(Some(hint).filter(|hint| !hint.is_empty())).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

fn aria_invalid(has_error: bool) -> Option<&'static str> {
    has_error.then_some("true")
}

fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn choice_input(label: &str, choices: &[String], form_values: &FormValues) -> Markup {
    let has_error = form_values.has_error(FormField::Chosen);
    html! {
        fieldset role="radiogroup" aria-required="true" aria-describedby=[described_by_ids("", has_error)] aria-invalid=[aria_invalid(has_error)] {
            legend dir="auto" lang="" { (visible_text(label)) }
            @for (at, choice) in choices.iter().enumerate() {
                div class="pick" {
                    input type="radio" id={ "chosen-" (at) } name="chosen" value=(at) required
                        checked[form_values.chosen == at.to_string()];
                    label for={ "chosen-" (at) } dir="auto" lang="" { (visible_text(choice)) }
                }
            }
        }
    }
}

/// Value of the option for a reply in own words.
pub const OWN_WORDS_VALUE: &str = "own";

/// Returns the suggested replies and a text area for a reply in own words.
fn reply_inputs(choices: &[String], form_values: &FormValues) -> Markup {
    let has_error = form_values.has_error(FormField::Chosen);
    html! {
        fieldset role="radiogroup" aria-required="true" aria-describedby=[described_by_ids("", has_error)] aria-invalid=[aria_invalid(has_error)] {
            legend { "The answer" }
            @for (at, choice) in choices.iter().enumerate() {
                div class="pick" {
                    input type="radio" id={ "chosen-" (at) } name="chosen" value=(at) required
                        checked[form_values.chosen == at.to_string()];
                    label for={ "chosen-" (at) } dir="auto" lang="" { (visible_text(choice)) }
                }
            }
            div class="pick" {
                input type="radio" id="chosen-own" name="chosen" value=(OWN_WORDS_VALUE) required checked[form_values.chosen == OWN_WORDS_VALUE];
                label for="chosen-own" { "Another answer, in your own words" }
            }
        }
        (own_words_input("In your own words", false, form_values))
    }
}

fn own_words_input(label: &str, required: bool, form_values: &FormValues) -> Markup {
    let has_error = form_values.has_error(FormField::Text(0));
    html! {
        label for="text-0" { (label) }
        p class="hint" id="text-0-hint" {
            @if required { "Required. The agent gets these words." } @else { "Only where you pick another answer." }
        }
        textarea id="text-0" name="text-0" rows="3" maxlength=(TEXT_CHARS_MAX) dir="auto" required[required]
            aria-describedby=[described_by_ids("text-0-hint", has_error)] aria-invalid=[aria_invalid(has_error)] {
            // Browsers drop the first line end of a text area; this one protects a line end of the person's text.
            "\n" (form_values.texts.first().map_or("", String::as_str))
        }
    }
}

fn text_inputs(label: &str, fields: &[TextField], form_values: &FormValues) -> Markup {
    html! {
        @if !label.is_empty() {
            p class="label" dir="auto" lang="" { (visible_text(label)) }
        }
        @for (at, field) in fields.iter().enumerate() {
            @let has_error = form_values.has_error(FormField::Text(at));
            label for={ "text-" (at) } dir="auto" lang="" { (visible_text(&field.label)) }
            p class="hint" id={ "text-" (at) "-hint" } { @if field.required { "Required." } @else { "You can leave this empty." } }
            textarea id={ "text-" (at) } name={ "text-" (at) } rows="2" maxlength=(TEXT_CHARS_MAX) dir="auto"
                required[field.required] placeholder=[non_empty(&visible_text(&field.placeholder))]
                aria-describedby=[described_by_ids(&format!("text-{at}-hint"), has_error)] aria-invalid=[aria_invalid(has_error)] {
                // Browsers drop the first line end of a text area; this one protects a line end of the person's text.
                "\n" (form_values.texts.get(at).map_or("", String::as_str))
            }
        }
    }
}

fn number_input(
    label: &str,
    min: Option<&Number>,
    max: Option<&Number>,
    placeholder: &str,
    form_values: &FormValues,
) -> Markup {
    let has_error = form_values.has_error(FormField::Value);
    html! {
        label for="value" dir="auto" lang="" { (visible_text(label)) }
        p class="hint" id="value-hint" { (number_bounds(min, max)) }
        input type="number" id="value" name="value" inputmode="decimal" step="any" min=[min] max=[max] required
            placeholder=[non_empty(&visible_text(placeholder))] value=[non_empty(&form_values.value)] autocomplete="off"
            aria-describedby=[described_by_ids("value-hint", has_error)] aria-invalid=[aria_invalid(has_error)];
    }
}

/// Returns a hint such as `A number from 1 to 50.`
pub fn number_bounds(min: Option<&Number>, max: Option<&Number>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("A number from {min} to {max}."),
        (Some(min), None) => format!("A number of at least {min}."),
        (None, Some(max)) => format!("A number of at most {max}."),
        (None, None) => "A number.".to_owned(),
    }
}

fn file_input(label: &str, max_files: usize, accept: &[String], form_values: &FormValues) -> Markup {
    let has_error = form_values.has_error(FormField::Files);
    let kinds = accept.join(", ");
    html! {
        label for="file" dir="auto" lang="" { (visible_text(label)) }
        p class="hint" id="file-hint" {
            @if max_files == 1 { "One file." } @else { "1 to " (max_files) " files." }
            @if !kinds.is_empty() { " Kinds: " (kinds) "." }
            @if form_values.field_error.is_some() { " Pick them again: a page can’t keep files for you." }
        }
        input type="file" id="file" name="file" multiple[max_files > 1] accept=[non_empty(&kinds)] required
            aria-describedby=[described_by_ids("file-hint", has_error)] aria-invalid=[aria_invalid(has_error)];
    }
}

fn schedule_inputs(label: &str, date_range: DateRange<'_>, form_values: &FormValues) -> Markup {
    let has_error = form_values.has_error(FormField::Time);
    html! {
        fieldset aria-describedby=[described_by_ids("time-hint", has_error)] {
            legend dir="auto" lang="" { (visible_text(label)) }
            p class="hint" id="time-hint" { "In UTC, where it is now " (date_range.now) "." }
            div class="when" {
                div {
                    label for="date" { "Date (UTC)" }
                    input type="date" id="date" name="date" min=(date_range.first) max=(date_range.last) required value=[non_empty(&form_values.date)]
                        aria-describedby=[described_by_ids("time-hint", has_error)] aria-invalid=[aria_invalid(has_error)];
                }
                div {
                    label for="time" { "Time (UTC)" }
                    input type="time" id="time" name="time" required value=[non_empty(&form_values.time)]
                        aria-describedby=[described_by_ids("time-hint", has_error)] aria-invalid=[aria_invalid(has_error)];
                }
            }
        }
    }
}
