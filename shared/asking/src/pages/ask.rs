//! The page that asks. It shows everything the person needs to judge, and one form with what is to be
//! filled in and a button for each answer. Opening it decides nothing; one tap does.

use handrail_domain::decision::{Choice, NOTES_CHARS_MAX as NOTES_MAX, ResponseType, Urgency};
use handrail_kernel::pages::{Page, html as respond, shown};
use http::{Response, StatusCode};
use maud::{Markup, html};

use super::agent::Words;
use super::inputs::inputs;
use super::{
    AtDeadline, Button, Days, FileView, Input, Moment, Picture, Tap, Typed, agent, countdown, name, on_page, time,
};

/// All that the page tells and takes back.
#[derive(Debug, Clone)]
pub struct AskView<'a> {
    /// What is asked, in the agent's words.
    pub action: &'a str,
    /// What the agent gave to judge by; may be empty.
    pub context: &'a str,
    pub amount: Option<&'a str>,
    pub pictures: &'a [Picture],
    pub files: &'a [FileView],
    pub urgency: Urgency,
    /// The name of the API key that asked.
    pub asked_by: &'a str,
    /// The address the link was sent to.
    pub approver: &'a str,
    /// Who was asked first, where it is the backup's turn now.
    pub instead_of: Option<&'a str>,
    pub requested: Moment<'a>,
    pub deadline: Moment<'a>,
    pub ms_left: i64,
    pub at_deadline: AtDeadline<'a>,
    /// What is to be filled in.
    pub asked: &'a ResponseType,
    pub days: Days<'a>,
    /// The answers that may be given, in the order of their buttons.
    pub options: &'a [Choice],
    /// From the mail's link, or from the try that was just refused.
    pub typed: &'a Typed,
}

/// 200, or 422 when it comes back with a problem.
#[must_use]
pub fn ask(view: &AskView<'_>) -> Response<String> {
    let (status, title) = match view.typed.problem {
        None => (StatusCode::OK, "Your decision is needed"),
        Some(_) => (StatusCode::UNPROCESSABLE_ENTITY, "Please check your answer"),
    };
    let bar = html! { span class="whom" { "For " (name(view.approver)) } };
    let mut origins: Vec<String> = view.pictures.iter().map(|picture| picture.origin.clone()).collect();
    origins.sort();
    origins.dedup();
    respond(status, &Page::new(title, body(view)).bar(bar).script(countdown::SCRIPT).pictures_from(origins))
}

fn body(view: &AskView<'_>) -> Markup {
    html! {
        a class="skip" href="#answer" { "Skip to your answer" }
        div class="card" {
            p class="top" { (urgency(view.urgency)) }
            h1 { "Your decision is needed" }
            p class="lede" {
                strong { (name(view.asked_by)) } " asks you to decide. Answer by "
                strong { (time(&view.deadline)) } ": " (countdown::left(view.ms_left)) "."
            }
            (countdown::over(&view.at_deadline))
            (agent::words(&Words {
                action: view.action,
                amount: view.amount,
                context: view.context,
                pictures: view.pictures,
                files: view.files,
            }))
            (facts(view))
            (form(view))
        }
        p class="small soft" {
            "This link answers for " (name(view.approver)) ". Do not pass it on: whoever holds it can answer."
        }
    }
}

fn urgency(urgency: Urgency) -> Markup {
    let tone = match urgency {
        Urgency::Low | Urgency::Medium => "chip",
        Urgency::High => "chip mid",
        Urgency::Critical => "chip no",
    };
    html! { span class=(tone) { "Urgency: " (urgency.name()) } }
}

fn facts(view: &AskView<'_>) -> Markup {
    html! {
        dl class="facts" {
            dt { "Asked at" }
            dd { (time(&view.requested)) }
            @if let Some(first) = view.instead_of {
                dt { "Asked first" }
                dd { (name(first)) ", who did not answer in time. You are the backup." }
            }
            dt { "Who else may answer" }
            dd { "Your team’s own programs, through the API. The first answer counts." }
            dt { "With no answer" }
            dd {
                @match view.at_deadline {
                    AtDeadline::Expires => "It expires. The agent is told that nobody answered.",
                    AtDeadline::GoesTo(backup) => {
                        "It goes to " (name(backup)) ", and this link stops working."
                    }
                }
            }
        }
    }
}

fn form(view: &AskView<'_>) -> Markup {
    let typed = view.typed;
    let buttons = on_page(view.asked, view.options);
    let first = typed.tap.and_then(|tap| buttons.iter().copied().find(|button| button.tap == tap));
    // The browser asks for the notes only where every plain way to send the form needs them.
    let only_modify = buttons.iter().all(|button| button.tap == Tap::Modify);
    let notes_needed = view.asked.is_plain() && (only_modify || first.is_some_and(|first| first.tap == Tap::Modify));
    // A button goes without what only another one needs.
    let free = |button: Button| match view.asked.is_plain() {
        true => notes_needed && button.tap != Tap::Modify,
        false => !button.checks,
    };
    let multipart = matches!(view.asked, ResponseType::FileUpload { .. }).then_some("multipart/form-data");
    html! {
        form class="answer" id="answer" method="post" action="" enctype=[multipart] aria-labelledby="answer-title" {
            h2 id="answer-title" { "Your answer" }
            @if let Some(problem) = &typed.problem {
                p class="problem" id="problem" role="alert" { (shown(&problem.words)) }
            }
            (inputs(view.asked, typed, view.days))
            (notes(view, notes_needed))
            @if let (Some(first), None) = (first.filter(|first| !first.checks), &typed.problem) {
                p class="chosen" {
                    "You picked " strong { (first.label) } " in the mail. Nothing is decided until you tap it here."
                }
            }
            div class="choices" {
                @if let Some(first) = first {
                    (button(first, "first", free(first)))
                }
                @for &other in buttons.iter().filter(|button| Some(**button) != first) {
                    (button(other, if first.is_some() { "other" } else { "even" }, free(other)))
                }
            }
        }
    }
}

fn notes(view: &AskView<'_>, needed: bool) -> Markup {
    let wrong = view.typed.is_wrong(Input::Notes);
    let described = if wrong { "problem notes-hint" } else { "notes-hint" };
    html! {
        label for="notes" { "Notes" }
        p class="hint" id="notes-hint" { (hint(view.options)) }
        textarea id="notes" name="notes" rows="4" maxlength=(NOTES_MAX) dir="auto" required[needed]
            aria-describedby=(described) aria-invalid=[wrong.then_some("true")] {
            // A browser drops the first line end of a text area: this one, not the person's.
            "\n" (view.typed.notes)
        }
    }
}

fn button(button: Button, rank: &str, free: bool) -> Markup {
    html! {
        button class={ (button.tone().name()) " " (rank) } type="submit" name="choice" value=(button.tap.name())
            formnovalidate[free] {
            b { (button.label) } " "
            span { (button.meaning) }
        }
    }
}

fn hint(options: &[Choice]) -> &'static str {
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
