//! Mail for an approval request: the request to the approver or backup, and its reminders.
//!
//! Guarantees: the subject is one line without deceptive characters, both parts mark the agent's lines as the agent's,
//! and all links lead to the approval page. A mail program may still turn addresses in plain text into links, so the
//! mail warns of them. The mailer sends and encodes the mail.

use handrail_web::pages::{one_line, visible_text};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::pages::{AtDeadline, Button, TimeText, duration, mail_buttons};
use handrail_domain::argument_rows::ArgumentRow;
use handrail_domain::decision::{Choice, ResponseType, Urgency};

/// Most characters of a subject.
pub const SUBJECT_CHARS_MAX: usize = 150;
/// Most characters of the context in a mail. The page shows the full context.
pub const CONTEXT_CHARS_MAX: usize = 1500;
const NAME_CHARS_MAX: usize = 40;
/// Most arguments of the tool in a mail, and most characters of each. The page shows all of them.
const ARGUMENTS_MAX: usize = 20;
const ARGUMENT_CHARS_MAX: usize = 200;

const CONTEXT_TRUNCATED_NOTE: &str = "The context is cut here: the whole text is on the page.";
const CALL_LABEL: &str = "What the agent wants to run";
const CALL_TRUNCATED_NOTE: &str = "(not all of it: the page has every argument in full)";
const LINK_SAFETY_NOTE: &str =
    "Opening the link does not decide anything: the page shows what is asked and waits for one tap.";
const FORWARDING_WARNING: &str = "Whoever holds this link can answer in your name, so do not forward this mail.";
const ADDRESS_WARNING: &str = "Addresses within the agent’s words are not from Handrail.";

/// Content of the mail.
#[derive(Debug, Clone)]
pub struct MailView<'a> {
    pub recipient: Recipient<'a>,
    /// `true` for a reminder of an open request.
    pub is_reminder: bool,
    /// Action to approve, in the agent's words.
    pub action: &'a str,
    /// Context from the agent; may be empty.
    pub context: &'a str,
    pub amount: Option<&'a str>,
    /// Tool that carries out the action.
    pub tool: Option<&'a str>,
    pub arguments: &'a [ArgumentRow],
    /// Number of pictures and files on the page. The mail omits them, because loading a picture would track the reader.
    pub attachment_count: usize,
    pub urgency: Urgency,
    /// Name of the API key that created the request.
    pub requester: &'a str,
    /// URL of the page, without a query.
    pub link: &'a str,
    /// Type of the answer.
    pub response_type: &'a ResponseType,
    /// Allowed answers, in the order of their buttons.
    pub options: &'a [Choice],
    pub deadline: TimeText<'a>,
    /// Minutes from the sending of this mail to the deadline.
    pub minutes_left: i64,
    pub at_deadline: AtDeadline<'a>,
}

/// Recipient of the mail.
#[derive(Debug, Clone, Copy)]
pub enum Recipient<'a> {
    /// First approver.
    Approver,
    /// Backup, after the first approver missed the deadline.
    Backup { first_approver: &'a str },
}

/// Rendered mail, not encoded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMail {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Renders the mail.
#[must_use]
pub fn render(view: &MailView<'_>) -> RenderedMail {
    let subject = subject(view);
    RenderedMail { text: text_body(view), html: html_body(view, &subject), subject }
}

fn subject(view: &MailView<'_>) -> String {
    let urgency = match view.urgency {
        Urgency::Critical => "[critical] ",
        Urgency::High => "[high] ",
        Urgency::Medium | Urgency::Low => "",
    };
    let backup = match view.recipient {
        Recipient::Approver => "",
        Recipient::Backup { .. } => "You are the backup: ",
    };
    let reminder = if view.is_reminder { "Reminder: " } else { "" };
    let start = format!("{urgency}{reminder}{backup}{} asks: \"", one_line(view.requester, NAME_CHARS_MAX));
    let room = SUBJECT_CHARS_MAX.saturating_sub(start.chars().count() + 1);
    format!("{start}{}\"", one_line(view.action, room))
}

fn lead_sentence(view: &MailView<'_>) -> String {
    let requester = one_line(view.requester, NAME_CHARS_MAX);
    let sentence = match view.is_reminder {
        true => format!("{requester} still waits for your decision: {} left.", duration(view.minutes_left)),
        false => format!("{requester} asks for your decision."),
    };
    match view.recipient {
        Recipient::Approver => sentence,
        Recipient::Backup { first_approver } => {
            let first = one_line(first_approver, 254);
            format!("{sentence} You are the backup approver: {first} did not answer in time.")
        }
    }
}

/// Returns a note about the pictures and files on the page, if there are any.
fn attachment_note(view: &MailView<'_>) -> Option<String> {
    match view.attachment_count {
        0 => None,
        1 => Some("The agent gave a picture or a file too: it is on the page.".to_owned()),
        more => Some(format!("The agent gave {more} pictures or files too: they are on the page.")),
    }
}

