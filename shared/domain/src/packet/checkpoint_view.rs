//! View of a checkpoint as a decision, so that the page, the mail and the Slack message serve both.
//!
//! The view is never stored. An answer to the view takes effect only by a write of the packet's own record.

use serde_json::json;

use super::content::Content;
use super::effects::{checkpoint_ends_at, checkpoint_opened_by, closes_checkpoint};
use super::event::PacketEvent;
use super::lifecycle::Packet;
use super::priority::Priority;
use crate::answer_origin::key_of;
use crate::decision::{
    Answer, CONTEXT_CHARS_MAX, Cancelled, Channel, Choice, Decision, DecisionEvent, DecisionSpec, Expiry, Outcome,
    Phase, REPLY, ResponseType, StateData, Urgency,
};
use crate::lifecycle::Lifecycle;
use crate::record::{ChainHash, EncodedLogEntry, LogEntry, Record};

/// Present view of the checkpoint that event `number` opened. Returns `None` if that event asked no approver.
///
/// `earlier` are the log entries from that event on that the record's own log no longer has.
pub fn checkpoint_as_decision(
    record: &Record<Packet>,
    content: &Content,
    earlier: &[EncodedLogEntry<Packet>],
    number: u64,
) -> Option<Record<Decision>> {
    let mut entries = earlier.iter().chain(&record.log).map(|line| &line.entry);
    let opening = entries.find(|entry| entry.seq == number)?;
    let (request, answer_until) = checkpoint_opened_by(&opening.event)?;
    let is_open = record.state_data.question.as_ref().is_some_and(|question| question.number == number);
    let closing = entries.find(|entry| closes_checkpoint(&entry.event)).filter(|_| !is_open);
    // An ended checkpoint keeps its text until the content has another checkpoint: a repeated answer reads the same.
    let hitl = content.hitl.as_ref().filter(|hitl| is_open || request.matches(hitl));
    let spec = DecisionSpec {
        action: hitl.map_or(request.question.as_str(), |hitl| hitl.prompt()).to_owned(),
        approver: request.approver.clone(),
        context: is_open.then(|| context(content)).filter(|context| !context.is_empty()),
        urgency: urgency(record.spec.priority),
        timeout_minutes: 0.into(),
        channel: if request.in_slack { Channel::Slack } else { Channel::Email },
        options: vec![Choice::Approve],
        callback_url: None,
        enforce: false,
        amount: None,
        expires_at: checkpoint_ends_at(&record.spec, answer_until),
        backup: None,
        response_type: Some(ResponseType::Reply {
            choices: hitl.and_then(|hitl| hitl.options.clone()).unwrap_or_default(),
        }),
        context_images: Vec::new(),
        policy: None,
        reminders: true,
        asked_by: key_of(&opening.by).unwrap_or(record.spec.made_by),
        asked_by_name: request.asked_by.clone(),
        tool: None,
        arguments: None,
        single_use: None,
        valid_for_seconds: None,
    };
    let first = translate_entry(opening, Decision::initial_event(&spec));
    let (phase, last) = match closing {
        _ if is_open => (Phase::Pending, None),
        Some(entry) => phase_after(entry),
        // The checkpoint is not open, though no event closed it: the view must not accept an answer either.
        None => (Phase::Expired(Expiry::default()), None),
    };
    Some(Record {
        tenant: record.tenant,
        id: record.id,
        created_at: opening.at,
        updated_at: closing.map_or(opening.at, |entry| entry.at),
        seq: closing.map_or(number, |entry| entry.seq),
        spec,
        state_data: StateData { phase, attachments: Vec::new(), consumption: None },
        log: std::iter::once(first).chain(last).collect(),
        // The log of the view is not stored, so it has no chain.
        chain: ChainHash::genesis(record.tenant, record.id),
        salt: None,
    })
}

/// Phase after the event that closed the checkpoint, and the log entry of the answer, if there was one.
fn phase_after(closing: &LogEntry<Packet>) -> (Phase, Option<EncodedLogEntry<Decision>>) {
    match &closing.event {
        PacketEvent::Answered { by, response, notes, key_name, .. } => {
            let answer = Answer {
                resolved_by: by.clone(),
                notes: notes.clone().filter(|notes| !notes.is_empty()),
                response_data: Some(json!({REPLY: response})),
                key_name: key_name.clone(),
                ..Answer::default()
            };
            let line = translate_entry(closing, DecisionEvent::Approved(answer.clone()));
            (Phase::Approved(Outcome { at: closing.at, by: Some(closing.by.clone()), answer }), Some(line))
        }
        PacketEvent::Deleted { .. } | PacketEvent::Moved { .. } => {
            (Phase::Expired(Expiry { cancelled: Some(Cancelled { at: closing.at, reason: None }) }), None)
        }
        _ => (Phase::Expired(Expiry::default()), None),
    }
}

/// Log entry of a packet with its event translated to a decision's event.
fn translate_entry(entry: &LogEntry<Packet>, event: DecisionEvent) -> EncodedLogEntry<Decision> {
    let LogEntry { seq, at, by, command, .. } = entry.clone();
    EncodedLogEntry::new(LogEntry { seq, at, by, command, event }, None)
}

/// Context for the approver: the reason, unless it is the question itself, and the packet's summary.
fn context(content: &Content) -> String {
    let hitl = content.hitl.as_ref();
    let reason = hitl.filter(|hitl| hitl.prompt() != hitl.reason).map_or("", |hitl| hitl.reason.trim());
    let parts: Vec<&str> =
        [reason, content.context.summary.trim()].into_iter().filter(|part| !part.is_empty()).collect();
    let whole = parts.join("\n\n");
    match whole.char_indices().nth(CONTEXT_CHARS_MAX) {
        Some((end, _)) => format!("{} [...]", whole.get(..end).unwrap_or_default().trim_end()),
        None => whole,
    }
}

fn urgency(priority: Priority) -> Urgency {
    match priority {
        Priority::Low => Urgency::Low,
        Priority::Normal => Urgency::Medium,
        Priority::High => Urgency::High,
        Priority::Critical => Urgency::Critical,
    }
}
