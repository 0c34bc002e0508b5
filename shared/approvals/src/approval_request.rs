//! The parts of approval requests that mail, pages and Slack have in common.

use handrail_context::cx::Cx;
use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::decision::{Decision, DecisionEvent, Phase, last_deadline};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::slack_user::SlackUser;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_records::approval_request::ApprovalRequest;
use handrail_records::kind::SlackMessage;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::link::ApproverRole;

use crate::pages::{AtDeadline, TimeText};
use crate::slack::{self, MessageKeys};

/// Returns the purpose of a message to an approver. Any other purpose is a fault.
pub fn approval_purpose(purpose: Purpose) -> Result<ApprovalPurpose, Fault> {
    let known = ApprovalPurpose::from_purpose(purpose);
    known.ok_or_else(|| Fault::internal(format!("no message to an approver has the purpose {purpose:?}")))
}

/// Returns the person who gets a Slack message for this event. Returns `None` if the request uses mail or has ended.
pub fn slack_recipient(cx: &Cx, request: &ApprovalRequest, seq: u64, purpose: ApprovalPurpose) -> Option<EmailAddress> {
    let now = cx.clock.now();
    // The event is looked up in the log as stored, because an applied timer may push it out.
    let reason = message_reason(&request.record, seq, purpose, now)?;
    slack::recipient(&request.record.as_of(now), reason.recipient_role).cloned()
}

/// Returns the current content of the Slack message that was posted for this event.
pub fn slack_message(
    cx: &Cx,
    request: &ApprovalRequest,
    seq: u64,
    purpose: ApprovalPurpose,
    to: &SlackUser,
) -> Result<SlackMessage, Fault> {
    let current = request.as_of(cx.clock.now());
    let role = slack::role_of(&request.record, seq, purpose);
    let keys = MessageKeys { links: cx.key(KeyPurpose::ApprovalLinks)?, buttons: cx.key(KeyPurpose::Slack)? };
    slack::build_message(keys, &current, role, purpose, to, Some(cx.origin()?))
}

/// Owned texts of a time, which [`TimeText`] borrows.
pub struct FormattedTime {
    text: String,
    rfc3339: String,
}

impl FormattedTime {
    pub fn new(at: Timestamp) -> Self {
        Self { text: at.readable(), rfc3339: at.to_string() }
    }

    pub fn time_text(&self) -> TimeText<'_> {
        TimeText { text: &self.text, rfc3339: &self.rfc3339 }
    }
}

/// Returns the deadline of the current approver and the consequence of a missed deadline.
pub fn current_deadline(record: &Record<Decision>) -> (Timestamp, AtDeadline<'_>) {
    match (&record.state_data.phase, &record.spec.backup) {
        (Phase::Pending, Some(backup)) => (record.spec.expires_at, AtDeadline::EscalatesTo(backup.approver.as_str())),
        _ => (last_deadline(&record.spec), AtDeadline::Expires),
    }
}

/// Returns the full minutes until the deadline, at least 0.
pub fn minutes_until(deadline: Timestamp, now: Timestamp) -> i64 {
    deadline.ms_since(now).max(0) / 60_000
}

/// Reason for a message to an approver.
pub(crate) struct MessageReason {
    /// Role of the recipient.
    pub(crate) recipient_role: ApproverRole,
    pub(crate) is_reminder: bool,
}

/// Returns the reason for a message, or `None` if the message is out of date. A reminder has the role of its event: the
/// reminder of the first request never goes to the backup.
pub(crate) fn message_reason(
    record: &Record<Decision>,
    seq: u64,
    purpose: ApprovalPurpose,
    now: Timestamp,
) -> Option<MessageReason> {
    match purpose {
        ApprovalPurpose::AskApprover => {
            return Some(MessageReason { recipient_role: ApproverRole::Approver, is_reminder: false });
        }
        ApprovalPurpose::AskBackup => {
            return Some(MessageReason { recipient_role: ApproverRole::Backup, is_reminder: false });
        }
        ApprovalPurpose::RemindHalf | ApprovalPurpose::RemindLast => {}
    }
    let entry = record.event(seq)?;
    let recipient_role = match entry.event {
        DecisionEvent::Created { .. } => ApproverRole::Approver,
        DecisionEvent::Escalated => ApproverRole::Backup,
        _ => return None,
    };
    // If both reminders are late, only the last one is sent, which states the shorter time.
    let is_last = |effect: &Effect| effect.purpose() == ApprovalPurpose::RemindLast.purpose();
    let last = Decision::effects(&record.spec, entry).into_iter().find(is_last).and_then(Effect::not_before);
    if purpose == ApprovalPurpose::RemindHalf && last.is_some_and(|last| last <= now) {
        return None;
    }
    Some(MessageReason { recipient_role, is_reminder: true })
}
