//! The direct message: as a question, and as what became of it.

use handrail_domain::decision::{
    Channel, Choice, Decision, DecisionEvent, Place, REPLY, ResponseType, Urgency, asked_now,
};
use handrail_domain::effect::Purpose;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_kernel::door::SlackText;
use handrail_kernel::fault::Fault;
use handrail_kernel::link::Seat;
use handrail_kernel::master::MasterKey;
use handrail_kernel::pages::one_line;
use handrail_kernel::slack::SlackUser;
use serde_json::{Value, json};

use super::blocks::{button, cut, escaped, fields, header, link, page_button, small, small_marked, time, words};
use super::modal::needs_dialog;
use super::ticket::Ticket;
use crate::pages::{AtDeadline, label};
use crate::question::{Question, deadline_of};

/// Of the context in a message; the page has the whole.
const CONTEXT_MAX: usize = 1_500;
const NOTES_MAX: usize = 500;
const NAME_MAX: usize = 40;
const SAID_MAX: usize = 2_000;

/// Whom an event asks: the backup from the escalation on.
pub fn seat_of(record: &Record<Decision>, seq: u64, purpose: Purpose) -> Seat {
    let escalated = || record.event(seq).is_some_and(|entry| entry.event == DecisionEvent::Escalated);
    match purpose {
        Purpose::AskBackup => Seat::Backup,
        Purpose::RemindHalf | Purpose::RemindLast if escalated() => Seat::Backup,
        _ => Seat::Approver,
    }
}

/// Who is to be asked in Slack for this event, if they still are.
pub fn asks(seen: &Record<Decision>, seq: u64, purpose: Purpose) -> Option<&EmailAddress> {
    let in_slack = seen.ask.channel == Channel::Slack;
    asked_at(seen, seat_of(seen, seq, purpose)).filter(|_| in_slack)
}

fn asked_at(seen: &Record<Decision>, seat: Seat) -> Option<&EmailAddress> {
    match (&seen.standing.place, seat) {
        (Place::Pending, Seat::Approver) | (Place::Escalated, Seat::Backup) => asked_now(seen),
        _ => None,
    }
}

/// What lies in the direct messages of whoever has this seat, as things stand. `origin`: absent where nobody knows it; the
/// message then has no link to the page.
pub fn message(
    master: &MasterKey,
    question: &Question,
    seat: Seat,
    purpose: Purpose,
    to: &SlackUser,
    origin: Option<&str>,
) -> Result<SlackText, Fault> {
    let seen = &question.record;
    let Some(person) = asked_at(seen, seat) else { return Ok(ended(seen)) };
    let token = question.token(master, seat, person);
    let page = origin.map(|origin| format!("{origin}/d/{token}"));
    let ticket = Ticket::issue(master, &token, to);
    Ok(asking(seen, seat, purpose, &ticket, page.as_deref()))
}

fn asking(seen: &Record<Decision>, seat: Seat, purpose: Purpose, ticket: &str, page: Option<&str>) -> SlackText {
    let ask = &seen.ask;
    let who = one_line(&ask.asked_by_name, NAME_MAX);
    let again = matches!(purpose, Purpose::RemindHalf | Purpose::RemindLast);
    let lead = match (again, seat) {
        (true, _) => format!("Still open: {who} asks for your decision"),
        (false, Seat::Approver) => format!("{who} asks for your decision"),
        (false, Seat::Backup) => format!("You are the backup: {who} asks for your decision"),
    };
    let mut blocks = vec![header(&lead), words(&ask.action, 2_000)];
    if let Some(context) = &ask.context {
        blocks.push(small("Context, in the agent's words:"));
        blocks.push(words(context, CONTEXT_MAX));
        if context.chars().count() > CONTEXT_MAX {
            blocks.push(small("The context is cut here: the whole text is on the page."));
        }
    }
    blocks.push(fields(&facts(seen)));
    blocks.extend(files(seen, page));
    if seat == Seat::Backup {
        blocks.push(small(&format!("{} did not answer in time.", ask.approver)));
    }
    blocks.push(json!({"type": "actions", "block_id": "answers", "elements": buttons(seen, ticket, page)}));
    let text = escaped(&format!("{lead}: {}", one_line(&ask.action, 150)));
    SlackText { text, blocks }
}

fn facts(seen: &Record<Decision>) -> Vec<(&'static str, String)> {
    let (deadline, at_deadline) = deadline_of(seen);
    let otherwise = match at_deadline {
        AtDeadline::Expires => "it expires".to_owned(),
        AtDeadline::GoesTo(backup) => format!("it goes to {}", escaped(backup)),
    };
    let urgency = match seen.ask.urgency {
        Urgency::Low => "low",
        Urgency::Medium => "medium",
        Urgency::High => ":large_orange_circle: high",
        Urgency::Critical => ":red_circle: critical",
    };
    let mut facts = vec![("Answer by", time(deadline)), ("With no answer", otherwise), ("Urgency", urgency.to_owned())];
    if let Some(amount) = &seen.ask.amount {
        facts.push(("Amount, as the agent gives it", escaped(&amount.to_string())));
    }
    facts
}

/// The files are on the page, which makes fresh links for each look; a message would keep old ones.
fn files(seen: &Record<Decision>, page: Option<&str>) -> Vec<Value> {
    let mut lines = Vec::new();
    for (at, image) in seen.ask.context_images.iter().enumerate() {
        let host = image.split('/').nth(2).unwrap_or_default();
        lines.push(format!("{} at {}", link(image, &format!("Image {}", at + 1)), escaped(host)));
    }
    for file in &seen.standing.attachments {
        let name = cut(&file.name, 100);
        let name = page.map_or_else(|| escaped(&name), |page| link(page, &name));
        lines.push(format!("{name} ({})", size(file.size)));
    }
    if lines.is_empty() { Vec::new() } else { vec![small_marked(&cut_lines(&lines))] }
}

