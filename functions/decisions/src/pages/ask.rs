//! The page that asks. It shows everything the person needs to judge, and one form with a button
//! for each answer. Opening it decides nothing; one tap does.

use handrail_kernel::pages::{Page, html as respond, shown};
use http::{Response, StatusCode};
use maud::{Markup, html};

use super::{AtDeadline, Moment, agent, label, meaning, name, span, time};
use handrail_domain::decision::{Choice, NOTES_CHARS_MAX as NOTES_MAX, Urgency};

/// All that the page tells and takes back.
#[derive(Debug, Clone)]
pub struct AskView<'a> {
    /// What is asked, in the agent's words.
    pub action: &'a str,
    /// What the agent gave to judge by; may be empty.
    pub context: &'a str,
    pub amount: Option<&'a str>,
    pub urgency: Urgency,
    /// The name of the API key that asked.
    pub asked_by: &'a str,
    /// The address the link was sent to.
    pub approver: &'a str,
    pub requested: Moment<'a>,
    pub deadline: Moment<'a>,
    pub minutes_left: i64,
    pub at_deadline: AtDeadline<'a>,
    /// The answers that may be given, in the order of their buttons.
    pub options: &'a [Choice],
    /// The answer to put first: from the mail's link, or the one that was just refused.
    pub preselected: Option<Choice>,
    /// The notes typed so far.
    pub notes: &'a str,
    /// Why the last try was refused, in words for the person.
    pub problem: Option<&'a str>,
}

/// 200, or 422 when it comes back with a problem.
#[must_use]
pub fn ask(view: &AskView<'_>) -> Response<String> {
    let (status, title) = match view.problem {
        None => (StatusCode::OK, "Your decision is needed"),
        Some(_) => (StatusCode::UNPROCESSABLE_ENTITY, "Please check your answer"),
    };
    let bar = html! { span class="whom" { "For " (name(view.approver)) } };
    respond(status, &Page::new(title, body(view)).bar(bar))
}

