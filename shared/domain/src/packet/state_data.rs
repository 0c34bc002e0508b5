//! State data of a packet, and its change by each event.

use serde::{Deserialize, Serialize};

use super::checkpoint_request::OpenCheckpoint;
use super::event::{Edited, PacketEvent};
use super::spec::AgentRef;
use super::state::State;
use crate::actor::Actor;
use crate::answer_origin::key_of;
use crate::ids::KeyId;
use crate::record::ContentRef;
use crate::time::Timestamp;

use State::{AwaitingHuman, Claimed, Completed, Created, Expired, InProgress};

/// State of a packet with its data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateData {
    pub state: State,
    pub content: ContentRef,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_checkpoint: bool,
    /// Agent that holds the claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<AgentRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// Deadline of the open checkpoint, or of the checkpoint that timed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_until: Option<Timestamp>,
    /// Open checkpoint, if it names an approver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<OpenCheckpoint>,
    /// API key that opened the open checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<KeyId>,
}

/// Lease of a claim. An edit, a status change, an answer or a heartbeat renews the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub seconds: u32,
    pub until: Timestamp,
}

impl Lease {
    fn from(seconds: u32, at: Timestamp) -> Self {
        Self { seconds, until: at.plus_ms(i64::from(seconds) * 1000) }
    }
}

impl StateData {
    /// Deadline of the checkpoint, if the packet expired because the checkpoint was not answered in time.
    pub fn checkpoint_timed_out_at(&self) -> Option<Timestamp> {
        self.answer_until.filter(|_| self.state == Expired)
    }

    /// State data after the first event.
    pub(super) fn first(event: &PacketEvent, seq: u64, by: &Actor) -> Self {
        let (content, human_first, has_checkpoint, answer_until, asks) = match event {
            PacketEvent::Created { content, human_first, has_checkpoint, answer_until, asks, .. } => {
                (content.clone(), *human_first, *has_checkpoint, *answer_until, asks.as_ref())
            }
            // A record's first event is always `Created`.
            _ => (ContentRef { sha256: String::new(), bytes: 0 }, false, false, None, None),
        };
        Self {
            state: if human_first { AwaitingHuman } else { Created },
            content,
            has_checkpoint,
            holder: None,
            claimed_at: None,
            completed_at: None,
            lease: None,
            answer_until,
            question: asks.map(|request| request.open(seq)),
            asked_by: key_of(by).filter(|_| human_first),
        }
    }

    /// State data after one more event.
    pub(super) fn after(&self, event: &PacketEvent, seq: u64, at: Timestamp, author: &Actor) -> Self {
        let mut next = self.clone();
        match event {
            PacketEvent::Created { .. } => return Self::first(event, seq, author),
            PacketEvent::Claimed { by, lease_seconds } => {
                next.state = Claimed;
                next.holder = Some(by.clone());
                next.claimed_at = Some(at);
                next.lease = lease_seconds.map(|seconds| Lease::from(seconds, at));
            }
            PacketEvent::Moved { to, edited, .. } => {
                next.state = *to;
                next.answer_until = None;
                next.question = None;
                next.asked_by = key_of(author).filter(|_| *to == AwaitingHuman);
                next.apply_edit(edited.as_ref(), seq);
                if *to == Completed {
                    next.completed_at = Some(at);
                }
                next.renew_lease(at);
            }
            PacketEvent::Edited { edited } => {
                let has_checkpoint = edited.as_ref().is_some_and(|edited| edited.has_checkpoint);
                if self.state == AwaitingHuman && !self.has_checkpoint && has_checkpoint {
                    next.asked_by = key_of(author);
                }
                next.apply_edit(edited.as_ref(), seq);
                next.renew_lease(at);
            }
            PacketEvent::Answered { edited, .. } => {
                next.state = Claimed;
                next.claimed_at = Some(at);
                next.answer_until = None;
                next.question = None;
                next.asked_by = None;
                next.apply_edit(Some(edited), seq);
                next.renew_lease(at);
            }
            PacketEvent::Deleted { .. } | PacketEvent::Expired { .. } => {
                next.state = Expired;
                next.answer_until = None;
                next.question = None;
                next.asked_by = None;
                next.lease = None;
            }
            // `answer_until` stays, to show that the checkpoint timed out.
            PacketEvent::Unanswered => {
                next.state = Expired;
                next.question = None;
                next.asked_by = None;
                next.lease = None;
            }
            PacketEvent::LeaseLapsed { .. } => {
                next.state = Created;
                next.holder = None;
                next.claimed_at = None;
                next.lease = None;
            }
            PacketEvent::Chained { .. } => {}
        }
        next
    }

    fn apply_edit(&mut self, edited: Option<&Edited>, seq: u64) {
        if let Some(edited) = edited {
            self.content = edited.content.clone();
            self.has_checkpoint = edited.has_checkpoint;
            // Only an edit that opens a checkpoint has a deadline.
            self.answer_until = edited.answer_until.or(self.answer_until);
            self.question = edited.asks.as_ref().map(|request| request.open(seq)).or(self.question.take());
        }
    }

    /// Renews the lease while an agent works on the packet, keeps the lease while the packet waits for a person, and
    /// ends the lease in every other state.
    fn renew_lease(&mut self, at: Timestamp) {
        self.lease = match self.state {
            Claimed | InProgress => self.lease.map(|lease| Lease::from(lease.seconds, at)),
            AwaitingHuman => self.lease,
            Created | Completed | State::Failed | Expired => None,
        };
    }
}
