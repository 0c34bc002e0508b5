//! The lifecycle of a decision: the table, the guards, and what follows from each event.

use super::answer::{Answer, Given, fitting, time_asked};
use super::ask::{Ask, Choice};
use super::following::what_follows;
use crate::access::Scope;
use crate::actor::Actor;
use crate::attachment::{ATTACHMENTS_MAX, Attachment};
use crate::effect::Effect;
use crate::lifecycle::{Lifecycle, Row, Table, TimerRule, row};
use crate::policy::{PolicyVerdict, RESOLVED_BY, RuleEffect};
use crate::record::{Entry, Record};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

use State::{Approved, Denied, Escalated, Expired, Modified, Pending, Scheduled};

/// The specification. A decision is answered while it is pending or escalated, or it expires.
pub const TABLE: Table<State, Trigger> = Table {
    rows: ROWS,
    timers: &[
        // The approver's time is over and a backup is named.
        TimerRule { name: "escalation", armed_in: &[Pending], raises: Trigger::Escalate },
        // Nobody is left to ask.
        TimerRule { name: "expiry", armed_in: &[Pending, Escalated], raises: Trigger::Expire },
    ],
};

#[rustfmt::skip]
const ROWS: &[Row<State, Trigger>] = &[
    row(Pending,   Trigger::Approve,  Approved,  "decision.approved"),
    row(Pending,   Trigger::Deny,     Denied,    "decision.denied"),
    row(Pending,   Trigger::Modify,   Modified,  "decision.modified"),
    row(Pending,   Trigger::Schedule, Scheduled, "decision.scheduled"),
    row(Pending,   Trigger::Attach,   Pending,   "decision.attached"),
    row(Pending,   Trigger::Cancel,   Expired,   "decision.cancelled"),
    row(Pending,   Trigger::Escalate, Escalated, "decision.escalated"),
    row(Pending,   Trigger::Expire,   Expired,   "decision.expired"),
    row(Escalated, Trigger::Approve,  Approved,  "decision.approved"),
    row(Escalated, Trigger::Deny,     Denied,    "decision.denied"),
    row(Escalated, Trigger::Modify,   Modified,  "decision.modified"),
    row(Escalated, Trigger::Schedule, Scheduled, "decision.scheduled"),
    row(Escalated, Trigger::Attach,   Escalated, "decision.attached"),
    row(Escalated, Trigger::Cancel,   Expired,   "decision.cancelled"),
    row(Escalated, Trigger::Expire,   Expired,   "decision.expired"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Escalated,
    Approved,
    Denied,
    Modified,
    /// Approved for a later time. It stays so for ever; the time says when it may be done.
    Scheduled,
    /// Nobody answered, or the asker took it back.
    Expired,
}

impl State {
    pub const ALL: [Self; 7] = [Pending, Escalated, Approved, Denied, Modified, Scheduled, Expired];

    pub fn name(self) -> &'static str {
        match self {
            Pending => "pending",
            Escalated => "escalated",
            Approved => "approved",
            Denied => "denied",
            Modified => "modified",
            Scheduled => "scheduled",
            Expired => "expired",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Approve,
    Deny,
    Modify,
    Schedule,
    Attach,
    Cancel,
    Escalate,
    Expire,
}

impl Trigger {
    pub const ALL: [Self; 8] = [
        Self::Approve,
        Self::Deny,
        Self::Modify,
        Self::Schedule,
        Self::Attach,
        Self::Cancel,
        Self::Escalate,
        Self::Expire,
    ];
}

/// Where a decision stands, and the files it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    #[serde(flatten)]
    pub place: Place,
    /// What the asker's side put beside the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Place {
    Pending,
    Escalated,
    Approved(Outcome),
    Denied(Outcome),
    Modified(Outcome),
    Scheduled(Outcome),
    Expired(Expiry),
}

/// A settled answer and when it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub at: Timestamp,
    #[serde(flatten)]
    pub answer: Answer,
}

