//! The pages of a link whose request is over, or is no longer this person's to answer.

use handrail_kernel::pages::{Page, html as respond, shown};
use http::{Response, StatusCode};
use maud::{Markup, html};

use super::{How, Moment, agent, name, time};
use handrail_domain::decision::Choice;

/// An answer that was given.
#[derive(Debug, Clone)]
pub struct DecidedView<'a> {
    pub action: &'a str,
    pub asked_by: &'a str,
    pub choice: Choice,
    /// Who answered.
    pub by: &'a str,
    pub at: Moment<'a>,
    /// May be empty.
    pub notes: &'a str,
    pub how: How,
}

/// A request that nobody answered in time.
#[derive(Debug, Clone)]
pub struct ExpiredView<'a> {
    pub action: &'a str,
    pub asked_by: &'a str,
    pub expired: Moment<'a>,
}

/// A request that went from this person to the backup approver.
#[derive(Debug, Clone)]
pub struct MovedView<'a> {
    pub action: &'a str,
    pub moved: Moment<'a>,
    /// Who can answer now.
    pub to: &'a str,
}

/// 200: the answer of this link's holder, right after it was given and ever after.
#[must_use]
pub fn outcome(view: &DecidedView<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            (sign(view.choice))
            h1 { (done(view.choice)) }
            p class="lede" {
                "Your answer is recorded and goes back to " (name(view.asked_by)) ". "
                "It is final. You can close this page."
            }
            (answer(view))
            (agent::words(view.action, None, ""))
        }
    };
    respond(StatusCode::OK, &Page::new(done(view.choice), body))
}

/// 409: somebody else answered before the holder of this link.
#[must_use]
pub fn already_decided(view: &DecidedView<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            (sign(view.choice))
            h1 { "Already answered" }
            p class="lede" {
                "Another answer came first. It stands, and nothing done on this page changes it."
            }
            (answer(view))
            (agent::words(view.action, None, ""))
        }
    };
    respond(StatusCode::CONFLICT, &Page::new("Already answered", body))
}

/// 410: the time ran out.
#[must_use]
pub fn expired(view: &ExpiredView<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            (clock())
            h1 { "This request has expired" }
            p class="lede" {
                "Nobody answered by " (time(&view.expired)) ", so the request is closed and "
                (name(view.asked_by)) " is told so. This link no longer takes an answer."
            }
            (agent::words(view.action, None, ""))
            p { "If it still matters, let " (name(view.asked_by)) " ask again." }
        }
    };
    respond(StatusCode::GONE, &Page::new("This request has expired", body))
}

/// 410: the request went to the backup approver, and with it the right to answer.
#[must_use]
pub fn moved(view: &MovedView<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            (clock())
            h1 { "Someone else is asked now" }
            p class="lede" {
                "There was no answer in time, so on " (time(&view.moved)) " the request went to "
                strong { (name(view.to)) } ". This link no longer takes an answer."
            }
            (agent::words(view.action, None, ""))
            p { "If you know something that matters here, tell " (name(view.to)) "." }
        }
    };
    respond(StatusCode::GONE, &Page::new("Someone else is asked now", body))
}

fn answer(view: &DecidedView<'_>) -> Markup {
    html! {
        dl class="facts" {
            dt { "Answer" }
            dd { strong { (done(view.choice)) } }
            dt { "By" }
            dd { (name(view.by)) }
            dt { "At" }
            dd { (time(&view.at)) }
            dt { "How" }
            dd {
                @match view.how {
                    How::Link => "On the page behind the link in the mail",
                    How::Api => "Through the API",
                }
            }
            @if !view.notes.trim().is_empty() {
                dt { "Notes" }
                dd class="quote" dir="auto" lang="" { (shown(view.notes)) }
            }
        }
    }
}

fn done(choice: Choice) -> &'static str {
    match choice {
        Choice::Approve => "Approved",
        Choice::Deny => "Denied",
        Choice::Modify => "Approved with changes",
    }
}

fn sign(choice: Choice) -> Markup {
    let (tone, path) = match choice {
        Choice::Approve => ("sign yes", "M4 13 9.5 18.5 20 6"),
        Choice::Deny => ("sign no", "M5 5 19 19M19 5 5 19"),
        Choice::Modify => ("sign mid", "M4 20 5 15 16 4 20 8 9 19Z"),
    };
    drawing(tone, path)
}

fn clock() -> Markup {
    drawing("sign", "M12 2A10 10 0 1 1 12 22A10 10 0 1 1 12 2ZM12 6V12L16 15")
}

fn drawing(tone: &str, path: &str) -> Markup {
    html! {
        svg class=(tone) viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.6"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {
            path d=(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{HOSTILE, assert_harmless};
    use super::*;

    const AT: Moment<'_> = Moment { text: "14 March 2026, 16:12 UTC", machine: "2026-03-14T16:12:00Z" };

    fn decided(text: &str, choice: Choice) -> DecidedView<'_> {
        DecidedView { action: text, asked_by: text, choice, by: text, at: AT, notes: text, how: How::Link }
    }

    #[test]
    fn hostile_words_are_harmless() {
        for choice in [Choice::Approve, Choice::Deny, Choice::Modify] {
            assert_harmless(outcome(&decided(HOSTILE, choice)).body());
            assert_harmless(already_decided(&decided(HOSTILE, choice)).body());
        }
        assert_harmless(expired(&ExpiredView { action: HOSTILE, asked_by: HOSTILE, expired: AT }).body());
        let view = MovedView { action: HOSTILE, moved: AT, to: HOSTILE };
        assert_harmless(moved(&view).body());
    }

    #[test]
    fn each_has_its_status_and_no_form() {
        let view = decided("x", Choice::Deny);
        let over = ExpiredView { action: "x", asked_by: "x", expired: AT };
        let gone = MovedView { action: "x", moved: AT, to: "x" };
        for (response, status) in
            [(outcome(&view), 200), (already_decided(&view), 409), (expired(&over), 410), (moved(&gone), 410)]
        {
            assert_eq!(response.status().as_u16(), status);
            assert!(!response.body().contains("<form"));
            assert!(!response.body().contains("<button"));
        }
    }

    #[test]
    fn tells_who_when_how_and_why() {
        let view = DecidedView {
            by: "tom@example.com",
            notes: "Only\nstaging",
            how: How::Api,
            ..decided("x", Choice::Modify)
        };
        let page = already_decided(&view).into_body();
        for part in [
            "<strong>Approved with changes</strong>",
            "<bdi>tom@example.com</bdi>",
            "<time datetime=\"2026-03-14T16:12:00Z\">14 March 2026, 16:12 UTC</time>",
            "Through the API",
            "Only\nstaging",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!outcome(&DecidedView { notes: " ", ..view }).body().contains("<dt>Notes"));
    }
}
