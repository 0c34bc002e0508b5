//! Direct messages for approval requests, before and after the answer.

use handrail_domain::answer_origin::ResolvedVia;
use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::argument_rows::argument_rows;
use handrail_domain::decision::{
    Answer, Channel, Choice, Decision, DecisionEvent, Phase, REPLY, ResponseType, Urgency, answer_origin,
    current_approver,
};
use handrail_domain::record::Record;
use handrail_domain::slack_user::SlackUser;
use handrail_domain::text::EmailAddress;
use handrail_platform::fault::Fault;
use handrail_records::approval_request::ApprovalRequest;
use handrail_records::kind::SlackMessage;
use handrail_secrets::link::ApproverRole;
use handrail_secrets::purpose_key::PurposeKey;
use handrail_web::pages::one_line;
use serde_json::{Value, json};

use super::blocks::{
    button, context_block, escape_markdown, fields_section, format_time, header_block, markdown_context_block,
    markdown_link, page_button, text_section, truncate,
};
use super::button_token::ButtonToken;
use super::modal::needs_dialog;
use crate::approval_request::current_deadline;
use crate::pages::{AtDeadline, choice_label};

/// Most characters of the context in a message. The page shows the full context.
const CONTEXT_CHARS_MAX: usize = 1_500;
const CALL_CHARS_MAX: usize = 1_500;
const NOTES_CHARS_MAX: usize = 500;
const NAME_CHARS_MAX: usize = 40;
const REPLY_CHARS_MAX: usize = 2_000;

/// Returns the role of the person whom an event asks: the backup after the escalation, else the approver.
pub fn role_of(record: &Record<Decision>, seq: u64, purpose: ApprovalPurpose) -> ApproverRole {
    let escalated = || record.event(seq).is_some_and(|entry| entry.event == DecisionEvent::Escalated);
    match purpose {
        ApprovalPurpose::AskBackup => ApproverRole::Backup,
        ApprovalPurpose::RemindHalf | ApprovalPurpose::RemindLast if escalated() => ApproverRole::Backup,
        ApprovalPurpose::AskApprover | ApprovalPurpose::RemindHalf | ApprovalPurpose::RemindLast => {
            ApproverRole::Approver
        }
    }
}

/// Returns the person with this role, if the request asks that person in Slack. Returns `None` if the request uses mail
/// or no longer waits for the person.
pub fn recipient(record: &Record<Decision>, role: ApproverRole) -> Option<&EmailAddress> {
    let in_slack = record.spec.channel == Channel::Slack;
    recipient_with_role(record, role).filter(|_| in_slack)
}

fn recipient_with_role(record: &Record<Decision>, role: ApproverRole) -> Option<&EmailAddress> {
    match (&record.state_data.phase, role) {
        (Phase::Pending, ApproverRole::Approver) | (Phase::Escalated, ApproverRole::Backup) => current_approver(record),
        _ => None,
    }
}

/// Keys that sign the parts of a message.
#[derive(Clone, Copy, Debug)]
pub struct MessageKeys<'a> {
    pub links: &'a PurposeKey,
    pub buttons: &'a PurposeKey,
}

/// Builds the current message for the person with this role. Without an `origin` the message has no link to the page.
pub fn build_message(
    keys: MessageKeys<'_>,
    request: &ApprovalRequest,
    role: ApproverRole,
    purpose: ApprovalPurpose,
    to: &SlackUser,
    origin: Option<&str>,
) -> Result<SlackMessage, Fault> {
    let record = &request.record;
    let Some(person) = recipient_with_role(record, role) else { return Ok(closed_message(record)) };
    let token = request.token(keys.links, role, person);
    let page = origin.map(|origin| format!("{origin}/d/{token}"));
    let button_token = ButtonToken::issue(keys.buttons, &token, to);
    Ok(request_message(record, role, purpose, &button_token, page.as_deref()))
}

fn request_message(
    record: &Record<Decision>,
    role: ApproverRole,
    purpose: ApprovalPurpose,
    button_token: &str,
    page: Option<&str>,
) -> SlackMessage {
    let spec = &record.spec;
    let requester = one_line(&spec.asked_by_name, NAME_CHARS_MAX);
    let is_reminder = purpose.is_reminder();
    let lead = match (is_reminder, role) {
        (true, _) => format!("Still open: {requester} asks for your decision"),
        (false, ApproverRole::Approver) => format!("{requester} asks for your decision"),
        (false, ApproverRole::Backup) => format!("You are the backup: {requester} asks for your decision"),
    };
    let mut blocks = vec![header_block(&lead), text_section(&spec.action, 2_000)];
    blocks.extend(call_blocks(record));
    if let Some(context) = &spec.context {
        blocks.push(context_block("Context, in the agent's words:"));
        blocks.push(text_section(context, CONTEXT_CHARS_MAX));
        if context.chars().count() > CONTEXT_CHARS_MAX {
            blocks.push(context_block("The context is cut here: the whole text is on the page."));
        }
    }
    blocks.push(fields_section(&summary_fields(record)));
    blocks.extend(file_blocks(record, page));
    if role == ApproverRole::Backup {
        blocks.push(context_block(&format!("{} did not answer in time.", spec.approver)));
    }
    blocks.push(
        json!({"type": "actions", "block_id": "answers", "elements": button_elements(record, button_token, page)}),
    );
    let text = escape_markdown(&format!("{lead}: {}", one_line(&spec.action, 150)));
    SlackMessage { text, blocks }
}

