//! The pages of a link whose request is over, or is no longer this person's to answer.

use handrail_kernel::pages::{Page, html as respond, shown};
use http::{Response, StatusCode};
use maud::{Markup, html};

use super::answer::answer;
use super::{How, Moment, Said, agent, name, time};

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Approved,
    Denied,
    Modified,
    Scheduled,
    /// In words, which are neither yes nor no.
    Answered,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Approved => "Approved",
            Self::Denied => "Denied",
            Self::Modified => "Approved with changes",
            Self::Scheduled => "Approved for later",
            Self::Answered => "Answered",
        }
    }
}

/// An answer that was given.
#[derive(Debug, Clone)]
pub struct DecidedView<'a> {
    pub action: &'a str,
    pub asked_by: &'a str,
    pub verdict: Verdict,
    /// Who answered.
    pub by: &'a str,
    pub at: Moment<'a>,
    /// Where it was approved for a time.
    pub execute_at: Option<Moment<'a>>,
    pub said: Option<Said<'a>>,
    /// May be empty.
    pub notes: &'a str,
    pub how: How<'a>,
}

/// A request that the asker took back.
#[derive(Debug, Clone)]
pub struct CancelledView<'a> {
    pub action: &'a str,
    pub asked_by: &'a str,
    pub at: Moment<'a>,
    /// In the words of the agent; may be empty.
    pub reason: &'a str,
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
    let title = view.verdict.word();
    let body = html! {
        div class="card" {
            (sign(view.verdict))
            h1 { (title) }
            p class="lede" {
                "Your answer is recorded and goes back to " (name(view.asked_by)) ". "
                @if let Some(at) = &view.execute_at {
                    "It may be done from " strong { (time(at)) } " on, and not before. "
                }
                "It is final. You can close this page."
            }
            (answer(view))
            (agent::action(view.action))
        }
    };
    respond(StatusCode::OK, &Page::new(title, body))
}

/// 409: somebody else answered before the holder of this link.
#[must_use]
pub fn already_decided(view: &DecidedView<'_>) -> Response<String> {
    let (title, why) = match view.how {
        How::Rule { .. } => ("Answered by a rule", "Nobody was asked: a rule of the account answered. "),
        How::Link | How::Slack | How::Api { .. } => ("Already answered", "Another answer came first. "),
    };
    let body = html! {
        div class="card" {
            (sign(view.verdict))
            h1 { (title) }
            p class="lede" { (why) "It stands, and nothing done on this page changes it." }
            (answer(view))
            (agent::action(view.action))
        }
    };
    respond(StatusCode::CONFLICT, &Page::new(title, body))
}

/// 410: the asker took it back.
#[must_use]
pub fn cancelled(view: &CancelledView<'_>) -> Response<String> {
    let title = "The asker took it back";
    let body = html! {
        div class="card" {
            (clock())
            h1 { (title) }
            p class="lede" {
                "On " (time(&view.at)) " " (name(view.asked_by)) " took this request back. There is nothing to decide \
                 any more, and this link no longer takes an answer."
            }
            @if !view.reason.trim().is_empty() {
                div class="agent" {
                    p class="who" { "The reason, in the agent’s words:" }
                    p class="said" dir="auto" lang="" { (shown(view.reason)) }
                }
            }
            (agent::action(view.action))
        }
    };
    respond(StatusCode::GONE, &Page::new(title, body))
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
            (agent::action(view.action))
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
            (agent::action(view.action))
            p { "If you know something that matters here, tell " (name(view.to)) "." }
        }
    };
    respond(StatusCode::GONE, &Page::new("Someone else is asked now", body))
}

fn sign(verdict: Verdict) -> Markup {
    let (tone, path) = match verdict {
        Verdict::Approved | Verdict::Answered => ("sign yes", "M4 13 9.5 18.5 20 6"),
        Verdict::Denied => ("sign no", "M5 5 19 19M19 5 5 19"),
        Verdict::Modified => ("sign mid", "M4 20 5 15 16 4 20 8 9 19Z"),
        Verdict::Scheduled => ("sign yes", CLOCK),
    };
    drawing(tone, path)
}

const CLOCK: &str = "M12 2A10 10 0 1 1 12 22A10 10 0 1 1 12 2ZM12 6V12L16 15";

