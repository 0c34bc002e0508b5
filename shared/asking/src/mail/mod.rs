//! The mail that asks a person for a decision, and the one that reminds of it.
//!
//! Called where a request is sent to its approver, again where it moves on to the backup, and again where time runs
//! out. It
//! guarantees that the subject is one line without deceiving characters, that each of the agent's
//! lines is marked as the agent's in both parts, and that the only links are those of the page. It
//! does not keep a mail program from making links of addresses in plain words, so the mail says
//! whose they are. It does not send, and it knows nothing of encodings: the sender encodes.

use handrail_kernel::pages::{one_line, shown};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::pages::{AtDeadline, Button, Moment, in_mail, span};
use handrail_domain::decision::{Choice, ResponseType, Urgency};

/// The most characters of a subject.
pub const SUBJECT_MAX: usize = 150;
/// The most characters of the context in a mail; the page has the whole.
pub const CONTEXT_MAX: usize = 1500;
const NAME_MAX: usize = 40;

const CUT: &str = "The context is cut here: the whole text is on the page.";
const SAFE: &str = "Opening the link does not decide anything: the page shows what is asked and waits for one tap.";
const PRIVATE: &str = "Whoever holds this link can answer in your name, so do not forward this mail.";
const FOREIGN: &str = "Addresses within the agent’s words are not from Handrail.";

/// All that the mail tells.
#[derive(Debug, Clone)]
pub struct MailView<'a> {
    pub turn: Turn<'a>,
    /// Asked before, and not answered yet.
    pub reminder: bool,
    /// What is asked, in the agent's words.
    pub action: &'a str,
    /// What the agent gave to judge by; may be empty.
    pub context: &'a str,
    pub amount: Option<&'a str>,
    /// Pictures and files that the page shows. Never in the mail: a picture would tell its owner who reads it.
    pub on_page: usize,
    pub urgency: Urgency,
    /// The name of the API key that asked.
    pub asked_by: &'a str,
    /// The address of the page, without a query.
    pub link: &'a str,
    /// What is to be filled in on the page.
    pub asked: &'a ResponseType,
    /// The answers that may be given, in the order of their buttons.
    pub options: &'a [Choice],
    pub deadline: Moment<'a>,
    /// From the sending of this mail to the deadline.
    pub minutes_left: i64,
    pub at_deadline: AtDeadline<'a>,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy)]
pub enum Turn<'a> {
    /// The approver who was named first.
    First,
    /// The backup, since this first approver did not answer in time.
    Backup { instead_of: &'a str },
}

/// A mail, ready to be encoded and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The mail for this view.
#[must_use]
pub fn compose(view: &MailView<'_>) -> Composed {
    let subject = subject(view);
    Composed { text: text(view), html: body(view, &subject), subject }
}

fn subject(view: &MailView<'_>) -> String {
    let press = match view.urgency {
        Urgency::Critical => "[critical] ",
        Urgency::High => "[high] ",
        Urgency::Medium | Urgency::Low => "",
    };
    let backup = match view.turn {
        Turn::First => "",
        Turn::Backup { .. } => "You are the backup: ",
    };
    let again = if view.reminder { "Reminder: " } else { "" };
    let start = format!("{press}{again}{backup}{} asks: \"", one_line(view.asked_by, NAME_MAX));
    let room = SUBJECT_MAX.saturating_sub(start.chars().count() + 1);
    format!("{start}{}\"", one_line(view.action, room))
}

fn lead(view: &MailView<'_>) -> String {
    let who = one_line(view.asked_by, NAME_MAX);
    let asks = match view.reminder {
        true => format!("{who} still waits for your decision: {} left.", span(view.minutes_left)),
        false => format!("{who} asks for your decision."),
    };
    match view.turn {
        Turn::First => asks,
        Turn::Backup { instead_of } => {
            let first = one_line(instead_of, 254);
            format!("{asks} You are the backup approver: {first} did not answer in time.")
        }
    }
}