/// How a decision ended without an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// Absent: the time ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Cancelled>,
}

/// The asker took it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Standing {
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.place {
            Place::Approved(outcome)
            | Place::Denied(outcome)
            | Place::Modified(outcome)
            | Place::Scheduled(outcome) => Some(outcome),
            Place::Pending | Place::Escalated | Place::Expired(_) => None,
        }
    }

    pub fn cancelled(&self) -> Option<&Cancelled> {
        match &self.place {
            Place::Expired(expiry) => expiry.cancelled.as_ref(),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum DecisionEvent {
    #[serde(rename = "decision.created")]
    Created {
        /// Digest of what was asked, so that the chain commits to it too.
        ask_sha256: String,
    },
    #[serde(rename = "decision.approved")]
    Approved(Answer),
    #[serde(rename = "decision.denied")]
    Denied(Answer),
    #[serde(rename = "decision.modified")]
    Modified(Answer),
    #[serde(rename = "decision.scheduled")]
    Scheduled(Answer),
    #[serde(rename = "decision.attached")]
    Attached { files: Vec<Attachment> },
    #[serde(rename = "decision.cancelled")]
    Cancelled {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    #[serde(rename = "decision.escalated")]
    Escalated,
    #[serde(rename = "decision.expired")]
    Expired,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Answer(Choice, Given),
    /// The asker's side puts files beside the request.
    Attach(Vec<Attachment>),
    /// The asker takes the request back.
    Cancel {
        reason: Option<String>,
    },
    Escalate,
    Expire,
}

/// Why a decision can't be answered that way. Retrying never helps: each of these stays true.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Too late by another answer. Says whose.
    AlreadyAnswered { state: State, by: String, at: Timestamp },
    /// Too late by the clock.
    Expired { at: Timestamp },
    /// The asker did not offer this answer.
    NotOffered { choice: Choice, offered: Vec<Choice> },
    /// This person was asked earlier, or was never asked; somebody else is asked now.
    NotAsked,
    /// The asker took it back.
    Cancelled { at: Timestamp },
    /// The answer is none to what was asked: which member, and why.
    DoesNotFit { field: &'static str, message: String },
    /// Another agent may not take it back.
    NotTheAsker,
    /// A decision has at most [`ATTACHMENTS_MAX`].
    TooManyAttachments { have: usize, more: usize },
}

/// The kind itself. Its behaviour is all in [`Lifecycle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision;

impl Lifecycle for Decision {
    const KIND: &'static str = "decision";
    const TABLE: Table<State, Trigger> = TABLE;

    type State = State;
    type Trigger = Trigger;
    type Ask = Ask;
    type Standing = Standing;
    type Event = DecisionEvent;
    type Act = Act;
    type Refusal = Refusal;

    fn state(standing: &Standing) -> State {
        match standing.place {
            Place::Pending => Pending,
            Place::Escalated => Escalated,
            Place::Approved(_) => Approved,
            Place::Denied(_) => Denied,
            Place::Modified(_) => Modified,
            Place::Scheduled(_) => Scheduled,
            Place::Expired(_) => Expired,
        }
    }

    fn state_name(state: State) -> &'static str {
        state.name()
    }

    fn event_name(event: &DecisionEvent) -> &'static str {
        match event {
            DecisionEvent::Created { .. } => "decision.created",
            DecisionEvent::Approved(_) => "decision.approved",
            DecisionEvent::Denied(_) => "decision.denied",
            DecisionEvent::Modified(_) => "decision.modified",
            DecisionEvent::Scheduled(_) => "decision.scheduled",
            DecisionEvent::Attached { .. } => "decision.attached",
            DecisionEvent::Cancelled { .. } => "decision.cancelled",
            DecisionEvent::Escalated => "decision.escalated",
            DecisionEvent::Expired => "decision.expired",
        }
    }

    fn trigger(ask: &Ask, act: &Act, now: Timestamp) -> Trigger {
        match act {
            Act::Answer(Choice::Approve, given) => match time_asked(ask, given) {
                Ok(Some(at)) if at > now => Trigger::Schedule,
                // A time that can't be read is refused by the guards.
                Ok(_) | Err(_) => Trigger::Approve,
            },
            Act::Answer(Choice::Deny, _) => Trigger::Deny,
            Act::Answer(Choice::Modify, _) => Trigger::Modify,
            Act::Attach(_) => Trigger::Attach,
            Act::Cancel { .. } => Trigger::Cancel,
            Act::Escalate => Trigger::Escalate,
            Act::Expire => Trigger::Expire,
        }
    }

    fn opening(ask: &Ask) -> DecisionEvent {
        DecisionEvent::Created { ask_sha256: crate::record::digest_of(ask) }
    }

    fn deadline(ask: &Ask, _standing: &Standing, timer: &TimerRule<State, Trigger>) -> Option<Timestamp> {
        match (timer.raises, &ask.backup) {
            // The approver's time ends the same way for both: with a backup it escalates, without one it expires.
            (Trigger::Escalate, Some(_)) | (Trigger::Expire, None) => Some(ask.expires_at),
            (Trigger::Expire, Some(backup)) => Some(backup.until),
            (Trigger::Escalate, None)
            | (
                Trigger::Approve
                | Trigger::Deny
                | Trigger::Modify
                | Trigger::Schedule
                | Trigger::Attach
                | Trigger::Cancel,
                _,
            ) => None,
        }
    }

    fn act_of_timer(timer: &TimerRule<State, Trigger>) -> Act {
        match timer.raises {
            Trigger::Escalate => Act::Escalate,
            // No timer answers for a person. A test holds that the table has none that would.
            Trigger::Expire
            | Trigger::Approve
            | Trigger::Deny
            | Trigger::Modify
            | Trigger::Schedule
            | Trigger::Attach
            | Trigger::Cancel => Act::Expire,
        }
    }

    /// Order: was this person asked, was this answer offered, is it one to the question.
    fn permit(record: &Record<Self>, act: &Act, actor: &Actor, now: Timestamp) -> Result<DecisionEvent, Refusal> {
        match act {
            Act::Escalate => Ok(DecisionEvent::Escalated),
            Act::Expire => Ok(DecisionEvent::Expired),
            Act::Attach(files) => {
                let have = record.standing.attachments.len();
                match have + files.len() <= ATTACHMENTS_MAX {
                    true => Ok(DecisionEvent::Attached { files: files.clone() }),
                    false => Err(Refusal::TooManyAttachments { have, more: files.len() }),
                }
            }
            Act::Cancel { reason } => match actor {
                // Who may say no may also take it back.
                Actor::Key { key, role } if *key == record.ask.asked_by || role.allows(Scope::DecisionsResolve) => {
                    Ok(DecisionEvent::Cancelled { reason: reason.clone() })
                }
                _ => Err(Refusal::NotTheAsker),
            },
            Act::Answer(choice, given) => {
                let may_answer = match actor {
                    Actor::Key { .. } | Actor::Policy { .. } => true,
                    Actor::Person { email, .. } => asked_now(record).is_some_and(|asked| asked.same_mailbox(email)),
                    // No answer is not an answer, and nobody's is none either.
                    Actor::Timer | Actor::Visitor => false,
                };
                if !may_answer {
                    return Err(Refusal::NotAsked);
                }
                if !record.ask.options.contains(choice) {
                    return Err(Refusal::NotOffered { choice: *choice, offered: record.ask.options.clone() });
                }
                let strict = matches!(actor, Actor::Person { .. });
                let answer = fitting(&record.ask, *choice, given, strict, now)
                    .map_err(|invalid| Refusal::DoesNotFit { field: invalid.field, message: invalid.message })?;
                let answer = Answer { resolved_by: in_whose_name(record, actor, given), ..answer };
                Ok(match choice {
                    Choice::Approve if answer.execute_at.is_some() => DecisionEvent::Scheduled(answer),
                    Choice::Approve => DecisionEvent::Approved(answer),
                    Choice::Deny => DecisionEvent::Denied(answer),
                    Choice::Modify => DecisionEvent::Modified(answer),
                })
            }
        }
    }

    fn no_row(record: &Record<Self>, _act: &Act) -> Refusal {
        if let Some(outcome) = record.standing.outcome() {
            let by = outcome.answer.resolved_by.clone();
            return Refusal::AlreadyAnswered { state: record.state(), by, at: outcome.at };
        }
        match record.standing.cancelled() {
            Some(cancelled) => Refusal::Cancelled { at: cancelled.at },
            // A timer's act that is not due, or was done before: nobody is told, and the record stays as it is.
            None => Refusal::Expired { at: last_deadline(&record.ask) },
        }
    }

    fn after(before: Option<&Standing>, entry: &Entry<Self>) -> Standing {
        let outcome = |answer: &Answer| Outcome { at: entry.at, answer: answer.clone() };
        let mut attachments = before.map(|before| before.attachments.clone()).unwrap_or_default();
        let place = match &entry.event {
            DecisionEvent::Created { .. } => Place::Pending,
            DecisionEvent::Approved(answer) => Place::Approved(outcome(answer)),
            DecisionEvent::Denied(answer) => Place::Denied(outcome(answer)),
            DecisionEvent::Modified(answer) => Place::Modified(outcome(answer)),
            DecisionEvent::Scheduled(answer) => Place::Scheduled(outcome(answer)),
            DecisionEvent::Attached { files } => {
                attachments.extend(files.iter().cloned());
                before.map_or(Place::Pending, |before| before.place.clone())
            }
            DecisionEvent::Cancelled { reason } => {
                Place::Expired(Expiry { cancelled: Some(Cancelled { at: entry.at, reason: reason.clone() }) })
            }
            DecisionEvent::Escalated => Place::Escalated,
            DecisionEvent::Expired => Place::Expired(Expiry::default()),
        };
        Standing { place, attachments }
    }

    fn effects(ask: &Ask, entry: &Entry<Self>) -> Vec<Effect> {
        what_follows(ask, entry)
    }
}

/// The first answer of a decision that one of the key's rules settles as it is asked.
pub fn policy_event(ask: &Ask) -> Option<DecisionEvent> {
    let PolicyVerdict { rule, effect } = ask.policy.as_ref()?;
    let word = match effect {
        RuleEffect::Approve => "Approved",
        RuleEffect::Deny => "Denied",
        RuleEffect::Ask => return None,
    };
    let notes = Some(format!("{word} by the rule \"{rule}\""));
    let answer = Answer { resolved_by: RESOLVED_BY.to_owned(), notes, ..Answer::default() };
    Some(match effect {
        RuleEffect::Deny => DecisionEvent::Denied(answer),
        RuleEffect::Approve | RuleEffect::Ask => DecisionEvent::Approved(answer),
    })
}

/// A person answers for themselves; a program says for whom, or else for the one who is asked.
fn in_whose_name(record: &Record<Decision>, actor: &Actor, given: &Given) -> String {
    match (actor, &given.resolved_by) {
        (Actor::Person { email, .. }, _) => email.to_string(),
        (Actor::Policy { .. }, _) => RESOLVED_BY.to_owned(),
        (_, Some(name)) => name.clone(),
        (_, None) => asked_now(record).unwrap_or(&record.ask.approver).to_string(),
    }
}

/// Whose answer counts now.
pub fn asked_now(record: &Record<Decision>) -> Option<&crate::text::EmailAddress> {
    match (&record.standing.place, &record.ask.backup) {
        (Place::Pending, _) => Some(&record.ask.approver),
        (Place::Escalated, Some(backup)) => Some(&backup.approver),
        _ => None,
    }
}

/// After this moment nobody can answer.
pub fn last_deadline(ask: &Ask) -> Timestamp {
    ask.backup.as_ref().map_or(ask.expires_at, |backup| backup.until)
}