/// Whole lines only: half a link is none.
fn cut_lines(lines: &[String]) -> String {
    const MARKED_MAX: usize = 1_900;
    let mut text = String::new();
    for line in lines {
        if text.chars().count() + line.chars().count() + 1 > MARKED_MAX {
            text.push_str("\nmore on the page");
            break;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line);
    }
    text
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

fn buttons(seen: &Record<Decision>, ticket: &str, page: Option<&str>) -> Vec<Value> {
    let mut buttons = Vec::new();
    for choice in &seen.ask.options {
        let style = match choice {
            Choice::Approve => Some("primary"),
            Choice::Deny => Some("danger"),
            Choice::Modify => None,
        };
        match (choice, &seen.ask.response_type) {
            // Files can only be given on the page.
            (Choice::Approve, Some(ResponseType::FileUpload { .. })) => {}
            (Choice::Approve, Some(ResponseType::Confirm)) => buttons.push(button("approve", "Confirm", style, ticket)),
            (Choice::Deny, Some(ResponseType::Confirm)) => buttons.push(button("deny", "Decline", style, ticket)),
            (Choice::Approve, Some(asked)) if needs_dialog(*choice, Some(asked)) => {
                buttons.push(button("approve", "Answer…", style, ticket));
            }
            _ => buttons.push(button(choice.name(), label(*choice), style, ticket)),
        }
    }
    if let Some(page) = page {
        let uploads = matches!(seen.ask.response_type, Some(ResponseType::FileUpload { .. }));
        buttons.push(page_button(if uploads { "Upload on the page" } else { "Open the page" }, page));
    }
    buttons
}

/// Without buttons: what became of it, or who is asked now.
pub fn ended(seen: &Record<Decision>) -> SlackText {
    let (title, blocks) = match (&seen.standing.place, seen.standing.outcome()) {
        (place, Some(outcome)) => {
            let title = match place {
                Place::Denied(_) => "Denied",
                Place::Modified(_) => "Approved with changes",
                Place::Scheduled(_) => "Approved for later",
                _ if said(seen).is_some() => "Answered",
                _ => "Approved",
            };
            let answer = &outcome.answer;
            let mut blocks: Vec<Value> = said(seen).map(|said| words(said, SAID_MAX)).into_iter().collect();
            if let Some(notes) = &answer.notes {
                blocks.push(words(&format!("Notes: {notes}"), NOTES_MAX));
            }
            if let Some(at) = answer.execute_at {
                blocks.push(small_marked(&format!("To be done {}", time(at))));
            }
            blocks.push(small(&format!("By {}", one_line(&answer.resolved_by, 254))));
            blocks.push(small_marked(&time(outcome.at)));
            (title, blocks)
        }
        (Place::Pending | Place::Escalated, None) => {
            let asked = asked_now(seen).map(ToString::to_string).unwrap_or_default();
            ("Went to the backup", vec![small(&format!("No answer came in time. {asked} is asked now."))])
        }
        (_, None) => match seen.standing.cancelled() {
            Some(cancelled) => {
                let reason = cancelled.reason.as_deref().map(|reason| words(&format!("Reason: {reason}"), NOTES_MAX));
                let when = small_marked(&format!("The agent took it back, {}", time(cancelled.at)));
                ("Taken back", reason.into_iter().chain([when]).collect())
            }
            None => ("Expired", vec![small("Nobody answered in time.")]),
        },
    };
    let who = one_line(&seen.ask.asked_by_name, NAME_MAX);
    let question = small(&format!("{who} had asked:"));
    let mut all = vec![header(title), question, words(&seen.ask.action, 2_000)];
    all.extend(blocks);
    let text = escaped(&format!("{title}: {}", one_line(&seen.ask.action, 150)));
    SlackText { text, blocks: all }
}

/// What was answered in words, where words are the whole answer.
fn said(seen: &Record<Decision>) -> Option<&str> {
    let asked = matches!(seen.ask.response_type, Some(ResponseType::Reply { .. }));
    let data = seen.standing.outcome().filter(|_| asked)?.answer.response_data.as_ref()?;
    data.get(REPLY).and_then(Value::as_str)
}

/// The same for somebody whose dialog comes too late.
pub fn ended_in_words(seen: &Record<Decision>) -> (&'static str, String) {
    let late = "Your answer came too late and changed nothing.";
    match (&seen.standing.place, seen.standing.outcome()) {
        (_, Some(outcome)) => {
            let by = one_line(&outcome.answer.resolved_by, 254);
            let how = if said(seen).is_some() { String::new() } else { format!(": {}", seen.state().name()) };
            ("Already answered", format!("{by} answered on {}{how}. {late}", outcome.at.readable()))
        }
        (Place::Pending | Place::Escalated, None) => {
            let asked = asked_now(seen).map(ToString::to_string).unwrap_or_default();
            ("Went to the backup", format!("{asked} is asked now. {late}"))
        }
        (_, None) if seen.standing.cancelled().is_some() => {
            ("Taken back", format!("The agent took the request back. {late}"))
        }
        (_, None) => ("Expired", format!("Nobody answered in time. {late}")),
    }
}
