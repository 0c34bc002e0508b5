//! The lifecycle of a decision: the table, the guards, and what follows from each event.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask::{Ask, Channel, Choice, Invalid, invalid};
use crate::actor::Actor;
use crate::effect::{Effect, Purpose};
use crate::lifecycle::{Lifecycle, Row, Table, TimerRule, row};
use crate::record::{Entry, Record};
use crate::time::Timestamp;

use State::{Approved, Denied, Escalated, Expired, Modified, Pending};

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
    row(Pending,   Trigger::Escalate, Escalated, "decision.escalated"),
    row(Pending,   Trigger::Expire,   Expired,   "decision.expired"),
    row(Escalated, Trigger::Approve,  Approved,  "decision.approved"),
    row(Escalated, Trigger::Deny,     Denied,    "decision.denied"),
    row(Escalated, Trigger::Modify,   Modified,  "decision.modified"),
    row(Escalated, Trigger::Expire,   Expired,   "decision.expired"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Escalated,
    Approved,
    Denied,
    Modified,
    Expired,
}

impl State {
    pub const ALL: [Self; 6] = [Pending, Escalated, Approved, Denied, Modified, Expired];

    pub fn name(self) -> &'static str {
        match self {
            Pending => "pending",
            Escalated => "escalated",
            Approved => "approved",
            Denied => "denied",
            Modified => "modified",
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
    Escalate,
    Expire,
}

impl Trigger {
    pub const ALL: [Self; 5] = [Self::Approve, Self::Deny, Self::Modify, Self::Escalate, Self::Expire];
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    Pending,
    Escalated,
    Approved(Outcome),
    Denied(Outcome),
    Modified(Outcome),
    Expired,
}

/// A settled answer and when it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub at: Timestamp,
    #[serde(flatten)]
    pub answer: Answer,
}

/// What somebody answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub resolved_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_data: Option<Value>,
}

/// An answer as it was handed in, before it is known to count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// In whose name. Absent: the person who is asked.
    pub resolved_by: Option<String>,
    pub notes: Option<String>,
    pub response_data: Option<Value>,
}

impl Standing {
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Approved(outcome) | Self::Denied(outcome) | Self::Modified(outcome) => Some(outcome),
            Self::Pending | Self::Escalated | Self::Expired => None,
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
    #[serde(rename = "decision.escalated")]
    Escalated,
    #[serde(rename = "decision.expired")]
    Expired,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Answer(Choice, Given),
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
}

/// Kept in the record and in its log, so they stay small.
pub const NOTES_CHARS_MAX: usize = 5_000;
pub const RESPONSE_DATA_BYTES_MAX: usize = 16 * 1024;
/// The log wraps the data, and a reader of JSON gives up at 128: what is stored must be readable again.
pub const RESPONSE_DATA_DEPTH_MAX: usize = 64;
pub const RESOLVED_BY_CHARS_MAX: usize = 254;

/// Checks what came with an answer, from whichever side it came.
pub fn check_given(
    resolved_by: Option<String>,
    notes: Option<String>,
    response_data: Option<Value>,
) -> Result<Given, Invalid> {
    let resolved_by = resolved_by.filter(|by| !by.trim().is_empty());
    if let Some(by) = &resolved_by {
        if by.chars().count() > RESOLVED_BY_CHARS_MAX {
            return Err(invalid("resolved_by", format!("must be at most {RESOLVED_BY_CHARS_MAX} characters")));
        }
        if by.chars().any(char::is_control) {
            return Err(invalid("resolved_by", "must not hold control characters"));
        }
    }
    let notes = notes.filter(|notes| !notes.trim().is_empty());
    if let Some(notes) = &notes {
        if notes.chars().count() > NOTES_CHARS_MAX {
            return Err(invalid("notes", format!("must be at most {NOTES_CHARS_MAX} characters")));
        }
        if notes.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(invalid("notes", "must not hold control characters other than tabs and line breaks"));
        }
    }
    if let Some(data) = &response_data {
        if !data.is_object() {
            return Err(invalid("response_data", "must be an object"));
        }
        if depth(data) > RESPONSE_DATA_DEPTH_MAX {
            return Err(invalid("response_data", format!("must be at most {RESPONSE_DATA_DEPTH_MAX} levels deep")));
        }
        if data.to_string().len() > RESPONSE_DATA_BYTES_MAX {
            return Err(invalid("response_data", format!("must be at most {RESPONSE_DATA_BYTES_MAX} bytes of JSON")));
        }
    }
    Ok(Given { resolved_by, notes, response_data })
}

