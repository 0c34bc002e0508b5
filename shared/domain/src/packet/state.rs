//! State table of a packet. It also specifies transitions that the published server left undefined.

use super::string_enum::string_enum;
use crate::lifecycle::{Row, Table, TimerRule, row};
use crate::time::DAY_MS;

use State::{AwaitingHuman, Claimed, Completed, Created, Expired, Failed, InProgress};
use Trigger::{AnswerTimeOut, Chain, Claim, Delete, Edit, Expire, LeaseExpire, Move, Respond};

string_enum! {
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

/// Time to live. A packet that is not completed within this time expires.
pub const TTL_MS: i64 = DAY_MS;

/// Column of the state table that an act falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Claim,
    /// PATCH with this status.
    Move(State),
    /// PATCH without a status, or a heartbeat.
    Edit,
    Respond,
    Delete,
    /// Another packet is chained to this packet.
    Chain,
    /// Timer: the packet's time to live is over.
    Expire,
    /// Timer: the checkpoint was not answered by its deadline.
    AnswerTimeOut,
    /// Timer: the lease ended without a heartbeat from the agent.
    LeaseExpire,
}

pub const TABLE: Table<State, Trigger> = Table {
    rows: ROWS,
    timers: &[
        // First, so that a checkpoint whose deadline is the packet's own counts as not answered.
        TimerRule { name: "answer", armed_in: &[AwaitingHuman], raises: AnswerTimeOut },
        TimerRule { name: "expiry", armed_in: &[Created, Claimed, InProgress, AwaitingHuman, Failed], raises: Expire },
        // Not armed in `AwaitingHuman`: an agent need not send heartbeats while a person is asked.
        TimerRule { name: "lease", armed_in: &[Claimed, InProgress], raises: LeaseExpire },
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
    row(Claimed,       LeaseExpire,         Created,       "packet.lease_lapsed"),

    row(InProgress,    Move(AwaitingHuman), AwaitingHuman, "packet.moved"),
    row(InProgress,    Move(Completed),     Completed,     "packet.moved"),
    row(InProgress,    Move(Failed),        Failed,        "packet.moved"),
    row(InProgress,    Move(Expired),       Expired,       "packet.moved"),
    row(InProgress,    Delete,              Expired,       "packet.deleted"),
    row(InProgress,    Expire,              Expired,       "packet.expired"),
    row(InProgress,    LeaseExpire,         Created,       "packet.lease_lapsed"),

    // Only an answer leads back to `Claimed`: no claim and no PATCH skips the person.
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

    // Content can be changed in every state. A PATCH with the present status is only an edit.
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

    // A packet can be chained to a parent in any state.
    row(Created,       Chain,               Created,       "packet.chained"),
    row(Claimed,       Chain,               Claimed,       "packet.chained"),
    row(InProgress,    Chain,               InProgress,    "packet.chained"),
    row(AwaitingHuman, Chain,               AwaitingHuman, "packet.chained"),
    row(Completed,     Chain,               Completed,     "packet.chained"),
    row(Failed,        Chain,               Failed,        "packet.chained"),
    row(Expired,       Chain,               Expired,       "packet.chained"),
];

impl State {
    /// Other states that a PATCH can set from this state, in the published order.
    pub fn allowed_transitions(self) -> Vec<Self> {
        let order = [Created, Claimed, InProgress, Completed, AwaitingHuman, Failed, Expired];
        order.into_iter().filter(|to| *to != self && TABLE.find(self, Move(*to)).is_some()).collect()
    }
}