fn deadline_text(view: &MailView<'_>) -> String {
    format!("{} ({} from the sending of this mail)", view.deadline.text, duration(view.minutes_left))
}

fn no_answer_text(view: &MailView<'_>) -> String {
    match view.at_deadline {
        AtDeadline::Expires => "it expires, and the agent is told that nobody answered".to_owned(),
        AtDeadline::EscalatesTo(backup) => {
            format!("it goes to {}, and your link stops working", one_line(backup, 254))
        }
    }
}

fn answer_link(view: &MailView<'_>, button: Button) -> String {
    format!("{}?a={}", view.link, button.form_button.name())
}

/// Returns the context up to the limit, and `true` if the context was cut.
fn context_excerpt(context: &str) -> (&str, bool) {
    match context.char_indices().nth(CONTEXT_CHARS_MAX) {
        Some((end, _)) => (context.get(..end).unwrap_or_default().trim_end(), true),
        None => (context.trim_end(), false),
    }
}

/// Returns the tool and its first arguments, one on a line, or `None` if there are none.
fn call_excerpt(view: &MailView<'_>) -> Option<String> {
    let tool = view.tool.map(|tool| format!("tool: {tool}"));
    let cut = view.arguments.len() > ARGUMENTS_MAX
        || view.arguments.iter().any(|row| row.path.len() + row.value.len() > ARGUMENT_CHARS_MAX);
    let shown = view.arguments.iter().take(ARGUMENTS_MAX).map(|row| {
        let value = one_line(&row.value, ARGUMENT_CHARS_MAX);
        let value = if row.is_text { format!("\"{value}\"") } else { value };
        format!("{}: {value}", one_line(row.name(), ARGUMENT_CHARS_MAX))
    });
    let note = cut.then(|| CALL_TRUNCATED_NOTE.to_owned());
    let lines: Vec<String> = tool.into_iter().chain(shown).chain(note).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn text_body(view: &MailView<'_>) -> String {
    let (context, cut) = context_excerpt(view.context);
    let mut parts = vec![lead_sentence(view), format!("The agent wrote:\n{}", quote_lines(view.action))];
    if let Some(amount) = view.amount {
        parts.push(format!("Amount, as the agent gives it:\n{}", quote_lines(amount)));
    }
    if let Some(call) = call_excerpt(view) {
        parts.push(format!("{CALL_LABEL}:\n{}", quote_lines(&call)));
    }
    if !context.is_empty() {
        parts.push(format!("Context from the agent:\n{}", quote_lines(context)));
    }
    if cut {
        parts.push(CONTEXT_TRUNCATED_NOTE.to_owned());
    }
    parts.extend(attachment_note(view));
    parts.push(format!("(Lines that start with > are the agent's. {})", ADDRESS_WARNING.replace('’', "'")));
    parts.push(format!(
        "Urgency: {}\nAnswer by: {}\nWith no answer: {}",
        view.urgency.name(),
        deadline_text(view),
        no_answer_text(view)
    ));
    let mut links = format!("Your page:\n{}", view.link);
    for button in mail_buttons(view.response_type, view.options) {
        let (label, meaning) = (button.label, lowercase_first(button.meaning));
        links.push_str(&format!("\n\n{label} ({meaning}):\n{}", answer_link(view, button)));
    }
    parts.push(links);
    parts.push(format!("{LINK_SAFETY_NOTE}\n{FORWARDING_WARNING}"));
    parts.push("-- \nHandrail: the desk where AI agents hand work to people".to_owned());
    parts.join("\n\n") + "\n"
}

/// Prefixes every line with `>`, so that the agent's text cannot imitate the text of the mail.
fn quote_lines(text: &str) -> String {
    let lines: Vec<String> = visible_text(text).split('\n').map(|line| format!("> {line}")).collect();
    lines.join("\n")
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Styles for mail programs with a dark mode. Others use the light inline colours.
const DARK_MODE_CSS: &str = "@media (prefers-color-scheme: dark) {\
    .h-page { background: #10141a !important; }\
    .h-card { background: #181e26 !important; border-color: #2e3742 !important; }\
    .h-ink { color: #e7ebf0 !important; } .h-soft { color: #a9b3c0 !important; }\
    .h-said { background: #201e33 !important; border-color: #8f80e6 !important; }\
    .h-who { color: #c5bcff !important; } .h-link { color: #79cbd6 !important; } }";

const TEXT_STYLE: &str = "color:#17202b;";
const NOTE_STYLE: &str = "margin:0 0 8px;color:#4d5967;font-size:14px;";
const LABEL_STYLE: &str = "margin:0 0 4px;color:#4b3a9e;font-size:14px;font-weight:bold;";
const AGENT_BOX_STYLE: &str = "margin:20px 0;padding:14px 16px;background:#f6f4fd;border:1px solid #8a7ad6;\
    border-left-width:6px;border-radius:8px;overflow:hidden;";
const AGENT_TEXT_STYLE: &str =
    "margin:0;color:#17202b;white-space:pre-wrap;word-break:break-word;overflow-wrap:anywhere;";

fn html_body(view: &MailView<'_>, subject: &str) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (subject) }
                style { (PreEscaped(DARK_MODE_CSS)) }
            }
            body class="h-page" style="margin:0;padding:16px;background:#f4f5f7;" {
                div style="display:none;max-height:0;overflow:hidden;" {
                    "Answer by " (view.deadline.text) ". " (LINK_SAFETY_NOTE)
                }
                div class="h-card h-ink" style={
                    "max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border:1px solid #d9dee5;border-radius:12px;"
                    "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;" (TEXT_STYLE)
                } {
                    p class="h-link" style="margin:0 0 16px;color:#0b5964;font-weight:bold;" { "Handrail" }
                    h1 class="h-ink" style={ "margin:0 0 8px;font-size:22px;line-height:1.25;" (TEXT_STYLE) } {
                        @if view.is_reminder { "Your decision is still needed" } @else { "Your decision is needed" }
                    }
                    p style="margin:0;" { bdi { (lead_sentence(view)) } }
                    (agent_section(view))
                    (facts_section(view))
                    (buttons_section(view))
                }
            }
        }
    }
    .into_string()
}