/// What the page shows beside these words.
fn beside(view: &MailView<'_>) -> Option<String> {
    match view.on_page {
        0 => None,
        1 => Some("The agent gave a picture or a file too: it is on the page.".to_owned()),
        more => Some(format!("The agent gave {more} pictures or files too: they are on the page.")),
    }
}

fn until(view: &MailView<'_>) -> String {
    format!("{} ({} from the sending of this mail)", view.deadline.text, span(view.minutes_left))
}

fn otherwise(view: &MailView<'_>) -> String {
    match view.at_deadline {
        AtDeadline::Expires => "it expires, and the agent is told that nobody answered".to_owned(),
        AtDeadline::GoesTo(backup) => {
            format!("it goes to {}, and your link stops working", one_line(backup, 254))
        }
    }
}

fn answer_link(view: &MailView<'_>, button: Button) -> String {
    format!("{}?a={}", view.link, button.tap.name())
}

/// The context as far as the mail shows it, and whether that is less than all.
fn excerpt(context: &str) -> (&str, bool) {
    match context.char_indices().nth(CONTEXT_MAX) {
        Some((end, _)) => (context.get(..end).unwrap_or_default().trim_end(), true),
        None => (context.trim_end(), false),
    }
}

fn text(view: &MailView<'_>) -> String {
    let (context, cut) = excerpt(view.context);
    let mut parts = vec![lead(view), format!("The agent wrote:\n{}", quoted(view.action))];
    if let Some(amount) = view.amount {
        parts.push(format!("Amount, as the agent gives it:\n{}", quoted(amount)));
    }
    if !context.is_empty() {
        parts.push(format!("Context from the agent:\n{}", quoted(context)));
    }
    if cut {
        parts.push(CUT.to_owned());
    }
    parts.extend(beside(view));
    parts.push(format!("(Lines that start with > are the agent's. {})", FOREIGN.replace('’', "'")));
    parts.push(format!(
        "Urgency: {}\nAnswer by: {}\nWith no answer: {}",
        view.urgency.name(),
        until(view),
        otherwise(view)
    ));
    let mut links = format!("Your page:\n{}", view.link);
    for button in in_mail(view.asked, view.options) {
        let (label, meaning) = (button.label, lower(button.meaning));
        links.push_str(&format!("\n\n{label} ({meaning}):\n{}", answer_link(view, button)));
    }
    parts.push(links);
    parts.push(format!("{SAFE}\n{PRIVATE}"));
    parts.push("-- \nHandrail: the desk where AI agents hand work to people".to_owned());
    parts.join("\n\n") + "\n"
}

/// Marks every line as the agent's, so that none can stand among ours.
fn quoted(text: &str) -> String {
    let lines: Vec<String> = shown(text).split('\n').map(|line| format!("> {line}")).collect();
    lines.join("\n")
}

