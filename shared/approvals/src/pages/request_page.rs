//! Page with the approval request and its form, which has the inputs and a button for each answer. Opening the page
//! answers nothing; a click on a button does.

use handrail_domain::argument_rows::ArgumentRow;
use handrail_domain::decision::{Choice, NOTES_CHARS_MAX as NOTES_MAX, ResponseType, Urgency};
use handrail_web::pages::{HtmlPage, html_response as respond, visible_text};
use http::{Response, StatusCode};
use maud::{Markup, html};

use super::agent::{self, AgentContent};
use super::attachments::{FileView, Picture};
use super::buttons::{Button, page_buttons};
use super::countdown::{self, AtDeadline};
use super::form_values::{FormButton, FormField, FormValues};
use super::format::isolated_name;
use super::inputs::{DateRange, inputs};
use super::time_text::{TimeText, time_element};

/// Content of the page.
#[derive(Debug, Clone)]
pub struct RequestPageView<'a> {
    /// Action to approve, in the agent's words.
    pub action: &'a str,
    /// Context from the agent; may be empty.
    pub context: &'a str,
    pub amount: Option<&'a str>,
    /// Tool that carries out the action.
    pub tool: Option<&'a str>,
    pub arguments: &'a [ArgumentRow],
    pub pictures: &'a [Picture],
    pub files: &'a [FileView],
    pub urgency: Urgency,
    /// Name of the API key that created the request.
    pub requester: &'a str,
    /// Address that the link was sent to.
    pub approver: &'a str,
    /// First approver, if the backup is asked now.
    pub first_approver: Option<&'a str>,
    pub requested_at: TimeText<'a>,
    pub deadline: TimeText<'a>,
    pub ms_left: i64,
    pub at_deadline: AtDeadline<'a>,
    /// Type of the answer.
    pub response_type: &'a ResponseType,
    pub date_range: DateRange<'a>,
    /// Allowed answers, in the order of their buttons.
    pub options: &'a [Choice],
    /// Values from the mail's link, or from a form that was just rejected.
    pub form_values: &'a FormValues,
}

/// Returns the page with status 200, or 422 if `form_values` has an error.
#[must_use]
pub fn request_page(view: &RequestPageView<'_>) -> Response<String> {
    let (status, title) = match view.form_values.field_error {
        None => (StatusCode::OK, "Your decision is needed"),
        Some(_) => (StatusCode::UNPROCESSABLE_ENTITY, "Please check your answer"),
    };
    let bar = html! { span class="whom" { "For " (isolated_name(view.approver)) } };
    let mut origins: Vec<String> = view.pictures.iter().map(|picture| picture.origin.clone()).collect();
    origins.sort();
    origins.dedup();
    respond(status, &HtmlPage::new(title, body(view)).top_bar(bar).script(countdown::SCRIPT).image_origins(origins))
}

fn body(view: &RequestPageView<'_>) -> Markup {
    html! {
        a class="skip" href="#answer" { "Skip to your answer" }
        div class="card" {
            p class="top" { (urgency_chip(view.urgency)) }
            h1 { "Your decision is needed" }
            p class="lede" {
                strong { (isolated_name(view.requester)) } " asks you to decide. Answer by "
                strong { (time_element(&view.deadline)) } ": " (countdown::time_left(view.ms_left)) "."
            }
            (countdown::time_over_notice(&view.at_deadline))
            (agent::agent_content(&AgentContent {
                action: view.action,
                amount: view.amount,
                tool: view.tool,
                arguments: view.arguments,
                context: view.context,
                pictures: view.pictures,
                files: view.files,
            }))
            (facts_list(view))
            (form(view))
        }
        p class="small soft" {
            "This link answers for " (isolated_name(view.approver)) ". Do not pass it on: whoever holds it can answer."
        }
    }
}

fn urgency_chip(urgency: Urgency) -> Markup {
    let tone = match urgency {
        Urgency::Low | Urgency::Medium => "chip",
        Urgency::High => "chip mid",
        Urgency::Critical => "chip no",
    };
    html! { span class=(tone) { "Urgency: " (urgency.name()) } }
}