/// Returns the tool and its arguments as plain text, which has no effect in Slack.
fn call_blocks(record: &Record<Decision>) -> Vec<Value> {
    let spec = &record.spec;
    let rows = spec.arguments.as_ref().map(argument_rows).unwrap_or_default();
    let tool = spec.tool.as_ref().map(|tool| format!("tool: {tool}"));
    let lines = rows.iter().map(|row| {
        let name = row.name();
        if row.is_text { format!("{name}: \"{}\"", row.value) } else { format!("{name}: {}", row.value) }
    });
    let call: Vec<String> = tool.into_iter().chain(lines).collect();
    if call.is_empty() {
        return Vec::new();
    }
    let call = call.join("\n");
    let mut blocks = vec![context_block("What the agent wants to run:"), text_section(&call, CALL_CHARS_MAX)];
    if call.chars().count() > CALL_CHARS_MAX {
        blocks.push(context_block("The arguments are cut here: all of them are on the page."));
    }
    blocks
}

fn summary_fields(record: &Record<Decision>) -> Vec<(&'static str, String)> {
    let (deadline, at_deadline) = current_deadline(record);
    let consequence = match at_deadline {
        AtDeadline::Expires => "it expires".to_owned(),
        AtDeadline::EscalatesTo(backup) => format!("it goes to {}", escape_markdown(backup)),
    };
    let urgency = match record.spec.urgency {
        Urgency::Low => "low",
        Urgency::Medium => "medium",
        Urgency::High => ":large_orange_circle: high",
        Urgency::Critical => ":red_circle: critical",
    };
    let mut facts =
        vec![("Answer by", format_time(deadline)), ("With no answer", consequence), ("Urgency", urgency.to_owned())];
    if let Some(amount) = &record.spec.amount {
        facts.push(("Amount, as the agent gives it", escape_markdown(&amount.to_string())));
    }
    facts
}

/// Returns a list of images and files. Files link to the page, because links to the files themselves expire.
fn file_blocks(record: &Record<Decision>, page: Option<&str>) -> Vec<Value> {
    let mut lines = Vec::new();
    for (at, image) in record.spec.context_images.iter().enumerate() {
        let host = image.split('/').nth(2).unwrap_or_default();
        lines.push(format!("{} at {}", markdown_link(image, &format!("Image {}", at + 1)), escape_markdown(host)));
    }
    for file in &record.state_data.attachments {
        let name = truncate(&file.name, 100);
        let name = page.map_or_else(|| escape_markdown(&name), |page| markdown_link(page, &name));
        lines.push(format!("{name} ({})", format_size(file.size)));
    }
    if lines.is_empty() { Vec::new() } else { vec![markdown_context_block(&join_lines_within_limit(&lines))] }
}