fn lower(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// For programs that follow the reader's dark scheme; the others keep the light inline colours.
const DARK: &str = "@media (prefers-color-scheme: dark) {\
    .h-page { background: #10141a !important; }\
    .h-card { background: #181e26 !important; border-color: #2e3742 !important; }\
    .h-ink { color: #e7ebf0 !important; } .h-soft { color: #a9b3c0 !important; }\
    .h-said { background: #201e33 !important; border-color: #8f80e6 !important; }\
    .h-who { color: #c5bcff !important; } .h-link { color: #79cbd6 !important; } }";

const INK: &str = "color:#17202b;";
const SOFT: &str = "margin:0 0 8px;color:#4d5967;font-size:14px;";
const WHO: &str = "margin:0 0 4px;color:#4b3a9e;font-size:14px;font-weight:bold;";
const SAID: &str = "margin:20px 0;padding:14px 16px;background:#f6f4fd;border:1px solid #8a7ad6;\
    border-left-width:6px;border-radius:8px;overflow:hidden;";
const WORDS: &str = "margin:0;color:#17202b;white-space:pre-wrap;word-break:break-word;overflow-wrap:anywhere;";

fn body(view: &MailView<'_>, subject: &str) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (subject) }
                style { (PreEscaped(DARK)) }
            }
            body class="h-page" style="margin:0;padding:16px;background:#f4f5f7;" {
                div style="display:none;max-height:0;overflow:hidden;" {
                    "Answer by " (view.deadline.text) ". " (SAFE)
                }
                div class="h-card h-ink" style={
                    "max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border:1px solid #d9dee5;border-radius:12px;"
                    "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;" (INK)
                } {
                    p class="h-link" style="margin:0 0 16px;color:#0b5964;font-weight:bold;" { "Handrail" }
                    h1 class="h-ink" style={ "margin:0 0 8px;font-size:22px;line-height:1.25;" (INK) } {
                        @if view.reminder { "Your decision is still needed" } @else { "Your decision is needed" }
                    }
                    p style="margin:0;" { bdi { (lead(view)) } }
                    (words(view))
                    (facts(view))
                    (buttons(view))
                }
            }
        }
    }
    .into_string()
}

fn words(view: &MailView<'_>) -> Markup {
    let (context, cut) = excerpt(view.context);
    let gap = "margin-top:14px;";
    html! {
        div class="h-said" style=(SAID) {
            p class="h-who" style=(WHO) { "The agent wrote:" }
            p class="h-ink" dir="auto" style={ (WORDS) "font-size:17px;" } { (shown(view.action)) }
            @if let Some(amount) = view.amount {
                p class="h-who" style={ (WHO) (gap) } { "Amount, as the agent gives it" }
                p class="h-ink" dir="auto" style={ (WORDS) "font-weight:bold;" } { (shown(amount)) }
            }
            @if !context.is_empty() {
                p class="h-who" style={ (WHO) (gap) } { "Context from the agent" }
                pre class="h-ink" dir="auto" style={ (WORDS) "font-family:Menlo,Consolas,monospace;font-size:13px;" } { (shown(context)) }
            }
        }
        @if cut {
            p class="h-soft" style=(SOFT) { (CUT) }
        }
        @if let Some(beside) = beside(view) {
            p class="h-soft" style=(SOFT) { (beside) }
        }
        p class="h-soft" style=(SOFT) { "Here the agent’s words end. " (FOREIGN) }
    }
}

fn facts(view: &MailView<'_>) -> Markup {
    let line = "margin:0 0 4px;";
    html! {
        div style="margin:20px 0;" {
            p style=(line) { b { "Urgency: " } (view.urgency.name()) }
            p style=(line) { b { "Answer by: " } (until(view)) }
            p style=(line) { b { "With no answer: " } bdi { (otherwise(view)) } }
        }
    }
}

fn buttons(view: &MailView<'_>) -> Markup {
    html! {
        div style="margin:0 0 12px;" {
            @for button in in_mail(view.asked, view.options) {
                a href=(answer_link(view, button)) style={
                    "display:inline-block;margin:0 8px 8px 0;padding:12px 22px;border-radius:8px;"
                    "color:#ffffff;font-weight:bold;text-decoration:none;background:" (ground(button.tone())) ";"
                } { (button.label) "…" }
            }
        }
        p style="margin:0 0 16px;word-break:break-all;" {
            "Or open your page: " a class="h-link" href=(view.link) style="color:#0b5964;" { (view.link) }
        }
        p class="h-soft" style=(SOFT) { (SAFE) }
        p class="h-soft" style=(SOFT) { (PRIVATE) }
    }
}

fn ground(choice: Choice) -> &'static str {
    match choice {
        Choice::Approve => "#12623a",
        Choice::Deny => "#a01f1f",
        Choice::Modify => "#754700",
    }
}

#[cfg(test)]
mod tests;
