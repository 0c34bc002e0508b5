//! Pages of a link whose request is closed or was escalated to the backup.

use handrail_web::pages::{HtmlPage, html_response as respond, visible_text};
use http::{Response, StatusCode};
use maud::{Markup, html};

use super::agent;
use super::answer::{AnswerChannel, DecidedView, ResultKind, answer_details};
use super::format::isolated_name;
use super::time_text::{TimeText, time_element};

/// Request that the requester cancelled.
#[derive(Debug, Clone)]
pub struct CancelledView<'a> {
    pub action: &'a str,
    pub requester: &'a str,
    pub cancelled_at: TimeText<'a>,
    /// Reason from the agent; may be empty.
    pub reason: &'a str,
}

/// Request that expired without an answer.
#[derive(Debug, Clone)]
pub struct ExpiredView<'a> {
    pub action: &'a str,
    pub requester: &'a str,
    pub expired_at: TimeText<'a>,
}

/// Request that was escalated from this person to the backup.
#[derive(Debug, Clone)]
pub struct EscalatedView<'a> {
    pub action: &'a str,
    pub escalated_at: TimeText<'a>,
    /// Address of the backup, who can answer now.
    pub backup: &'a str,
}

/// Returns the page of this person's own answer, with status 200.
#[must_use]
pub fn outcome(view: &DecidedView<'_>) -> Response<String> {
    let title = view.result.label();
    let body = html! {
        div class="card" {
            (result_icon(view.result))
            h1 { (title) }
            p class="lede" {
                "Your answer is recorded and goes back to " (isolated_name(view.requester)) ". "
                @if let Some(at) = &view.execute_at {
                    "It may be done from " strong { (time_element(at)) } " on, and not before. "
                }
                "It is final. You can close this page."
            }
            (answer_details(view))
            (agent::action_only(view.action))
        }
    };
    respond(StatusCode::OK, &HtmlPage::new(title, body))
}

/// Returns the page for a request that another person, a program or a rule has answered, with status 409.
#[must_use]
pub fn already_decided(view: &DecidedView<'_>) -> Response<String> {
    let (title, reason) = match view.channel {
        AnswerChannel::Rule { .. } => ("Answered by a rule", "Nobody was asked: a rule of the account answered. "),
        AnswerChannel::Link
        | AnswerChannel::Session
        | AnswerChannel::Passkey
        | AnswerChannel::Slack
        | AnswerChannel::Api { .. } => ("Already answered", "Another answer came first. "),
    };
    let body = html! {
        div class="card" {
            (result_icon(view.result))
            h1 { (title) }
            p class="lede" { (reason) "It stands, and nothing done on this page changes it." }
            (answer_details(view))
            (agent::action_only(view.action))
        }
    };
    respond(StatusCode::CONFLICT, &HtmlPage::new(title, body))
}

/// Returns the page of a cancelled request, with status 410.
#[must_use]
pub fn cancelled(view: &CancelledView<'_>) -> Response<String> {
    let title = "The asker took it back";
    let body = html! {
        div class="card" {
            (clock_icon())
            h1 { (title) }
            p class="lede" {
                "On " (time_element(&view.cancelled_at)) " " (isolated_name(view.requester)) " took this request back. There is nothing to decide \
                 any more, and this link no longer takes an answer."
            }
            @if !view.reason.trim().is_empty() {
                div class="agent" {
                    p class="who" { "The reason, in the agent’s words:" }
                    p class="said" dir="auto" lang="" { (visible_text(view.reason)) }
                }
            }
            (agent::action_only(view.action))
        }
    };
    respond(StatusCode::GONE, &HtmlPage::new(title, body))
}

/// Returns the page of an expired request, with status 410.
#[must_use]
pub fn expired(view: &ExpiredView<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            (clock_icon())
            h1 { "This request has expired" }
            p class="lede" {
                "Nobody answered by " (time_element(&view.expired_at)) ", so the request is closed and "
                (isolated_name(view.requester)) " is told so. This link no longer takes an answer."
            }
            (agent::action_only(view.action))
            p { "If it still matters, let " (isolated_name(view.requester)) " ask again." }
        }
    };
    respond(StatusCode::GONE, &HtmlPage::new("This request has expired", body))
}