fn clock() -> Markup {
    drawing("sign", CLOCK)
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
    use super::super::FileView;
    use super::super::samples::{HOSTILE, assert_harmless};
    use super::*;

    const AT: Moment<'_> = Moment { text: "14 March 2026, 16:12 UTC", machine: "2026-03-14T16:12:00Z" };
    const VERDICTS: [Verdict; 5] =
        [Verdict::Approved, Verdict::Denied, Verdict::Modified, Verdict::Scheduled, Verdict::Answered];

    fn decided(text: &str, verdict: Verdict) -> DecidedView<'_> {
        DecidedView {
            action: text,
            asked_by: text,
            verdict,
            by: text,
            at: AT,
            execute_at: (verdict == Verdict::Scheduled).then_some(AT),
            said: None,
            notes: text,
            how: How::Link,
        }
    }

    fn files(name: &str) -> Vec<FileView> {
        let content_type = name.to_owned();
        vec![FileView { name: name.to_owned(), content_type, size: 5, href: "../files/t".to_owned() }]
    }

    #[test]
    fn hostile_words_are_harmless() {
        for verdict in VERDICTS {
            assert_harmless(outcome(&decided(HOSTILE, verdict)).body());
            assert_harmless(already_decided(&decided(HOSTILE, verdict)).body());
        }
        for how in [How::Slack, How::Api { key: HOSTILE }, How::Rule { rule: HOSTILE }] {
            assert_harmless(already_decided(&DecidedView { how, ..decided(HOSTILE, Verdict::Denied) }).body());
        }
        for said in [
            Said::Chosen(HOSTILE),
            Said::Value(HOSTILE.to_owned()),
            Said::Texts(vec![(HOSTILE, HOSTILE)]),
            Said::Files(files(HOSTILE)),
            Said::Reply(HOSTILE),
            Said::Data(HOSTILE.to_owned()),
        ] {
            assert_harmless(outcome(&DecidedView { said: Some(said), ..decided(HOSTILE, Verdict::Approved) }).body());
        }
        assert_harmless(expired(&ExpiredView { action: HOSTILE, asked_by: HOSTILE, expired: AT }).body());
        let view = MovedView { action: HOSTILE, moved: AT, to: HOSTILE };
        assert_harmless(moved(&view).body());
        let view = CancelledView { action: HOSTILE, asked_by: HOSTILE, at: AT, reason: HOSTILE };
        assert_harmless(cancelled(&view).body());
    }

    #[test]
    fn each_has_its_status_and_no_form() {
        let view = decided("x", Verdict::Denied);
        let over = ExpiredView { action: "x", asked_by: "x", expired: AT };
        let gone = MovedView { action: "x", moved: AT, to: "x" };
        let back = CancelledView { action: "x", asked_by: "x", at: AT, reason: "" };
        for (response, status) in [
            (outcome(&view), 200),
            (already_decided(&view), 409),
            (expired(&over), 410),
            (moved(&gone), 410),
            (cancelled(&back), 410),
        ] {
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
            how: How::Api { key: "back office" },
            ..decided("x", Verdict::Modified)
        };
        let page = already_decided(&view).into_body();
        for part in [
            "<strong>Approved with changes</strong>",
            "<bdi>tom@example.com</bdi>",
            "<time datetime=\"2026-03-14T16:12:00Z\">14 March 2026, 16:12 UTC</time>",
            "Through the API, with the key <bdi>back office</bdi>",
            "Only\nstaging",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!outcome(&DecidedView { notes: " ", ..view }).body().contains("<dt>Notes"));
    }

    #[test]
    fn tells_what_was_said_and_when_it_may_be_done() {
        let said = |said| outcome(&DecidedView { said: Some(said), ..decided("x", Verdict::Approved) }).into_body();
        assert!(said(Said::Chosen("express")).contains("<dt>Chosen</dt>"));
        assert!(said(Said::Value("15".to_owned())).contains("<dd>15</dd>"));
        let texts = said(Said::Texts(vec![("Why?", "because\nof it"), ("More?", "")]));
        for part in ["To “<bdi>Why?</bdi>”", "because\nof it", "(left empty)"] {
            assert!(texts.contains(part), "{part}");
        }
        assert!(said(Said::Files(files("a.pdf"))).contains("href=\"../files/t\""));
        let replied = DecidedView { said: Some(Said::Reply("ship <half>")), ..decided("x", Verdict::Answered) };
        let page = outcome(&replied).into_body();
        assert!(page.contains("ship &lt;half&gt;") && !page.contains("Approved"), "{page}");
        let page = outcome(&decided("x", Verdict::Scheduled)).into_body();
        assert!(page.contains("Approved for later") && page.contains("Not before"), "{page}");
        let how = How::Rule { rule: "small" };
        let page = already_decided(&DecidedView { how, ..decided("x", Verdict::Approved) }).into_body();
        assert!(page.contains("Answered by a rule") && page.contains("<bdi>small</bdi>"));
    }
}
