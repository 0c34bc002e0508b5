//! Effects of each event of a decision: mails, Slack updates, callbacks and retained files.

use super::callback_purpose::CallbackPurpose;
use super::event::DecisionEvent;
use super::files::retain_effect;
use super::spec::{Channel, DecisionSpec};
use crate::approval_purpose::ApprovalPurpose;
use crate::effect::{Effect, Purpose};
use crate::time::Timestamp;

/// Returns the effects of an event that happened at this time.
pub(super) fn effects_of(spec: &DecisionSpec, event: &DecisionEvent, at: Timestamp) -> Vec<Effect> {
    let callback = |purpose: CallbackPurpose| spec.callback_url.as_ref().map(|_| Effect::Callback(purpose.purpose()));
    let notifies_approver = spec.channel != Channel::Webhook;
    // Every event that changes what the Slack message shows updates it. A decision that a rule answered has none.
    let posts_in_slack = spec.channel == Channel::Slack && spec.policy.is_none();
    let is_not_shown = matches!(
        event,
        DecisionEvent::Created { .. } | DecisionEvent::Consumed { .. } | DecisionEvent::Executed { .. }
    );
    let slack_update = (posts_in_slack && !is_not_shown).then_some(Effect::Slack(Purpose::UPDATE_SLACK));
    let notifications: Vec<Effect> = match event {
        // A rule has answered, and the response to the create request holds the answer.
        DecisionEvent::Created { .. } if spec.policy.is_some() => Vec::new(),
        DecisionEvent::Created { .. } if notifies_approver => {
            let reminders = reminders_of(spec, at, spec.expires_at);
            std::iter::once(mail(ApprovalPurpose::AskApprover)).chain(reminders).collect()
        }
        DecisionEvent::Created { .. } => callback(CallbackPurpose::Created).into_iter().collect(),
        DecisionEvent::Approved(_) | DecisionEvent::Denied(_) | DecisionEvent::Modified(_) => {
            callback(CallbackPurpose::Resolved).into_iter().collect()
        }
        DecisionEvent::Scheduled(answer) => {
            let due = answer.execute_at.and_then(|at| callback(CallbackPurpose::Due).map(|due| due.at(at)));
            callback(CallbackPurpose::Resolved).into_iter().chain(due).collect()
        }
        // The program that uses an approval is the one that a callback would tell.
        DecisionEvent::Attached { .. } | DecisionEvent::Consumed { .. } | DecisionEvent::Executed { .. } => Vec::new(),
        DecisionEvent::Cancelled { .. } => callback(CallbackPurpose::Cancelled).into_iter().collect(),
        DecisionEvent::Escalated => {
            let first = notifies_approver.then_some(mail(ApprovalPurpose::AskBackup));
            let deadline = spec.backup.as_ref().map(|backup| backup.until).filter(|_| notifies_approver);
            let reminders = deadline.map(|deadline| reminders_of(spec, at, deadline)).unwrap_or_default();
            first.into_iter().chain(reminders).chain(callback(CallbackPurpose::Escalated)).collect()
        }
        DecisionEvent::Expired => callback(CallbackPurpose::Expired).into_iter().collect(),
    };
    retain_effect(event).into_iter().chain(notifications).chain(slack_update).collect()
}

/// Time from the last reminder to the deadline.
const LAST_REMINDER_MS: i64 = 10 * 60_000;
/// Shortest time to answer that gets a reminder: half of a shorter time is too soon after the first mail.
const HALF_REMINDER_FROM_MS: i64 = 10 * 60_000;

fn reminders_of(spec: &DecisionSpec, asked_at: Timestamp, deadline: Timestamp) -> Vec<Effect> {
    if spec.reminders { reminders(asked_at, deadline) } else { Vec::new() }
}

/// Reminders of the approver of a decision or of a packet's checkpoint: at half time and shortly before the deadline.
/// A short time to answer gets only the first of them, or none.
pub(crate) fn reminders(asked_at: Timestamp, deadline: Timestamp) -> Vec<Effect> {
    let window_ms = deadline.ms_since(asked_at);
    if window_ms < HALF_REMINDER_FROM_MS {
        return Vec::new();
    }
    let half = mail(ApprovalPurpose::RemindHalf).at(asked_at.plus_ms(window_ms / 2));
    // The last reminder must not precede the reminder at half time.
    let last = (window_ms / 2 > LAST_REMINDER_MS)
        .then(|| mail(ApprovalPurpose::RemindLast).at(deadline.plus_ms(-LAST_REMINDER_MS)));
    std::iter::once(half).chain(last).collect()
}

/// Effect of a message to an approver.
pub(crate) fn mail(purpose: ApprovalPurpose) -> Effect {
    Effect::Mail(purpose.purpose())
}
