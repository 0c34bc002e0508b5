//! What is filled in beside yes or no. The agent chose the labels, so all of it stands in a box that says so.

use handrail_domain::decision::{ResponseType, TEXT_CHARS_MAX, TextField};
use handrail_kernel::pages::shown;
use maud::{Markup, html};
use serde_json::Number;

use super::typed::{Input, Typed};

/// The day before which and after which no time can be picked, as a form writes days.
#[derive(Debug, Clone, Copy)]
pub struct Days<'a> {
    pub now: &'a str,
    pub first: &'a str,
    pub last: &'a str,
}

pub(super) fn inputs(asked: &ResponseType, typed: &Typed, days: Days<'_>) -> Markup {
    let inside = match asked {
        ResponseType::ApproveDeny | ResponseType::Confirm => return html! {},
        ResponseType::Choose { label, choices } => choose(label, choices, typed),
        ResponseType::TextInput { label, fields } => texts(label, fields, typed),
        ResponseType::NumberInput { label, min, max, placeholder } => {
            number(label, min.as_ref(), max.as_ref(), placeholder, typed)
        }
        ResponseType::FileUpload { label, max_files, accept } => files(label, *max_files, accept, typed),
        ResponseType::Schedule { label, .. } => schedule(label, days, typed),
        ResponseType::Reply { choices } if choices.is_empty() => own_words("The answer", true, typed),
        ResponseType::Reply { choices } => replies(choices, typed),
    };
    html! {
        div class="agent asks" {
            p class="who" { "The agent asks you for this:" }
            div class="part" { (inside) }
        }
    }
}

/// What belongs to a field for those who do not see where it stands.
fn described(hint: &str, wrong: bool) -> Option<String> {
    let ids: Vec<&str> =
        wrong.then_some("problem").into_iter().chain(Some(hint).filter(|hint| !hint.is_empty())).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

fn flag(wrong: bool) -> Option<&'static str> {
    wrong.then_some("true")
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn choose(label: &str, choices: &[String], typed: &Typed) -> Markup {
    let wrong = typed.is_wrong(Input::Chosen);
    html! {
        fieldset role="radiogroup" aria-required="true" aria-describedby=[described("", wrong)] aria-invalid=[flag(wrong)] {
            legend dir="auto" lang="" { (shown(label)) }
            @for (at, choice) in choices.iter().enumerate() {
                div class="pick" {
                    input type="radio" id={ "chosen-" (at) } name="chosen" value=(at) required
                        checked[typed.chosen == at.to_string()];
                    label for={ "chosen-" (at) } dir="auto" lang="" { (shown(choice)) }
                }
            }
        }
    }
}

/// The value of the choice that is none.
pub const OWN: &str = "own";

/// Some answers to pick from, and always room for another one.
fn replies(choices: &[String], typed: &Typed) -> Markup {
    let wrong = typed.is_wrong(Input::Chosen);
    html! {
        fieldset role="radiogroup" aria-required="true" aria-describedby=[described("", wrong)] aria-invalid=[flag(wrong)] {
            legend { "The answer" }
            @for (at, choice) in choices.iter().enumerate() {
                div class="pick" {
                    input type="radio" id={ "chosen-" (at) } name="chosen" value=(at) required
                        checked[typed.chosen == at.to_string()];
                    label for={ "chosen-" (at) } dir="auto" lang="" { (shown(choice)) }
                }
            }
            div class="pick" {
                input type="radio" id="chosen-own" name="chosen" value=(OWN) required checked[typed.chosen == OWN];
                label for="chosen-own" { "Another answer, in your own words" }
            }
        }
        (own_words("In your own words", false, typed))
    }
}

fn own_words(label: &str, needed: bool, typed: &Typed) -> Markup {
    let wrong = typed.is_wrong(Input::Text(0));
    html! {
        label for="text-0" { (label) }
        p class="hint" id="text-0-hint" {
            @if needed { "Required. The agent gets these words." } @else { "Only where you pick another answer." }
        }
        textarea id="text-0" name="text-0" rows="3" maxlength=(TEXT_CHARS_MAX) dir="auto" required[needed]
            aria-describedby=[described("text-0-hint", wrong)] aria-invalid=[flag(wrong)] {
            // A browser drops the first line end of a text area: this one, not the person's.
            "\n" (typed.texts.first().map_or("", String::as_str))
        }
    }
}

fn texts(label: &str, fields: &[TextField], typed: &Typed) -> Markup {
    html! {
        @if !label.is_empty() {
            p class="label" dir="auto" lang="" { (shown(label)) }
        }
        @for (at, field) in fields.iter().enumerate() {
            @let wrong = typed.is_wrong(Input::Text(at));
            label for={ "text-" (at) } dir="auto" lang="" { (shown(&field.label)) }
            p class="hint" id={ "text-" (at) "-hint" } { @if field.required { "Required." } @else { "You can leave this empty." } }
            textarea id={ "text-" (at) } name={ "text-" (at) } rows="2" maxlength=(TEXT_CHARS_MAX) dir="auto"
                required[field.required] placeholder=[some(&shown(&field.placeholder))]
                aria-describedby=[described(&format!("text-{at}-hint"), wrong)] aria-invalid=[flag(wrong)] {
                // A browser drops the first line end of a text area: this one, not the person's.
                "\n" (typed.texts.get(at).map_or("", String::as_str))
            }
        }
    }
}

fn number(label: &str, min: Option<&Number>, max: Option<&Number>, placeholder: &str, typed: &Typed) -> Markup {
    let wrong = typed.is_wrong(Input::Value);
    html! {
        label for="value" dir="auto" lang="" { (shown(label)) }
        p class="hint" id="value-hint" { (bounds(min, max)) }
        input type="number" id="value" name="value" inputmode="decimal" step="any" min=[min] max=[max] required
            placeholder=[some(&shown(placeholder))] value=[some(&typed.value)] autocomplete="off"
            aria-describedby=[described("value-hint", wrong)] aria-invalid=[flag(wrong)];
    }
}

/// `A number from 1 to 50.`
pub fn bounds(min: Option<&Number>, max: Option<&Number>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("A number from {min} to {max}."),
        (Some(min), None) => format!("A number of at least {min}."),
        (None, Some(max)) => format!("A number of at most {max}."),
        (None, None) => "A number.".to_owned(),
    }
}

