//! Details of an answer, for the pages of a closed request.

use handrail_web::pages::visible_text;
use maud::{Markup, html};

use super::attachments::{FileView, file_list};
use super::format::isolated_name;
use super::time_text::{TimeText, time_element};

/// Content of an answer beyond its choice. The texts come from the approver, their labels from the agent.
#[derive(Debug, Clone)]
pub enum AnswerContent<'a> {
    ChosenOption(&'a str),
    Value(String),
    /// Pairs of label and text.
    Texts(Vec<(&'a str, &'a str)>),
    Files(Vec<FileView>),
    /// Text that is the full answer.
    Reply(&'a str),
    /// Response data of a program, as JSON.
    Data(String),
}

/// Channel of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerChannel<'a> {
    /// Page behind the link in the mail.
    Link,
    /// Button or dialog in Slack.
    Slack,
    /// Page behind the link, by a person who was signed in.
    Session,
    /// Page behind the link, confirmed with a passkey.
    Passkey,
    /// API call with this key. The name of the person who answered is what the key says.
    Api { key: &'a str, by_asker: bool },
    /// Approval rule of the requesting API key.
    Rule { rule: &'a str },
}

/// Result of an answered request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultKind {
    Approved,
    Denied,
    Modified,
    Scheduled,
    /// Answered with a text instead of a choice.
    Answered,
}

impl ResultKind {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Approved => "Approved",
            Self::Denied => "Denied",
            Self::Modified => "Approved with changes",
            Self::Scheduled => "Approved for later",
            Self::Answered => "Answered",
        }
    }
}

/// Answered request.
#[derive(Debug, Clone)]
pub struct DecidedView<'a> {
    pub action: &'a str,
    pub requester: &'a str,
    pub result: ResultKind,
    /// Person or program that answered.
    pub answered_by: &'a str,
    pub answered_at: TimeText<'a>,
    /// Earliest execution time, if the request was approved for later.
    pub execute_at: Option<TimeText<'a>>,
    pub content: Option<AnswerContent<'a>>,
    /// Notes of the approver; may be empty.
    pub notes: &'a str,
    pub channel: AnswerChannel<'a>,
    /// Use of the approval by a program.
    pub used: Option<UsedView<'a>>,
}

/// Use of an approval, with its end once the program has reported it.
#[derive(Debug, Clone)]
pub struct UsedView<'a> {
    /// Name of the API key of the program.
    pub key: &'a str,
    pub at: TimeText<'a>,
    pub end: Option<UseEnd<'a>>,
}

/// What a program says about the end of the execution.
#[derive(Debug, Clone)]
pub struct UseEnd<'a> {
    pub has_succeeded: bool,
    pub at: TimeText<'a>,
    /// May be empty.
    pub detail: &'a str,
}

pub(super) fn answer_details(view: &DecidedView<'_>) -> Markup {
    html! {
        dl class="facts" {
            dt { "Answer" }
            @match &view.content {
                Some(AnswerContent::Reply(text)) => dd class="quote" dir="auto" lang="" { (visible_text(text)) },
                _ => dd { strong { (view.result.label()) } },
            }
            @if let Some(at) = &view.execute_at {
                dt { "To be done" }
                dd { "Not before " strong { (time_element(at)) } }
            }
            dt { "By" }
            dd {
                @match view.channel {
                    AnswerChannel::Rule { rule } => { "The rule " (isolated_name(rule)) ", which the account set up for the key that asked" }
                    AnswerChannel::Api { .. } => {
                        (isolated_name(view.answered_by)) ", as the program that sent the answer says. Handrail did not check this name."
                    }
                    _ => (isolated_name(view.answered_by)),
                }
            }
            dt { "At" }
            dd { (time_element(&view.answered_at)) }
            dt { "How" }
            dd {
                @match view.channel {
                    AnswerChannel::Link => "On the page behind the link in the mail",
                    AnswerChannel::Slack => "In Slack",
                    AnswerChannel::Session => "On the page behind the link, signed in to the account",
                    AnswerChannel::Passkey => "On the page behind the link, with a passkey",
                    AnswerChannel::Api { key, by_asker } => {
                        "Through the API, with the key " (isolated_name(key))
                        @if by_asker { ", which is the key that asked" }
                    }
                    AnswerChannel::Rule { .. } => "By itself, when it was asked",
                }
            }
            @if let Some(content) = &view.content { (content_rows(content)) }
            @if !view.notes.trim().is_empty() {
                dt { "Notes" }
                dd class="quote" dir="auto" lang="" { (visible_text(view.notes)) }
            }
            @if let Some(used) = &view.used { (used_rows(used)) }
        }
    }
}

fn used_rows(used: &UsedView<'_>) -> Markup {
    html! {
        dt { "Used" }
        dd { (time_element(&used.at)) ", with the key " (isolated_name(used.key)) }
        @if let Some(end) = &used.end {
            dt { "Outcome" }
            dd {
                @if end.has_succeeded { "Succeeded" } @else { strong { "Failed" } }
                ", " (time_element(&end.at)) ", as the program says"
            }
            @if !end.detail.trim().is_empty() {
                dt { "The program’s words" }
                dd class="quote" dir="auto" lang="" { (visible_text(end.detail)) }
            }
        }
    }
}

fn content_rows(content: &AnswerContent<'_>) -> Markup {
    html! {
        @match content {
            AnswerContent::ChosenOption(chosen) => {
                dt { "Chosen" }
                dd class="quote" dir="auto" lang="" { (visible_text(chosen)) }
            }
            AnswerContent::Value(value) => {
                dt { "Number" }
                dd { (visible_text(value)) }
            }
            AnswerContent::Texts(texts) => @for (label, text) in texts {
                dt { "To “" (isolated_name(label)) "”" }
                dd class="quote" dir="auto" lang="" { @if text.is_empty() { "(left empty)" } @else { (visible_text(text)) } }
            },
            AnswerContent::Files(files) => {
                dt { @if files.len() == 1 { "File" } @else { "Files" } }
                dd { (file_list(files)) }
            }
            // Shown as the answer itself, above.
            AnswerContent::Reply(_) => {}
            AnswerContent::Data(json) => {
                dt { "Data" }
                dd { pre dir="auto" lang="" { (visible_text(json)) } }
            }
        }
    }
}