fn body(view: &AskView<'_>) -> Markup {
    html! {
        a class="skip" href="#answer" { "Skip to your answer" }
        div class="card" {
            p class="top" { (urgency(view.urgency)) }
            h1 { "Your decision is needed" }
            p class="lede" {
                strong { (name(view.asked_by)) } " asks you to decide. Answer by "
                strong { (time(&view.deadline)) } ", "
                @if view.minutes_left > 0 { "in " (span(view.minutes_left)) } @else { "in less than a minute" }
                "."
            }
            (agent::words(view.action, view.amount, view.context))
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
    let first = view.preselected.filter(|choice| view.options.contains(choice));
    // The browser asks for the notes only where every plain way to send the form needs them.
    let required = first == Some(Choice::Modify) || view.options == [Choice::Modify];
    let described = if view.problem.is_some() { "problem notes-hint" } else { "notes-hint" };
    html! {
        form class="answer" id="answer" method="post" action="" aria-labelledby="answer-title" {
            h2 id="answer-title" { "Your answer" }
            @if let Some(problem) = view.problem {
                p class="problem" id="problem" role="alert" { (shown(problem)) }
            }
            label for="notes" { "Notes" }
            p class="hint" id="notes-hint" { (hint(view.options)) }
            textarea id="notes" name="notes" rows="4" maxlength=(NOTES_MAX) dir="auto" required[required]
                aria-describedby=(described) aria-invalid=[view.problem.map(|_| "true")] {
                // A browser drops the first line end of a text area: this one, not the person's.
                "\n" (view.notes)
            }
            @if let (Some(first), None) = (first, view.problem) {
                p class="chosen" {
                    "You picked " strong { (label(first)) } " in the mail. Nothing is decided until you tap it here."
                }
            }
            div class="choices" {
                @if let Some(first) = first {
                    (button(first, "first", false))
                }
                @for &choice in view.options.iter().filter(|choice| Some(**choice) != first) {
                    (button(choice, if first.is_some() { "other" } else { "even" }, required && choice != Choice::Modify))
                }
            }
        }
    }
}

/// One answer. `free` lets it be sent without the notes that another button needs.
fn button(choice: Choice, rank: &str, free: bool) -> Markup {
    html! {
        button class={ (choice.name()) " " (rank) } type="submit" name="choice" value=(choice.name())
            formnovalidate[free] {
            b { (label(choice)) } " "
            span { (meaning(choice)) }
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
mod tests {
    use super::super::samples::{HOSTILE, assert_harmless};
    use super::*;

    const ALL: [Choice; 3] = Choice::ALL;
    const AT: Moment<'_> = Moment { text: "14 March 2026, 16:30 UTC", machine: "2026-03-14T16:30:00Z" };

    fn view(text: &str) -> AskView<'_> {
        AskView {
            action: text,
            context: text,
            amount: Some(text),
            urgency: Urgency::High,
            asked_by: text,
            approver: text,
            requested: AT,
            deadline: AT,
            minutes_left: 43,
            at_deadline: AtDeadline::GoesTo(text),
            options: &ALL,
            preselected: None,
            notes: "",
            problem: None,
        }
    }

    fn order(page: &str) -> Vec<&str> {
        page.split("name=\"choice\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn hostile_words_are_harmless() {
        let response = ask(&AskView { problem: Some(HOSTILE), ..view(HOSTILE) });
        assert_harmless(response.body());
        assert!(response.body().contains("&lt;script&gt;"));
        assert!(response.body().contains("[U+202E]desrever[U+0000]"));
    }

    #[test]
    fn no_address_of_the_agent_can_be_followed() {
        let response = ask(&view("see https://evil.example/d/x or mailto:eve@example.com"));
        let links: Vec<&str> = response.body().split("<a ").skip(1).collect();
        assert_eq!(links.len(), 1);
        assert!(links[0].starts_with("class=\"skip\" href=\"#answer\""));
    }

    #[test]
    fn notes_come_back_as_typed() {
        let response = ask(&AskView { notes: "\n</textarea><b>\"x\"", ..view("a") });
        assert!(response.body().contains(">\n\n&lt;/textarea&gt;&lt;b&gt;&quot;x&quot;</textarea>"));
    }

    #[test]
    fn the_preselected_answer_comes_first_and_is_only_preselected() {
        let page = ask(&AskView { preselected: Some(Choice::Deny), ..view("a") }).into_body();
        assert_eq!(order(&page), ["deny", "approve", "modify"]);
        assert!(page.contains("class=\"deny first\""));
        assert!(page.contains("Nothing is decided until you tap it here."));
        assert!(page.contains("<form class=\"answer\" id=\"answer\" method=\"post\" action=\"\""));
    }

    #[test]
    fn only_allowed_answers_have_a_button() {
        let options = [Choice::Approve, Choice::Deny];
        let page = ask(&AskView { options: &options, preselected: Some(Choice::Modify), ..view("a") }).into_body();
        assert_eq!(order(&page), ["approve", "deny"]);
        let words = page.split_once("<main>").unwrap().1;
        assert!(!words.contains("odify"), "no word of an answer that is not allowed");
        assert!(!page.contains("in the mail"));
    }

    #[test]
    fn notes_are_required_where_modify_leads_and_the_rest_goes_without() {
        let page = ask(&AskView { preselected: Some(Choice::Modify), ..view("a") }).into_body();
        assert!(page.contains(" required "));
        assert_eq!(page.matches("formnovalidate").count(), 2);
        let page = ask(&view("a")).into_body();
        assert!(!page.contains(" required "));
        assert!(!page.contains("formnovalidate"));
    }

    #[test]
    fn a_problem_is_announced_and_bound_to_the_notes() {
        let response = ask(&AskView { problem: Some("Say what to change."), ..view("a") });
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = response.into_body();
        assert!(page.contains("role=\"alert\">Say what to change."));
        assert!(page.contains("aria-describedby=\"problem notes-hint\" aria-invalid=\"true\""));
    }

    #[test]
    fn tells_when_and_what_then() {
        let page = ask(&view("a")).into_body();
        assert!(page.contains(
            "<time datetime=\"2026-03-14T16:30:00Z\">14 March 2026, 16:30 UTC</time></strong>, in 43 minutes."
        ));
        assert!(page.contains("this link stops working"));
        let page = ask(&AskView { at_deadline: AtDeadline::Expires, ..view("a") }).into_body();
        assert!(page.contains("It expires."));
    }
}
