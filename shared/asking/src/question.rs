//! A question to a person, whatever kind of record asks it, and what mail, page and Slack need of it alike.

use handrail_domain::decision::{Decision, DecisionEvent, Place, last_deadline};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_kernel::cx::Cx;
use handrail_kernel::door::SlackText;
use handrail_kernel::fault::Fault;
use handrail_kernel::link::{Link, Seat};
use handrail_kernel::master::MasterKey;
use handrail_kernel::slack::SlackUser;

use crate::pages::{AtDeadline, Moment};
use crate::slack;

/// What is asked, of whom, and how it stands.
#[derive(Clone, Debug)]
pub struct Question {
    /// A decision, or what is seen as one.
    pub record: Record<Decision>,
    /// Tells it from the other questions of a record that may ask more than once.
    pub number: Option<u64>,
}

impl Question {
    pub fn of_decision(record: Record<Decision>) -> Self {
        Self { record, number: None }
    }

    /// As it is at this moment.
    #[must_use]
    pub fn seen_at(&self, now: Timestamp) -> Self {
        Self { record: self.record.seen_at(now), number: self.number }
    }

    /// What the person's link says.
    pub(crate) fn token(&self, master: &MasterKey, seat: Seat, person: &EmailAddress) -> String {
        let link = Link::to(master, self.record.tenant, self.record.id, seat, person);
        match self.number {
            Some(number) => link.to_question(number, master, person).token(),
            None => link.token(),
        }
    }
}

/// Who is to be asked in Slack because of this event. `None`: nobody any more, or by mail.
pub fn asks_in_slack(cx: &Cx, question: &Question, seq: u64, purpose: Purpose) -> Option<EmailAddress> {
    let now = cx.clock.now();
    let seen = question.record.seen_at(now);
    let asks = reason(&seen, seq, purpose, now).and_then(|_| slack::asks(&seen, seq, purpose));
    asks.cloned()
}

/// How what was posted for this event reads now.
pub fn in_slack(cx: &Cx, question: &Question, seq: u64, purpose: Purpose, to: &SlackUser) -> Result<SlackText, Fault> {
    let seen = question.seen_at(cx.clock.now());
    let seat = slack::seat_of(&seen.record, seq, purpose);
    slack::message(cx.master()?, &seen, seat, purpose, to, Some(cx.origin()?))
}

/// A time in both of its forms, so that a [`Moment`] can borrow them.
pub struct Spoken {
    text: String,
    machine: String,
}

impl Spoken {
    pub fn of(at: Timestamp) -> Self {
        Self { text: at.readable(), machine: at.to_string() }
    }

    pub fn moment(&self) -> Moment<'_> {
        Moment { text: &self.text, machine: &self.machine }
    }
}

/// Who is asked now answers until when, and what happens then.
pub fn deadline_of(seen: &Record<Decision>) -> (Timestamp, AtDeadline<'_>) {
    match (&seen.standing.place, &seen.ask.backup) {
        (Place::Pending, Some(backup)) => (seen.ask.expires_at, AtDeadline::GoesTo(backup.approver.as_str())),
        _ => (last_deadline(&seen.ask), AtDeadline::Expires),
    }
}

pub fn minutes_until(deadline: Timestamp, now: Timestamp) -> i64 {
    deadline.ms_since(now).max(0) / 60_000
}

pub(crate) struct Reason {
    /// Whom the message is for.
    pub(crate) asks: Seat,
    pub(crate) reminder: bool,
}

/// A reminder belongs to the event that asked: that of the first request is none for the backup.
pub(crate) fn reason(record: &Record<Decision>, seq: u64, purpose: Purpose, now: Timestamp) -> Option<Reason> {
    match purpose {
        Purpose::AskApprover => return Some(Reason { asks: Seat::Approver, reminder: false }),
        Purpose::AskBackup => return Some(Reason { asks: Seat::Backup, reminder: false }),
        Purpose::RemindHalf | Purpose::RemindLast => {}
        _ => return None,
    }
    let entry = record.event(seq)?;
    let asks = match entry.event {
        DecisionEvent::Created { .. } => Seat::Approver,
        DecisionEvent::Escalated => Seat::Backup,
        _ => return None,
    };
    // Late for both, only the one with less time left is true.
    let is_last = |effect: &Effect| effect.purpose() == Purpose::RemindLast;
    let last = Decision::effects(&record.ask, entry).into_iter().find(is_last).and_then(Effect::not_before);
    if purpose == Purpose::RemindHalf && last.is_some_and(|last| last <= now) {
        return None;
    }
    Some(Reason { asks, reminder: true })
}