/// Joins as many full lines as fit. Cutting a line could break a link.
fn join_lines_within_limit(lines: &[String]) -> String {
    const MARKDOWN_CHARS_MAX: usize = 1_900;
    let mut text = String::new();
    for line in lines {
        if text.chars().count() + line.chars().count() + 1 > MARKDOWN_CHARS_MAX {
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

fn format_size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

fn button_elements(record: &Record<Decision>, button_token: &str, page: Option<&str>) -> Vec<Value> {
    let mut buttons = Vec::new();
    for choice in &record.spec.options {
        let style = match choice {
            Choice::Approve => Some("primary"),
            Choice::Deny => Some("danger"),
            Choice::Modify => None,
        };
        match (choice, &record.spec.response_type) {
            // Files can only be uploaded on the page.
            (Choice::Approve, Some(ResponseType::FileUpload { .. })) => {}
            (Choice::Approve, Some(ResponseType::Confirm)) => {
                buttons.push(button("approve", "Confirm", style, button_token));
            }
            (Choice::Deny, Some(ResponseType::Confirm)) => buttons.push(button("deny", "Decline", style, button_token)),
            (Choice::Approve, Some(response_type)) if needs_dialog(*choice, Some(response_type)) => {
                buttons.push(button("approve", "Answer…", style, button_token));
            }
            _ => buttons.push(button(choice.name(), choice_label(*choice), style, button_token)),
        }
    }
    if let Some(page) = page {
        let uploads = matches!(record.spec.response_type, Some(ResponseType::FileUpload { .. }));
        buttons.push(page_button(if uploads { "Upload on the page" } else { "Open the page" }, page));
    }
    buttons
}

/// Returns the message without buttons, which states the result or the person who is asked now.
pub fn closed_message(record: &Record<Decision>) -> SlackMessage {
    let (title, blocks) = match (&record.state_data.phase, record.state_data.outcome()) {
        (phase, Some(outcome)) => {
            let title = match phase {
                Phase::Denied(_) => "Denied",
                Phase::Modified(_) => "Approved with changes",
                Phase::Scheduled(_) => "Approved for later",
                _ if reply_text(record).is_some() => "Answered",
                _ => "Approved",
            };
            let answer = &outcome.answer;
            let mut blocks: Vec<Value> =
                reply_text(record).map(|reply| text_section(reply, REPLY_CHARS_MAX)).into_iter().collect();
            if let Some(notes) = &answer.notes {
                blocks.push(text_section(&format!("Notes: {notes}"), NOTES_CHARS_MAX));
            }
            if let Some(at) = answer.execute_at {
                blocks.push(markdown_context_block(&format!("To be done {}", format_time(at))));
            }
            blocks.push(context_block(&format!("By {}", resolver_text(record, answer))));
            blocks.push(markdown_context_block(&format_time(outcome.at)));
            (title, blocks)
        }
        (Phase::Pending | Phase::Escalated, None) => {
            let approver = current_approver(record).map(ToString::to_string).unwrap_or_default();
            ("Went to the backup", vec![context_block(&format!("No answer came in time. {approver} is asked now."))])
        }
        (_, None) => match record.state_data.cancelled() {
            Some(cancelled) => {
                let reason = cancelled
                    .reason
                    .as_deref()
                    .map(|reason| text_section(&format!("Reason: {reason}"), NOTES_CHARS_MAX));
                let when = markdown_context_block(&format!("The agent took it back, {}", format_time(cancelled.at)));
                ("Taken back", reason.into_iter().chain([when]).collect())
            }
            None => ("Expired", vec![context_block("Nobody answered in time.")]),
        },
    };
    let requester = one_line(&record.spec.asked_by_name, NAME_CHARS_MAX);
    let lead = context_block(&format!("{requester} had asked:"));
    let mut all = vec![header_block(title), lead, text_section(&record.spec.action, 2_000)];
    all.extend(blocks);
    let text = escape_markdown(&format!("{title}: {}", one_line(&record.spec.action, 150)));
    SlackMessage { text, blocks: all }
}

/// Returns the text of a reply, for requests whose answer is text only.
fn reply_text(record: &Record<Decision>) -> Option<&str> {
    let is_reply = matches!(record.spec.response_type, Some(ResponseType::Reply { .. }));
    let data = record.state_data.outcome().filter(|_| is_reply)?.answer.response_data.as_ref()?;
    data.get(REPLY).and_then(Value::as_str)
}

/// Returns the name of the person who answered. A name that an API key sent is shown as what the key says.
fn resolver_text(record: &Record<Decision>, answer: &Answer) -> String {
    let name = one_line(&answer.resolved_by, 254);
    let Some(origin) = answer_origin(record).filter(|origin| origin.resolved_via == ResolvedVia::Api) else {
        return name;
    };
    let key = origin.resolved_with_key_name.map(|key| format!(" \"{}\"", one_line(&key, NAME_CHARS_MAX)));
    let asked = if origin.answered_by_asker { ", which also asked" } else { "" };
    format!("{name} (according to the API key{}{asked})", key.unwrap_or_default())
}

/// Returns the title and the text for a dialog that was submitted too late.
pub fn closed_text(record: &Record<Decision>) -> (&'static str, String) {
    let too_late = "Your answer came too late and changed nothing.";
    match (&record.state_data.phase, record.state_data.outcome()) {
        (_, Some(outcome)) => {
            let by = resolver_text(record, &outcome.answer);
            let state =
                if reply_text(record).is_some() { String::new() } else { format!(": {}", record.state().name()) };
            ("Already answered", format!("{by} answered on {}{state}. {too_late}", outcome.at.readable()))
        }
        (Phase::Pending | Phase::Escalated, None) => {
            let approver = current_approver(record).map(ToString::to_string).unwrap_or_default();
            ("Went to the backup", format!("{approver} is asked now. {too_late}"))
        }
        (_, None) if record.state_data.cancelled().is_some() => {
            ("Taken back", format!("The agent took the request back. {too_late}"))
        }
        (_, None) => ("Expired", format!("Nobody answered in time. {too_late}")),
    }
}
