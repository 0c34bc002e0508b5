//! What follows in the world from each event of a decision.

use super::ask::{Ask, Channel};
use super::files::keeping;
use super::rules::{Decision, DecisionEvent};
use crate::effect::{Effect, Purpose};
use crate::record::Entry;
use crate::time::Timestamp;

pub(super) fn what_follows(ask: &Ask, entry: &Entry<Decision>) -> Vec<Effect> {
    let callback = |purpose| ask.callback_url.as_ref().map(|_| Effect::Callback(purpose));
    let by_mail = ask.channel != Channel::Webhook;
    // Whatever happens after the question shows where it was posted.
    let posted = ask.channel == Channel::Slack && ask.policy.is_none();
    let edit = (posted && !matches!(entry.event, DecisionEvent::Created { .. }))
        .then_some(Effect::Slack(Purpose::UpdateSlack));
    let followed: Vec<Effect> = match &entry.event {
        // Nobody has to be asked, and the program that asked has its answer.
        DecisionEvent::Created { .. } if ask.policy.is_some() => Vec::new(),
        DecisionEvent::Created { .. } if by_mail => {
            let reminders = reminders_of(ask, entry.at, ask.expires_at);
            std::iter::once(Effect::Mail(Purpose::AskApprover)).chain(reminders).collect()
        }
        DecisionEvent::Created { .. } => callback(Purpose::AnnounceCreated).into_iter().collect(),
        DecisionEvent::Approved(_) | DecisionEvent::Denied(_) | DecisionEvent::Modified(_) => {
            callback(Purpose::AnnounceResolved).into_iter().collect()
        }
        DecisionEvent::Scheduled(answer) => {
            let due = answer.execute_at.and_then(|at| callback(Purpose::AnnounceDue).map(|due| due.at(at)));
            callback(Purpose::AnnounceResolved).into_iter().chain(due).collect()
        }
        DecisionEvent::Attached { .. } => Vec::new(),
        DecisionEvent::Cancelled { .. } => callback(Purpose::AnnounceCancelled).into_iter().collect(),
        DecisionEvent::Escalated => {
            let mail = by_mail.then_some(Effect::Mail(Purpose::AskBackup));
            let until = ask.backup.as_ref().map(|backup| backup.until).filter(|_| by_mail);
            let reminders = until.map(|until| reminders_of(ask, entry.at, until)).unwrap_or_default();
            mail.into_iter().chain(reminders).chain(callback(Purpose::AnnounceEscalated)).collect()
        }
        DecisionEvent::Expired => callback(Purpose::AnnounceExpired).into_iter().collect(),
    };
    keeping(&entry.event).into_iter().chain(followed).chain(edit).collect()
}

/// The last reminder leaves this long before the end.
const LAST_REMINDER_MS: i64 = 10 * 60_000;
/// Half of a shorter time is too soon after the first mail.
const HALF_REMINDER_FROM_MS: i64 = 10 * 60_000;

fn reminders_of(ask: &Ask, asked: Timestamp, until: Timestamp) -> Vec<Effect> {
    if ask.reminders { reminders(asked, until) } else { Vec::new() }
}

/// Of whoever is asked, by a decision or at a packet's checkpoint: at half time, and shortly before the end. In a short time
/// one of them, or none.
pub(crate) fn reminders(asked: Timestamp, until: Timestamp) -> Vec<Effect> {
    let window_ms = until.ms_since(asked);
    if window_ms < HALF_REMINDER_FROM_MS {
        return Vec::new();
    }
    let half = Effect::Mail(Purpose::RemindHalf).at(asked.plus_ms(window_ms / 2));
    // Not before half time, or there would be two in the wrong order.
    let last = (window_ms / 2 > LAST_REMINDER_MS)
        .then(|| Effect::Mail(Purpose::RemindLast).at(until.plus_ms(-LAST_REMINDER_MS)));
    std::iter::once(half).chain(last).collect()
}
