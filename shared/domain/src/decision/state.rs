//! States of a decision: the table of its transitions and timers.

use crate::lifecycle::{Row, Table, TimerRule, row};

use State::{Approved, Denied, Escalated, Expired, Modified, Pending, Scheduled};

/// State table of a decision. A decision is answered while it is pending or escalated, or it expires.
pub const TABLE: Table<State, Trigger> = Table {
    rows: ROWS,
    timers: &[
        // The approver's time is over and the decision has a backup.
        TimerRule { name: "escalation", armed_in: &[Pending], raises: Trigger::Escalate },
        // The time of the last approver is over.
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
    // An approval is used once, and the end of its execution is reported once. The answer stays what it is.
    row(Approved,  Trigger::Consume,  Approved,  "decision.consumed"),
    row(Approved,  Trigger::Finish,   Approved,  "decision.executed"),
    row(Modified,  Trigger::Consume,  Modified,  "decision.consumed"),
    row(Modified,  Trigger::Finish,   Modified,  "decision.executed"),
    row(Scheduled, Trigger::Consume,  Scheduled, "decision.consumed"),
    row(Scheduled, Trigger::Finish,   Scheduled, "decision.executed"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Escalated,
    Approved,
    Denied,
    Modified,
    /// Approved for a later time, `execute_at`. The state is terminal: it does not change when that time comes.
    Scheduled,
    /// The time ran out without an answer, or the decision was cancelled.
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
    /// Uses an approval.
    Consume,
    /// Reports the end of the execution that used the approval.
    Finish,
    Escalate,
    Expire,
}

impl Trigger {
    pub const ALL: [Self; 10] = [
        Self::Approve,
        Self::Deny,
        Self::Modify,
        Self::Schedule,
        Self::Attach,
        Self::Cancel,
        Self::Consume,
        Self::Finish,
        Self::Escalate,
        Self::Expire,
    ];
}