fn facts_list(view: &RequestPageView<'_>) -> Markup {
    html! {
        dl class="facts" {
            dt { "Asked at" }
            dd { (time_element(&view.requested_at)) }
            @if let Some(first) = view.first_approver {
                dt { "Asked first" }
                dd { (isolated_name(first)) ", who did not answer in time. You are the backup." }
            }
            dt { "Who else may answer" }
            dd { "Your team’s own programs, through the API. The first answer counts." }
            dt { "With no answer" }
            dd {
                @match view.at_deadline {
                    AtDeadline::Expires => "It expires. The agent is told that nobody answered.",
                    AtDeadline::EscalatesTo(backup) => {
                        "It goes to " (isolated_name(backup)) ", and this link stops working."
                    }
                }
            }
        }
    }
}

fn form(view: &RequestPageView<'_>) -> Markup {
    let form_values = view.form_values;
    let buttons = page_buttons(view.response_type, view.options);
    let first = form_values
        .form_button
        .and_then(|form_button| buttons.iter().copied().find(|button| button.form_button == form_button));
    // Notes are required only if all buttons need them, or if the preselected button does.
    let only_modify = buttons.iter().all(|button| button.form_button == FormButton::Modify);
    let notes_required = view.response_type.is_plain()
        && (only_modify || first.is_some_and(|first| first.form_button == FormButton::Modify));
    // A button skips the validation of inputs that only other buttons need.
    let skips_validation = |button: Button| match view.response_type.is_plain() {
        true => notes_required && button.form_button != FormButton::Modify,
        false => !button.has_validation,
    };
    let multipart = matches!(view.response_type, ResponseType::FileUpload { .. }).then_some("multipart/form-data");
    html! {
        form class="answer" id="answer" method="post" action="" enctype=[multipart] aria-labelledby="answer-title" {
            h2 id="answer-title" { "Your answer" }
            @if let Some(error) = &form_values.field_error {
                p class="problem" id="problem" role="alert" { (visible_text(&error.message)) }
            }
            (inputs(view.response_type, form_values, view.date_range))
            (notes_input(view, notes_required))
            @if let (Some(first), None) = (first.filter(|first| !first.has_validation), &form_values.field_error) {
                p class="chosen" {
                    "You picked " strong { (first.label) } " in the mail. Nothing is decided until you tap it here."
                }
            }
            div class="choices" {
                @if let Some(first) = first {
                    (submit_button(first, "first", skips_validation(first)))
                }
                @for &other in buttons.iter().filter(|button| Some(**button) != first) {
                    (submit_button(other, if first.is_some() { "other" } else { "even" }, skips_validation(other)))
                }
            }
        }
    }
}

fn notes_input(view: &RequestPageView<'_>, required: bool) -> Markup {
    let has_error = view.form_values.has_error(FormField::Notes);
    let described_by = if has_error { "problem notes-hint" } else { "notes-hint" };
    html! {
        label for="notes" { "Notes" }
        p class="hint" id="notes-hint" { (notes_hint(view.options)) }
        textarea id="notes" name="notes" rows="4" maxlength=(NOTES_MAX) dir="auto" required[required]
            aria-describedby=(described_by) aria-invalid=[has_error.then_some("true")] {
            // Browsers drop the first line end of a text area; this one protects a line end of the person's text.
            "\n" (view.form_values.notes)
        }
    }
}

fn submit_button(button: Button, rank: &str, skips_validation: bool) -> Markup {
    html! {
        button class={ (button.style().name()) " " (rank) } type="submit" name="choice" value=(button.form_button.name())
            formnovalidate[skips_validation] {
            b { (button.label) } " "
            span { (button.meaning) }
        }
    }
}

fn notes_hint(options: &[Choice]) -> &'static str {
    match (options.contains(&Choice::Modify), options.len()) {
        (true, 1) => "Say what to change: the agent gets these words. At most 5,000 characters.",
        (true, _) => {
            "To modify is to approve with changes: say here what to change. Otherwise you can leave this empty. \
             The agent gets these words."
        }
        (false, _) => "You can leave this empty. The agent gets these words.",
    }
}

#[cfg(test)]
mod tests;