fn agent_section(view: &MailView<'_>) -> Markup {
    let (context, cut) = context_excerpt(view.context);
    let gap = "margin-top:14px;";
    html! {
        div class="h-said" style=(AGENT_BOX_STYLE) {
            p class="h-who" style=(LABEL_STYLE) { "The agent wrote:" }
            p class="h-ink" dir="auto" style={ (AGENT_TEXT_STYLE) "font-size:17px;" } { (visible_text(view.action)) }
            @if let Some(amount) = view.amount {
                p class="h-who" style={ (LABEL_STYLE) (gap) } { "Amount, as the agent gives it" }
                p class="h-ink" dir="auto" style={ (AGENT_TEXT_STYLE) "font-weight:bold;" } { (visible_text(amount)) }
            }
            @if let Some(call) = call_excerpt(view) {
                p class="h-who" style={ (LABEL_STYLE) (gap) } { (CALL_LABEL) }
                pre class="h-ink" dir="auto" style={ (AGENT_TEXT_STYLE) "font-family:Menlo,Consolas,monospace;font-size:13px;" } { (visible_text(&call)) }
            }
            @if !context.is_empty() {
                p class="h-who" style={ (LABEL_STYLE) (gap) } { "Context from the agent" }
                pre class="h-ink" dir="auto" style={ (AGENT_TEXT_STYLE) "font-family:Menlo,Consolas,monospace;font-size:13px;" } { (visible_text(context)) }
            }
        }
        @if cut {
            p class="h-soft" style=(NOTE_STYLE) { (CONTEXT_TRUNCATED_NOTE) }
        }
        @if let Some(note) = attachment_note(view) {
            p class="h-soft" style=(NOTE_STYLE) { (note) }
        }
        p class="h-soft" style=(NOTE_STYLE) { "Here the agent’s words end. " (ADDRESS_WARNING) }
    }
}

fn facts_section(view: &MailView<'_>) -> Markup {
    let line = "margin:0 0 4px;";
    html! {
        div style="margin:20px 0;" {
            p style=(line) { b { "Urgency: " } (view.urgency.name()) }
            p style=(line) { b { "Answer by: " } (deadline_text(view)) }
            p style=(line) { b { "With no answer: " } bdi { (no_answer_text(view)) } }
        }
    }
}

fn buttons_section(view: &MailView<'_>) -> Markup {
    html! {
        div style="margin:0 0 12px;" {
            @for button in mail_buttons(view.response_type, view.options) {
                a href=(answer_link(view, button)) style={
                    "display:inline-block;margin:0 8px 8px 0;padding:12px 22px;border-radius:8px;"
                    "color:#ffffff;font-weight:bold;text-decoration:none;background:" (button_color(button.style())) ";"
                } { (button.label) "…" }
            }
        }
        p style="margin:0 0 16px;word-break:break-all;" {
            "Or open your page: " a class="h-link" href=(view.link) style="color:#0b5964;" { (view.link) }
        }
        p class="h-soft" style=(NOTE_STYLE) { (LINK_SAFETY_NOTE) }
        p class="h-soft" style=(NOTE_STYLE) { (FORWARDING_WARNING) }
    }
}

fn button_color(choice: Choice) -> &'static str {
    match choice {
        Choice::Approve => "#12623a",
        Choice::Deny => "#a01f1f",
        Choice::Modify => "#754700",
    }
}

#[cfg(test)]
mod tests;
