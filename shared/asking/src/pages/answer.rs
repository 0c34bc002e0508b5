//! An answer that was given, as every later visitor sees it.

use handrail_kernel::pages::shown;
use maud::{Markup, html};

use super::attached::list;
use super::{DecidedView, FileView, name, time};

/// What was said beside yes or no. The words are the approver's; the labels are the agent's.
#[derive(Debug, Clone)]
pub enum Said<'a> {
    Chosen(&'a str),
    Value(String),
    /// Label and text.
    Texts(Vec<(&'a str, &'a str)>),
    Files(Vec<FileView>),
    /// Words that are the whole answer.
    Reply(&'a str),
    /// What a program said in a form of its own.
    Data(String),
}

/// The way an answer came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How<'a> {
    /// On the page behind the link in the mail.
    Link,
    /// By a button in Slack.
    Slack,
    /// Through the API, by somebody who holds this key.
    Api { key: &'a str },
    /// By a rule of the key that asked.
    Rule { rule: &'a str },
}

pub(super) fn answer(view: &DecidedView<'_>) -> Markup {
    html! {
        dl class="facts" {
            dt { "Answer" }
            @match &view.said {
                Some(Said::Reply(words)) => dd class="quote" dir="auto" lang="" { (shown(words)) },
                _ => dd { strong { (view.verdict.word()) } },
            }
            @if let Some(at) = &view.execute_at {
                dt { "To be done" }
                dd { "Not before " strong { (time(at)) } }
            }
            dt { "By" }
            dd {
                @match view.how {
                    How::Rule { rule } => { "The rule " (name(rule)) ", which the account set up for the key that asked" }
                    _ => (name(view.by)),
                }
            }
            dt { "At" }
            dd { (time(&view.at)) }
            dt { "How" }
            dd {
                @match view.how {
                    How::Link => "On the page behind the link in the mail",
                    How::Slack => "In Slack",
                    How::Api { key } => { "Through the API, with the key " (name(key)) }
                    How::Rule { .. } => "By itself, when it was asked",
                }
            }
            @if let Some(said) = &view.said { (what(said)) }
            @if !view.notes.trim().is_empty() {
                dt { "Notes" }
                dd class="quote" dir="auto" lang="" { (shown(view.notes)) }
            }
        }
    }
}

fn what(said: &Said<'_>) -> Markup {
    html! {
        @match said {
            Said::Chosen(chosen) => {
                dt { "Chosen" }
                dd class="quote" dir="auto" lang="" { (shown(chosen)) }
            }
            Said::Value(value) => {
                dt { "Number" }
                dd { (shown(value)) }
            }
            Said::Texts(texts) => @for (label, text) in texts {
                dt { "To “" (name(label)) "”" }
                dd class="quote" dir="auto" lang="" { @if text.is_empty() { "(left empty)" } @else { (shown(text)) } }
            },
            Said::Files(files) => {
                dt { @if files.len() == 1 { "File" } @else { "Files" } }
                dd { (list(files)) }
            }
            // It stands as the answer itself.
            Said::Reply(_) => {}
            Said::Data(json) => {
                dt { "Data" }
                dd { pre dir="auto" lang="" { (shown(json)) } }
            }
        }
    }
}