fn files(label: &str, max_files: usize, accept: &[String], typed: &Typed) -> Markup {
    let wrong = typed.is_wrong(Input::Files);
    let kinds = accept.join(", ");
    html! {
        label for="file" dir="auto" lang="" { (shown(label)) }
        p class="hint" id="file-hint" {
            @if max_files == 1 { "One file." } @else { "1 to " (max_files) " files." }
            @if !kinds.is_empty() { " Kinds: " (kinds) "." }
            @if typed.problem.is_some() { " Pick them again: a page can’t keep files for you." }
        }
        input type="file" id="file" name="file" multiple[max_files > 1] accept=[some(&kinds)] required
            aria-describedby=[described("file-hint", wrong)] aria-invalid=[flag(wrong)];
    }
}

fn schedule(label: &str, days: Days<'_>, typed: &Typed) -> Markup {
    let wrong = typed.is_wrong(Input::Time);
    html! {
        fieldset aria-describedby=[described("time-hint", wrong)] {
            legend dir="auto" lang="" { (shown(label)) }
            p class="hint" id="time-hint" { "In UTC, where it is now " (days.now) "." }
            div class="when" {
                div {
                    label for="date" { "Date (UTC)" }
                    input type="date" id="date" name="date" min=(days.first) max=(days.last) required value=[some(&typed.date)]
                        aria-describedby=[described("time-hint", wrong)] aria-invalid=[flag(wrong)];
                }
                div {
                    label for="time" { "Time (UTC)" }
                    input type="time" id="time" name="time" required value=[some(&typed.time)]
                        aria-describedby=[described("time-hint", wrong)] aria-invalid=[flag(wrong)];
                }
            }
        }
    }
}
