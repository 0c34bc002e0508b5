//! What is done to a packet, what is written of it, and why it may be refused.

use serde::{Deserialize, Serialize};

use super::ask::AgentRef;
use super::asking::Asked;
use super::state::State;
use crate::ids::RecordId;
use crate::record::ContentRef;
use crate::time::Timestamp;

/// A new version of the content, and what of it the rules must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The version it was made from. When that is no longer the newest, it has to be made again, or an edit is lost.
    pub base: ContentRef,
    pub content: ContentRef,
    /// The content has a checkpoint.
    pub has_checkpoint: bool,
    /// This edit brought it.
    pub sets_checkpoint: bool,
    /// When its time is over, if it is raised by this.
    pub answer_until: Option<Timestamp>,
    /// Who is asked, if it is raised by this.
    pub asks: Option<Asked>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Claim {
        by: AgentRef,
        lease_seconds: Option<u32>,
    },
    /// A PATCH with a status.
    Move {
        to: State,
        edit: Option<Edit>,
        /// One of many, for the history's sake.
        in_batch: bool,
    },
    /// A PATCH without one.
    Edit(Edit),
    /// A sign of life from the holder.
    Renew,
    Respond {
        by: String,
        response: String,
        notes: Option<String>,
        /// The question that was read, as a person's link names it. A program answers whatever is asked now.
        question: Option<u64>,
        edit: Edit,
    },
    Delete,
    Chained {
        child: RecordId,
        child_source: String,
    },
    Expire,
    AnswerTimeOut,
    LeaseLapse,
}

/// Everything that the published history tells is in here, so that it can be told from the events alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum PacketEvent {
    #[serde(rename = "packet.created")]
    Created {
        /// Digest of what was asked, so that the chain commits to it too.
        ask_sha256: String,
        /// Id of the agent it comes from.
        source: String,
        content: ContentRef,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        human_first: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        has_checkpoint: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer_until: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asks: Option<Asked>,
        /// Only of a packet that goes on from it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chained_to: Option<RecordId>,
    },
    #[serde(rename = "packet.claimed")]
    Claimed {
        by: AgentRef,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease_seconds: Option<u32>,
    },
    #[serde(rename = "packet.moved")]
    Moved {
        from: State,
        to: State,
        /// Id of the agent that had it, or for whom it was meant.
        agent: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_batch: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edited: Option<Edited>,
    },
    #[serde(rename = "packet.edited")]
    Edited {
        /// Absent: a sign of life.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edited: Option<Edited>,
    },
    #[serde(rename = "packet.answered")]
    Answered {
        by: String,
        response: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notes: Option<String>,
        edited: Edited,
    },
    #[serde(rename = "packet.deleted")]
    Deleted { from: State },
    #[serde(rename = "packet.chained")]
    Chained { child: RecordId, child_source: String },
    #[serde(rename = "packet.expired")]
    Expired { from: State },
    #[serde(rename = "packet.unanswered")]
    Unanswered,
    #[serde(rename = "packet.lease_lapsed")]
    LeaseLapsed { from: State, holder: String },
}

/// What an edit left behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    pub content: ContentRef,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_checkpoint: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Asked>,
}

impl Act {
    /// The same, asking this person, if it raises a checkpoint.
    #[must_use]
    pub fn asking(self, asked: Option<Asked>) -> Self {
        match self {
            Self::Move { to, edit: Some(edit), in_batch } => {
                Self::Move { to, edit: Some(Edit { asks: asked, ..edit }), in_batch }
            }
            Self::Edit(edit) => Self::Edit(Edit { asks: asked, ..edit }),
            other => other,
        }
    }
}

/// Why not.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// A PATCH can't lead there from here.
    NoTransition { from: State, to: State, allowed: Vec<State> },
    /// Too late by another claim. Says whose.
    AlreadyClaimed { by: AgentRef },
    /// Past claiming.
    NotClaimable { state: State },
    /// The claim that is asked for once more is over: its lease lapsed, and nobody has the packet now.
    ClaimLapsed,
    /// The person comes first: no claim, and no other question than the one that they read.
    WaitsForHuman,
    /// It can't be claimed any more.
    Expired,
    /// It can't be deleted again.
    AlreadyExpired,
    /// No checkpoint is open.
    NotAwaiting { state: State },
    /// It waits, but nothing was asked.
    NoCheckpoint,
    /// The checkpoint's time was over.
    AnswerTimedOut { at: Timestamp },
    /// With this edit the packet would hold too much.
    TooLarge { bytes: u64 },
    /// The edit was made from a version that is no longer the newest: make it again from that.
    Stale,
    /// Time does it, nobody else.
    NotDue,
    /// No program and no person did this.
    NotTheirs,
}

impl Refusal {
    /// Can the same wish succeed when it comes again?
    pub fn retry_may_help(&self) -> bool {
        match self {
            // An edit made from the newest version; a lease that lapses; a person who answers.
            Self::Stale | Self::AlreadyClaimed { .. } | Self::WaitsForHuman | Self::NotAwaiting { .. } => true,
            Self::NoTransition { .. }
            | Self::NotClaimable { .. }
            | Self::ClaimLapsed
            | Self::Expired
            | Self::AlreadyExpired
            | Self::NoCheckpoint
            | Self::AnswerTimedOut { .. }
            | Self::TooLarge { .. }
            | Self::NotDue
            | Self::NotTheirs => false,
        }
    }
}