/// Returns the page of an escalated request, which only the backup can answer, with status 410.
#[must_use]
pub fn escalated(view: &EscalatedView<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            (clock_icon())
            h1 { "Someone else is asked now" }
            p class="lede" {
                "There was no answer in time, so on " (time_element(&view.escalated_at)) " the request went to "
                strong { (isolated_name(view.backup)) } ". This link no longer takes an answer."
            }
            (agent::action_only(view.action))
            p { "If you know something that matters here, tell " (isolated_name(view.backup)) "." }
        }
    };
    respond(StatusCode::GONE, &HtmlPage::new("Someone else is asked now", body))
}

fn result_icon(result: ResultKind) -> Markup {
    let (tone, path) = match result {
        ResultKind::Approved | ResultKind::Answered => ("sign yes", "M4 13 9.5 18.5 20 6"),
        ResultKind::Denied => ("sign no", "M5 5 19 19M19 5 5 19"),
        ResultKind::Modified => ("sign mid", "M4 20 5 15 16 4 20 8 9 19Z"),
        ResultKind::Scheduled => ("sign yes", CLOCK_PATH),
    };
    icon(tone, path)
}

const CLOCK_PATH: &str = "M12 2A10 10 0 1 1 12 22A10 10 0 1 1 12 2ZM12 6V12L16 15";

fn clock_icon() -> Markup {
    icon("sign", CLOCK_PATH)
}

