//! Acts on a packet, the events that they write, and the reasons to refuse them.

use serde::{Deserialize, Serialize};

use super::checkpoint_request::CheckpointRequest;
use super::spec::AgentRef;
use super::state::State;
use crate::answer_origin::AnsweringKey;
use crate::ids::RecordId;
use crate::record::ContentRef;
use crate::time::Timestamp;

/// New version of the content, and the facts about it that the guards need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Version that the edit is based on. If it is no longer the newest, the edit is refused with `VersionConflict`;
    /// otherwise the other writer's change would be lost.
    pub base: ContentRef,
    pub content: ContentRef,
    /// `true` if the content has a checkpoint.
    pub has_checkpoint: bool,
    /// `true` if this edit sets or changes the checkpoint.
    pub sets_checkpoint: bool,
    /// Deadline of the checkpoint, if this edit opens the checkpoint.
    pub answer_until: Option<Timestamp>,
    /// Request to the approver, if this edit opens the checkpoint.
    pub asks: Option<CheckpointRequest>,
}

/// Act of a command on a packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Claim {
        by: AgentRef,
        lease_seconds: Option<u32>,
    },
    /// PATCH with a `status`.
    Move {
        to: State,
        edit: Option<Edit>,
        /// `true` if the act is part of a batch request, which the history shows.
        in_batch: bool,
    },
    /// PATCH without a `status`.
    Edit(Edit),
    /// Sign of life from the agent that holds the claim.
    Heartbeat,
    Respond {
        by: String,
        response: String,
        notes: Option<String>,
        /// Number of the event that opened the checkpoint, from the approver's link. `None` for a program, which
        /// answers the checkpoint that is open now.
        question: Option<u64>,
        /// API key that sends the answer. `None` if a person answers.
        key: Option<AnsweringKey>,
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

/// Event of a packet. Holds all data of the published history, which is derived from the events alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum PacketEvent {
    #[serde(rename = "packet.created")]
    Created {
        /// Digest of the spec, so that the hash chain of the log covers the spec too.
        ask_sha256: String,
        /// Id of the source agent.
        source: String,
        content: ContentRef,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        human_first: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        has_checkpoint: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer_until: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asks: Option<CheckpointRequest>,
        /// Parent packet, if this packet was chained to a parent.
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
        /// Id of the agent that held the claim, or of the target agent.
        agent: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_batch: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edited: Option<Edited>,
    },
    #[serde(rename = "packet.edited")]
    Edited {
        /// `None`: the content did not change, as with a heartbeat.
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
        /// Name of the API key that answered, at that time. `None` if a person answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_name: Option<String>,
        /// `true` if the key that answered is the key that opened the checkpoint.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_asker: bool,
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

impl PacketEvent {
    /// Pointers to the personal values of the event, in the log entry that holds it. Also the digests of the spec and the
    /// content: these texts may name people, and whoever knows the rest could find a name by trying.
    pub(super) const fn personal_values(&self) -> &'static [&'static str] {
        match self {
            Self::Created { .. } => &["/event/ask_sha256", "/event/content/sha256", "/event/asks"],
            Self::Moved { .. } | Self::Edited { .. } => &["/event/edited/content/sha256", "/event/edited/asks"],
            Self::Answered { .. } => {
                &["/event/by", "/event/response", "/event/notes", "/event/edited/content/sha256", "/event/edited/asks"]
            }
            Self::Claimed { .. }
            | Self::Deleted { .. }
            | Self::Chained { .. }
            | Self::Expired { .. }
            | Self::Unanswered
            | Self::LeaseLapsed { .. } => &[],
        }
    }
}

/// Recorded edit: the new content and, if the edit opened a checkpoint, the deadline and the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    pub content: ContentRef,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_checkpoint: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<CheckpointRequest>,
}

impl Act {
    /// Adds the request to the act's edit, if any. The guard drops the request unless the edit opens a checkpoint.
    #[must_use]
    pub fn with_checkpoint_request(self, request: Option<CheckpointRequest>) -> Self {
        match self {
            Self::Move { to, edit: Some(edit), in_batch } => {
                Self::Move { to, edit: Some(Edit { asks: request, ..edit }), in_batch }
            }
            Self::Edit(edit) => Self::Edit(Edit { asks: request, ..edit }),
            other => other,
        }
    }
}

/// Reason to refuse an act.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// A PATCH can't change the status from `from` to `to`.
    NoTransition { from: State, to: State, allowed: Vec<State> },
    /// Another agent, `by`, claimed the packet first.
    AlreadyClaimed { by: AgentRef },
    /// The packet is in a state that can't be claimed.
    NotClaimable { state: State },
    /// The repeated claim has ended: its lease expired, and the packet is unclaimed now.
    ClaimExpired,
    /// The packet waits for a person: no agent can claim the packet, and no edit can replace the open checkpoint.
    AwaitingHuman,
    /// The packet has expired and can't be claimed.
    Expired,
    /// The packet has expired already and can't be deleted.
    AlreadyExpired,
    /// The packet does not wait for a person.
    NotAwaiting { state: State },
    /// The packet waits for a person, but its content has no checkpoint.
    NoCheckpoint,
    /// The checkpoint's deadline passed, at `at`.
    AnswerTimedOut { at: Timestamp },
    /// The edit would make the content too large.
    TooLarge { bytes: u64 },
    /// The edit is not based on the newest version of the content, and has to be made again from that version.
    VersionConflict,
    /// The act is done by timers only.
    TimerOnly,
    /// The actor may not do this act.
    ActorNotAllowed,
    /// The API key opened the checkpoint, and its tenant does not let keys answer what they asked.
    AskerMayNotAnswer,
}

impl Refusal {
    /// Returns `true` if a repeat of the act can succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            // The client can edit the newest version, a lease can expire, and a checkpoint can be opened or answered.
            Self::VersionConflict | Self::AlreadyClaimed { .. } | Self::AwaitingHuman | Self::NotAwaiting { .. } => {
                true
            }
            Self::NoTransition { .. }
            | Self::NotClaimable { .. }
            | Self::ClaimExpired
            | Self::Expired
            | Self::AlreadyExpired
            | Self::NoCheckpoint
            | Self::AnswerTimedOut { .. }
            | Self::TooLarge { .. }
            | Self::TimerOnly
            | Self::ActorNotAllowed
            | Self::AskerMayNotAnswer => false,
        }
    }
}