/// How many objects and lists lie inside each other.
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
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
        match standing {
            Standing::Pending => Pending,
            Standing::Escalated => Escalated,
            Standing::Approved(_) => Approved,
            Standing::Denied(_) => Denied,
            Standing::Modified(_) => Modified,
            Standing::Expired => Expired,
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
            DecisionEvent::Escalated => "decision.escalated",
            DecisionEvent::Expired => "decision.expired",
        }
    }

    fn trigger(act: &Act) -> Trigger {
        match act {
            Act::Answer(Choice::Approve, _) => Trigger::Approve,
            Act::Answer(Choice::Deny, _) => Trigger::Deny,
            Act::Answer(Choice::Modify, _) => Trigger::Modify,
            Act::Escalate => Trigger::Escalate,
            Act::Expire => Trigger::Expire,
        }
    }

    fn opening(ask: &Ask) -> DecisionEvent {
        DecisionEvent::Created { ask_sha256: crate::record::digest_of(ask) }
    }

    fn deadline(ask: &Ask, timer: &TimerRule<State, Trigger>) -> Option<Timestamp> {
        match (timer.raises, &ask.backup) {
            // The approver's time ends the same way for both: with a backup it escalates, without one it expires.
            (Trigger::Escalate, Some(_)) | (Trigger::Expire, None) => Some(ask.expires_at),
            (Trigger::Expire, Some(backup)) => Some(backup.until),
            (Trigger::Escalate, None) | (Trigger::Approve | Trigger::Deny | Trigger::Modify, _) => None,
        }
    }

    fn act_of_timer(timer: &TimerRule<State, Trigger>) -> Act {
        match timer.raises {
            Trigger::Escalate => Act::Escalate,
            // No timer answers for a person. A test holds that the table has none that would.
            Trigger::Expire | Trigger::Approve | Trigger::Deny | Trigger::Modify => Act::Expire,
        }
    }

    /// Order: was this person asked, was this answer offered.
    fn permit(record: &Record<Self>, act: &Act, actor: &Actor) -> Result<DecisionEvent, Refusal> {
        match act {
            Act::Escalate => Ok(DecisionEvent::Escalated),
            Act::Expire => Ok(DecisionEvent::Expired),
            Act::Answer(choice, given) => {
                let may_answer = match actor {
                    Actor::Key { .. } => true,
                    Actor::Person { email, .. } => asked_now(record).is_some_and(|asked| asked.same_mailbox(email)),
                    // No answer is not an answer.
                    Actor::Timer => false,
                };
                if !may_answer {
                    return Err(Refusal::NotAsked);
                }
                if !record.ask.options.contains(choice) {
                    return Err(Refusal::NotOffered { choice: *choice, offered: record.ask.options.clone() });
                }
                let answer = Answer {
                    resolved_by: in_whose_name(record, actor, given),
                    notes: given.notes.clone(),
                    response_data: given.response_data.clone(),
                };
                Ok(match choice {
                    Choice::Approve => DecisionEvent::Approved(answer),
                    Choice::Deny => DecisionEvent::Denied(answer),
                    Choice::Modify => DecisionEvent::Modified(answer),
                })
            }
        }
    }

    fn no_row(record: &Record<Self>, _act: &Act) -> Refusal {
        match &record.standing {
            Standing::Approved(outcome) | Standing::Denied(outcome) | Standing::Modified(outcome) => {
                Refusal::AlreadyAnswered {
                    state: record.state(),
                    by: outcome.answer.resolved_by.clone(),
                    at: outcome.at,
                }
            }
            // A timer's act that is not due, or was done before: nobody is told, and the record stays as it is.
            Standing::Expired | Standing::Pending | Standing::Escalated => {
                Refusal::Expired { at: last_deadline(&record.ask) }
            }
        }
    }

    fn after(entry: &Entry<Self>) -> Standing {
        let outcome = |answer: &Answer| Outcome { at: entry.at, answer: answer.clone() };
        match &entry.event {
            DecisionEvent::Created { .. } => Standing::Pending,
            DecisionEvent::Approved(answer) => Standing::Approved(outcome(answer)),
            DecisionEvent::Denied(answer) => Standing::Denied(outcome(answer)),
            DecisionEvent::Modified(answer) => Standing::Modified(outcome(answer)),
            DecisionEvent::Escalated => Standing::Escalated,
            DecisionEvent::Expired => Standing::Expired,
        }
    }

    fn effects(ask: &Ask, entry: &Entry<Self>) -> Vec<Effect> {
        let callback = |purpose| ask.callback_url.as_ref().map(|_| Effect::Callback(purpose));
        let by_mail = ask.channel == Channel::Email;
        match &entry.event {
            DecisionEvent::Created { .. } if by_mail => vec![Effect::Mail(Purpose::AskApprover)],
            DecisionEvent::Created { .. } => callback(Purpose::AnnounceCreated).into_iter().collect(),
            DecisionEvent::Approved(_) | DecisionEvent::Denied(_) | DecisionEvent::Modified(_) => {
                callback(Purpose::AnnounceResolved).into_iter().collect()
            }
            DecisionEvent::Escalated => {
                let mail = by_mail.then_some(Effect::Mail(Purpose::AskBackup));
                mail.into_iter().chain(callback(Purpose::AnnounceEscalated)).collect()
            }
            DecisionEvent::Expired => callback(Purpose::AnnounceExpired).into_iter().collect(),
        }
    }
}

/// A person answers for themselves; a program says for whom, or else for the one who is asked.
fn in_whose_name(record: &Record<Decision>, actor: &Actor, given: &Given) -> String {
    match (actor, &given.resolved_by) {
        (Actor::Person { email, .. }, _) => email.to_string(),
        (_, Some(name)) => name.clone(),
        (_, None) => asked_now(record).unwrap_or(&record.ask.approver).to_string(),
    }
}

/// Whose answer counts now.
pub fn asked_now(record: &Record<Decision>) -> Option<&crate::text::EmailAddress> {
    match (&record.standing, &record.ask.backup) {
        (Standing::Pending, _) => Some(&record.ask.approver),
        (Standing::Escalated, Some(backup)) => Some(&backup.approver),
        _ => None,
    }
}

/// After this moment nobody can answer.
pub fn last_deadline(ask: &Ask) -> Timestamp {
    ask.backup.as_ref().map_or(ask.expires_at, |backup| backup.until)
}
