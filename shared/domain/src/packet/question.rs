//! A checkpoint seen as a decision, so that one page, one mail and one message in Slack ask both.
//!
//! Nothing of it is stored. The packet stays the one record: whatever is answered to this view counts only by the packet's
//! own write.

use serde_json::json;

use super::ask::Priority;
use super::content::Content;
use super::event::PacketEvent;
use super::following::{asked_by, ends_at, ends_question};
use super::rules::Packet;
use crate::actor::Actor;
use crate::decision::{
    Answer, Ask, CONTEXT_CHARS_MAX, Cancelled, Channel, Choice, Decision, DecisionEvent, Expiry, Outcome, Place, REPLY,
    ResponseType, Standing, Urgency,
};
use crate::lifecycle::Lifecycle;
use crate::record::{ChainHash, Entry, LogLine, Record};

/// The question that the event of this number asked, as it stands now. `None`: that event asked nobody.
///
/// `earlier`: the events that the record's own log has forgotten, as far as they matter.
pub fn question(
    record: &Record<Packet>,
    content: &Content,
    earlier: &[LogLine<Packet>],
    number: u64,
) -> Option<Record<Decision>> {
    let mut entries = earlier.iter().chain(&record.log).map(|line| &line.entry);
    let asking = entries.find(|entry| entry.seq == number)?;
    let (asked, answer_until) = asked_by(&asking.event)?;
    let is_open = record.standing.question.as_ref().is_some_and(|question| question.number == number);
    let ended = entries.find(|entry| ends_question(&entry.event)).filter(|_| !is_open);
    // As long as no other one took its place, so that an answer that comes twice reads the same.
    let hitl = content.hitl.as_ref().filter(|hitl| is_open || asked.is_of(hitl));
    let ask = Ask {
        action: hitl.map_or(asked.question.as_str(), |hitl| hitl.asks()).to_owned(),
        approver: asked.approver.clone(),
        context: is_open.then(|| context(content)).filter(|context| !context.is_empty()),
        urgency: urgency(record.ask.priority),
        timeout_minutes: 0.into(),
        channel: if asked.in_slack { Channel::Slack } else { Channel::Email },
        options: vec![Choice::Approve],
        callback_url: None,
        enforce: false,
        amount: None,
        expires_at: ends_at(&record.ask, answer_until),
        backup: None,
        response_type: Some(ResponseType::Reply {
            choices: hitl.and_then(|hitl| hitl.options.clone()).unwrap_or_default(),
        }),
        context_images: Vec::new(),
        policy: None,
        reminders: true,
        asked_by: key_of(asking).unwrap_or(record.ask.made_by),
        asked_by_name: asked.asked_by.clone(),
    };
    let first = like(asking, Decision::opening(&ask));
    let (place, last) = match ended {
        _ if is_open => (Place::Pending, None),
        Some(entry) => after(entry),
        // Left by a way that ends no question: what is not open can't be answered.
        None => (Place::Expired(Expiry::default()), None),
    };
    Some(Record {
        tenant: record.tenant,
        id: record.id,
        created_at: asking.at,
        updated_at: ended.map_or(asking.at, |entry| entry.at),
        seq: ended.map_or(number, |entry| entry.seq),
        ask,
        standing: Standing { place, attachments: Vec::new() },
        log: std::iter::once(first).chain(last).collect(),
        // Of no stored log.
        chain: ChainHash::genesis(record.tenant, record.id),
    })
}

/// Where the end of a question leaves it, and what is known of who answered.
fn after(end: &Entry<Packet>) -> (Place, Option<LogLine<Decision>>) {
    match &end.event {
        PacketEvent::Answered { by, response, notes, .. } => {
            let answer = Answer {
                resolved_by: by.clone(),
                notes: notes.clone().filter(|notes| !notes.is_empty()),
                response_data: Some(json!({REPLY: response})),
                ..Answer::default()
            };
            let line = like(end, DecisionEvent::Approved(answer.clone()));
            (Place::Approved(Outcome { at: end.at, answer }), Some(line))
        }
        PacketEvent::Deleted { .. } | PacketEvent::Moved { .. } => {
            (Place::Expired(Expiry { cancelled: Some(Cancelled { at: end.at, reason: None }) }), None)
        }
        _ => (Place::Expired(Expiry::default()), None),
    }
}

/// The same event in a decision's words.
fn like(entry: &Entry<Packet>, event: DecisionEvent) -> LogLine<Decision> {
    let Entry { seq, at, by, command, .. } = entry.clone();
    LogLine::new(Entry { seq, at, by, command, event })
}

fn key_of(entry: &Entry<Packet>) -> Option<crate::ids::KeyId> {
    match &entry.by {
        Actor::Key { key, .. } => Some(*key),
        Actor::Person { .. } | Actor::Policy { .. } | Actor::Visitor | Actor::Timer => None,
    }
}

/// To judge by: why it is asked, where that is not the question itself, and how far the work has come.
fn context(content: &Content) -> String {
    let hitl = content.hitl.as_ref();
    let reason = hitl.filter(|hitl| hitl.asks() != hitl.reason).map_or("", |hitl| hitl.reason.trim());
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
