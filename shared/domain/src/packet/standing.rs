//! Where a packet stands, and where each event leaves it.

use serde::{Deserialize, Serialize};

use super::ask::AgentRef;
use super::asking::Question;
use super::event::{Edited, PacketEvent};
use super::state::State;
use crate::record::ContentRef;
use crate::time::Timestamp;

use State::{AwaitingHuman, Claimed, Completed, Created, Expired, InProgress};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub state: State,
    pub content: ContentRef,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_checkpoint: bool,
    /// Who claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<AgentRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The deadline of the checkpoint that is open, or of the one that was not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_until: Option<Timestamp>,
    /// The open checkpoint, where it asks a person by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
}

/// The holder keeps it as long as it is heard of.
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

impl Standing {
    /// It expired because a person did not answer in time. When that time was over.
    pub fn unanswered_since(&self) -> Option<Timestamp> {
        self.answer_until.filter(|_| self.state == Expired)
    }

    pub(super) fn first(event: &PacketEvent, seq: u64) -> Self {
        let (content, human_first, has_checkpoint, answer_until, asks) = match event {
            PacketEvent::Created { content, human_first, has_checkpoint, answer_until, asks, .. } => {
                (content.clone(), *human_first, *has_checkpoint, *answer_until, asks.as_ref())
            }
            // No other event is a record's first.
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
            question: asks.map(|asked| asked.in_event(seq)),
        }
    }

    pub(super) fn after(&self, event: &PacketEvent, seq: u64, at: Timestamp) -> Self {
        let mut next = self.clone();
        match event {
            PacketEvent::Created { .. } => return Self::first(event, seq),
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
                next.take(edited.as_ref(), seq);
                if *to == Completed {
                    next.completed_at = Some(at);
                }
                next.hears_of_holder(at);
            }
            PacketEvent::Edited { edited } => {
                next.take(edited.as_ref(), seq);
                next.hears_of_holder(at);
            }
            PacketEvent::Answered { edited, .. } => {
                next.state = Claimed;
                next.claimed_at = Some(at);
                next.answer_until = None;
                next.question = None;
                next.take(Some(edited), seq);
                next.hears_of_holder(at);
            }
            PacketEvent::Deleted { .. } | PacketEvent::Expired { .. } => {
                next.state = Expired;
                next.answer_until = None;
                next.question = None;
                next.lease = None;
            }
            // What was not answered in time stays visible as that.
            PacketEvent::Unanswered => {
                next.state = Expired;
                next.question = None;
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

    fn take(&mut self, edited: Option<&Edited>, seq: u64) {
        if let Some(edited) = edited {
            self.content = edited.content.clone();
            self.has_checkpoint = edited.has_checkpoint;
            // Only what raises a checkpoint brings a time.
            self.answer_until = edited.answer_until.or(self.answer_until);
            self.question = edited.asks.as_ref().map(|asked| asked.in_event(seq)).or(self.question.take());
        }
    }

    /// Who works on it has it for another while. Who is done, or waits for a person, needs none.
    fn hears_of_holder(&mut self, at: Timestamp) {
        self.lease = match self.state {
            Claimed | InProgress => self.lease.map(|lease| Lease::from(lease.seconds, at)),
            AwaitingHuman => self.lease,
            Created | Completed | State::Failed | Expired => None,
        };
    }
}
