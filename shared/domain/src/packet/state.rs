//! The table of a packet: the specification. Where the published server had holes, the row says what holds here.

use super::named::words;
use crate::lifecycle::{Row, Table, TimerRule, row};

use State::{AwaitingHuman, Claimed, Completed, Created, Expired, Failed, InProgress};
use Trigger::{AnswerTimeOut, Chain, Claim, Delete, Edit, Expire, LeaseLapse, Move, Respond};

words! {
    pub enum State {
        Created = "created",
        Claimed = "claimed",
        InProgress = "in_progress",
        AwaitingHuman = "awaiting_human",
        Completed = "completed",
        Failed = "failed",
        Expired = "expired",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Claim,
    /// A PATCH with this status.
    Move(State),
    /// A PATCH without one, or a sign of life.
    Edit,
    Respond,
    Delete,
    /// Another packet goes on from this one.
    Chain,
    /// Time: it lived its day.
    Expire,
    /// Time: nobody answered the checkpoint.
    AnswerTimeOut,
    /// Time: its holder was not heard of.
    LeaseLapse,
}

pub const TABLE: Table<State, Trigger> = Table {
    rows: ROWS,
    timers: &[
        // First, so that a checkpoint that ends together with the packet counts as not answered.
        TimerRule { name: "answer", armed_in: &[AwaitingHuman], raises: AnswerTimeOut },
        TimerRule { name: "expiry", armed_in: &[Created, Claimed, InProgress, AwaitingHuman, Failed], raises: Expire },
        // Who waits for a person is not late.
        TimerRule { name: "lease", armed_in: &[Claimed, InProgress], raises: LeaseLapse },
    ],
};

#[rustfmt::skip]
const ROWS: &[Row<State, Trigger>] = &[
    row(Created,       Claim,               Claimed,       "packet.claimed"),
    row(Created,       Move(Claimed),       Claimed,       "packet.moved"),
    row(Created,       Move(AwaitingHuman), AwaitingHuman, "packet.moved"),
    row(Created,       Move(Failed),        Failed,        "packet.moved"),
    row(Created,       Move(Expired),       Expired,       "packet.moved"),
    row(Created,       Delete,              Expired,       "packet.deleted"),
    row(Created,       Expire,              Expired,       "packet.expired"),

    row(Claimed,       Move(InProgress),    InProgress,    "packet.moved"),
    row(Claimed,       Move(AwaitingHuman), AwaitingHuman, "packet.moved"),
    row(Claimed,       Move(Completed),     Completed,     "packet.moved"),
    row(Claimed,       Move(Failed),        Failed,        "packet.moved"),
    row(Claimed,       Move(Expired),       Expired,       "packet.moved"),
    row(Claimed,       Delete,              Expired,       "packet.deleted"),
    row(Claimed,       Expire,              Expired,       "packet.expired"),
    row(Claimed,       LeaseLapse,          Created,       "packet.lease_lapsed"),

    row(InProgress,    Move(AwaitingHuman), AwaitingHuman, "packet.moved"),
    row(InProgress,    Move(Completed),     Completed,     "packet.moved"),
    row(InProgress,    Move(Failed),        Failed,        "packet.moved"),
    row(InProgress,    Move(Expired),       Expired,       "packet.moved"),
    row(InProgress,    Delete,              Expired,       "packet.deleted"),
    row(InProgress,    Expire,              Expired,       "packet.expired"),
    row(InProgress,    LeaseLapse,          Created,       "packet.lease_lapsed"),

    // Only an answer leads back to work: no claim and no PATCH goes past the person.
    row(AwaitingHuman, Respond,             Claimed,       "packet.answered"),
    row(AwaitingHuman, Move(Failed),        Failed,        "packet.moved"),
    row(AwaitingHuman, Move(Expired),       Expired,       "packet.moved"),
    row(AwaitingHuman, Delete,              Expired,       "packet.deleted"),
    row(AwaitingHuman, AnswerTimeOut,       Expired,       "packet.unanswered"),
    row(AwaitingHuman, Expire,              Expired,       "packet.expired"),

    row(Completed,     Move(Expired),       Expired,       "packet.moved"),
    row(Completed,     Delete,              Expired,       "packet.deleted"),

    row(Failed,        Move(Expired),       Expired,       "packet.moved"),
    row(Failed,        Delete,              Expired,       "packet.deleted"),
    row(Failed,        Expire,              Expired,       "packet.expired"),

    // Content may be changed everywhere, and saying the status that it has changes nothing else.
    row(Created,       Edit,                Created,       "packet.edited"),
    row(Created,       Move(Created),       Created,       "packet.edited"),
    row(Claimed,       Edit,                Claimed,       "packet.edited"),
    row(Claimed,       Move(Claimed),       Claimed,       "packet.edited"),
    row(InProgress,    Edit,                InProgress,    "packet.edited"),
    row(InProgress,    Move(InProgress),    InProgress,    "packet.edited"),
    row(AwaitingHuman, Edit,                AwaitingHuman, "packet.edited"),
    row(AwaitingHuman, Move(AwaitingHuman), AwaitingHuman, "packet.edited"),
    row(Completed,     Edit,                Completed,     "packet.edited"),
    row(Completed,     Move(Completed),     Completed,     "packet.edited"),
    row(Failed,        Edit,                Failed,        "packet.edited"),
    row(Failed,        Move(Failed),        Failed,        "packet.edited"),
    row(Expired,       Edit,                Expired,       "packet.edited"),
    row(Expired,       Move(Expired),       Expired,       "packet.edited"),

    // A chain goes on from any packet, whatever became of it.
    row(Created,       Chain,               Created,       "packet.chained"),
    row(Claimed,       Chain,               Claimed,       "packet.chained"),
    row(InProgress,    Chain,               InProgress,    "packet.chained"),
    row(AwaitingHuman, Chain,               AwaitingHuman, "packet.chained"),
    row(Completed,     Chain,               Completed,     "packet.chained"),
    row(Failed,        Chain,               Failed,        "packet.chained"),
    row(Expired,       Chain,               Expired,       "packet.chained"),
];

impl State {
    /// Where a PATCH can lead from here, in the order of the states.
    pub fn moves_to(self) -> Vec<Self> {
        let other = |to: &Self| *to != self && TABLE.find(self, Move(*to)).is_some();
        Self::ALL.iter().copied().filter(other).collect()
    }
}