fn icon(tone: &str, path: &str) -> Markup {
    html! {
        svg class=(tone) viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.6"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {
            path d=(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hostile_input::{HOSTILE_TEXT, assert_harmless};
    use super::super::{AnswerContent, FileView, UseEnd, UsedView};
    use super::*;

    const AT: TimeText<'_> = TimeText { text: "14 March 2026, 16:12 UTC", rfc3339: "2026-03-14T16:12:00Z" };
    const RESULT_KINDS: [ResultKind; 5] =
        [ResultKind::Approved, ResultKind::Denied, ResultKind::Modified, ResultKind::Scheduled, ResultKind::Answered];

    fn decided_view(text: &str, result: ResultKind) -> DecidedView<'_> {
        DecidedView {
            action: text,
            requester: text,
            result,
            answered_by: text,
            answered_at: AT,
            execute_at: (result == ResultKind::Scheduled).then_some(AT),
            content: None,
            notes: text,
            channel: AnswerChannel::Link,
            used: Some(UsedView {
                key: text,
                at: AT,
                end: Some(UseEnd { has_succeeded: false, at: AT, detail: text }),
            }),
        }
    }

    fn files(name: &str) -> Vec<FileView> {
        let content_type = name.to_owned();
        vec![FileView { name: name.to_owned(), content_type, size: 5, href: "../files/t".to_owned() }]
    }

    #[test]
    fn hostile_text_is_escaped() {
        for result in RESULT_KINDS {
            assert_harmless(outcome(&decided_view(HOSTILE_TEXT, result)).body());
            assert_harmless(already_decided(&decided_view(HOSTILE_TEXT, result)).body());
        }
        for channel in [
            AnswerChannel::Slack,
            AnswerChannel::Api { key: HOSTILE_TEXT, by_asker: true },
            AnswerChannel::Rule { rule: HOSTILE_TEXT },
        ] {
            assert_harmless(
                already_decided(&DecidedView { channel, ..decided_view(HOSTILE_TEXT, ResultKind::Denied) }).body(),
            );
        }
        for content in [
            AnswerContent::ChosenOption(HOSTILE_TEXT),
            AnswerContent::Value(HOSTILE_TEXT.to_owned()),
            AnswerContent::Texts(vec![(HOSTILE_TEXT, HOSTILE_TEXT)]),
            AnswerContent::Files(files(HOSTILE_TEXT)),
            AnswerContent::Reply(HOSTILE_TEXT),
            AnswerContent::Data(HOSTILE_TEXT.to_owned()),
        ] {
            assert_harmless(
                outcome(&DecidedView { content: Some(content), ..decided_view(HOSTILE_TEXT, ResultKind::Approved) })
                    .body(),
            );
        }
        assert_harmless(expired(&ExpiredView { action: HOSTILE_TEXT, requester: HOSTILE_TEXT, expired_at: AT }).body());
        let view = EscalatedView { action: HOSTILE_TEXT, escalated_at: AT, backup: HOSTILE_TEXT };
        assert_harmless(escalated(&view).body());
        let view =
            CancelledView { action: HOSTILE_TEXT, requester: HOSTILE_TEXT, cancelled_at: AT, reason: HOSTILE_TEXT };
        assert_harmless(cancelled(&view).body());
    }

    #[test]
    fn closed_pages_have_status_and_no_form() {
        let view = decided_view("x", ResultKind::Denied);
        let expired_view = ExpiredView { action: "x", requester: "x", expired_at: AT };
        let escalated_view = EscalatedView { action: "x", escalated_at: AT, backup: "x" };
        let cancelled_view = CancelledView { action: "x", requester: "x", cancelled_at: AT, reason: "" };
        for (response, status) in [
            (outcome(&view), 200),
            (already_decided(&view), 409),
            (expired(&expired_view), 410),
            (escalated(&escalated_view), 410),
            (cancelled(&cancelled_view), 410),
        ] {
            assert_eq!(response.status().as_u16(), status);
            assert!(!response.body().contains("<form"));
            assert!(!response.body().contains("<button"));
        }
    }

    #[test]
    fn answered_page_shows_approver_time_channel_and_notes() {
        let view = DecidedView {
            answered_by: "tom@example.com",
            notes: "Only\nstaging",
            channel: AnswerChannel::Api { key: "back office", by_asker: true },
            ..decided_view("x", ResultKind::Modified)
        };
        let page = already_decided(&view).into_body();
        for part in [
            "<strong>Approved with changes</strong>",
            "<bdi>tom@example.com</bdi>, as the program that sent the answer says",
            "<time datetime=\"2026-03-14T16:12:00Z\">14 March 2026, 16:12 UTC</time>",
            "Through the API, with the key <bdi>back office</bdi>, which is the key that asked",
            "Only\nstaging",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!outcome(&DecidedView { notes: " ", ..view }).body().contains("<dt>Notes"));
    }

    #[test]
    fn outcome_page_shows_the_use_of_the_approval() {
        let shown = |used| outcome(&DecidedView { used, ..decided_view("x", ResultKind::Approved) }).into_body();
        let used = UsedView { key: "deploy agent", at: AT, end: None };
        let page = shown(Some(used.clone()));
        assert!(page.contains("<dt>Used</dt>") && page.contains("with the key <bdi>deploy agent</bdi>"), "{page}");
        assert!(!page.contains("<dt>Outcome</dt>"));
        let end = UseEnd { has_succeeded: true, at: AT, detail: "invoice 7" };
        let page = shown(Some(UsedView { end: Some(end), ..used }));
        assert!(page.contains("Succeeded") && page.contains("invoice 7"), "{page}");
        assert!(!shown(None).contains("<dt>Used</dt>"));
    }

    #[test]
    fn outcome_page_shows_answer_content_and_execution_time() {
        let page_with = |content| {
            outcome(&DecidedView { content: Some(content), ..decided_view("x", ResultKind::Approved) }).into_body()
        };
        assert!(page_with(AnswerContent::ChosenOption("express")).contains("<dt>Chosen</dt>"));
        assert!(page_with(AnswerContent::Value("15".to_owned())).contains("<dd>15</dd>"));
        let texts = page_with(AnswerContent::Texts(vec![("Why?", "because\nof it"), ("More?", "")]));
        for part in ["To “<bdi>Why?</bdi>”", "because\nof it", "(left empty)"] {
            assert!(texts.contains(part), "{part}");
        }
        assert!(page_with(AnswerContent::Files(files("a.pdf"))).contains("href=\"../files/t\""));
        let replied = DecidedView {
            content: Some(AnswerContent::Reply("ship <half>")),
            ..decided_view("x", ResultKind::Answered)
        };
        let page = outcome(&replied).into_body();
        assert!(page.contains("ship &lt;half&gt;") && !page.contains("Approved"), "{page}");
        let page = outcome(&decided_view("x", ResultKind::Scheduled)).into_body();
        assert!(page.contains("Approved for later") && page.contains("Not before"), "{page}");
        let channel = AnswerChannel::Rule { rule: "small" };
        let page = already_decided(&DecidedView { channel, ..decided_view("x", ResultKind::Approved) }).into_body();
        assert!(page.contains("Answered by a rule") && page.contains("<bdi>small</bdi>"));
    }
}
