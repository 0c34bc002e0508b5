//! Where a packet stands, the guards, and what follows from each event.

use serde::{Deserialize, Serialize};

use super::ask::{AgentRef, Ask};
use super::content::CONTENT_BYTES_MAX;
use super::event::{Act, Edit, Edited, PacketEvent, Refusal};
use super::state::{State, TABLE, Trigger};
use crate::actor::Actor;
use crate::effect::Effect;
use crate::lifecycle::{Facets, Lifecycle, Table, TimerRule};
use crate::record::{ContentRef, Entry, Record};
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
}

/// The agent that has it, or for whom it is meant.
pub fn target(record: &Record<Packet>) -> &AgentRef {
    record.standing.holder.as_ref().unwrap_or(&record.ask.target)
}

/// The kind itself. Its behaviour is all in [`Lifecycle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet;

impl Lifecycle for Packet {
    const KIND: &'static str = "packet";
    const TABLE: Table<State, Trigger> = TABLE;

    type State = State;
    type Trigger = Trigger;
    type Ask = Ask;
    type Standing = Standing;
    type Event = PacketEvent;
    type Act = Act;
    type Refusal = Refusal;

    fn state(standing: &Standing) -> State {
        standing.state
    }

    fn state_name(state: State) -> &'static str {
        state.name()
    }

    fn event_name(event: &PacketEvent) -> &'static str {
        match event {
            PacketEvent::Created { .. } => "packet.created",
            PacketEvent::Claimed { .. } => "packet.claimed",
            PacketEvent::Moved { .. } => "packet.moved",
            PacketEvent::Edited { .. } => "packet.edited",
            PacketEvent::Answered { .. } => "packet.answered",
            PacketEvent::Deleted { .. } => "packet.deleted",
            PacketEvent::Chained { .. } => "packet.chained",
            PacketEvent::Expired { .. } => "packet.expired",
            PacketEvent::Unanswered => "packet.unanswered",
            PacketEvent::LeaseLapsed { .. } => "packet.lease_lapsed",
        }
    }

    fn trigger(_ask: &Ask, act: &Act, _now: Timestamp) -> Trigger {
        match act {
            Act::Claim { .. } => Trigger::Claim,
            Act::Move { to, .. } => Trigger::Move(*to),
            Act::Edit(_) | Act::Renew => Trigger::Edit,
            Act::Respond { .. } => Trigger::Respond,
            Act::Delete => Trigger::Delete,
            Act::Chained { .. } => Trigger::Chain,
            Act::Expire => Trigger::Expire,
            Act::AnswerTimeOut => Trigger::AnswerTimeOut,
            Act::LeaseLapse => Trigger::LeaseLapse,
        }
    }

    fn opening(ask: &Ask) -> PacketEvent {
        PacketEvent::Created {
            ask_sha256: crate::record::digest_of(ask),
            source: ask.source.id.clone(),
            content: ask.content.clone(),
            human_first: ask.human_first,
            has_checkpoint: ask.has_checkpoint,
            answer_until: ask.hitl_deadline,
            chained_to: ask.parent.filter(|_| ask.chained),
        }
    }

    fn deadline(ask: &Ask, standing: &Standing, timer: &TimerRule<State, Trigger>) -> Option<Timestamp> {
        match timer.raises {
            Trigger::Expire => Some(ask.expires_at),
            Trigger::AnswerTimeOut => standing.answer_until,
            Trigger::LeaseLapse => standing.lease.map(|lease| lease.until),
            Trigger::Claim | Trigger::Move(_) | Trigger::Edit | Trigger::Respond | Trigger::Delete | Trigger::Chain => {
                None
            }
        }
    }

    fn act_of_timer(timer: &TimerRule<State, Trigger>) -> Act {
        match timer.raises {
            Trigger::AnswerTimeOut => Act::AnswerTimeOut,
            Trigger::LeaseLapse => Act::LeaseLapse,
            // No timer works for an agent. A test holds that the table has none that would.
            Trigger::Expire
            | Trigger::Claim
            | Trigger::Move(_)
            | Trigger::Edit
            | Trigger::Respond
            | Trigger::Delete
            | Trigger::Chain => Act::Expire,
        }
    }

    /// Order: was there a question, whose business is it, is the edit made from the newest version, may it touch the
    /// question, is it too large.
    fn permit(record: &Record<Self>, act: &Act, actor: &Actor, _now: Timestamp) -> Result<PacketEvent, Refusal> {
        let (from, agent) = (record.state(), target(record).id.clone());
        let timers_own = matches!(act, Act::Expire | Act::AnswerTimeOut | Act::LeaseLapse);
        let theirs = match actor {
            Actor::Key { .. } => !timers_own,
            // A person only answers.
            Actor::Person { .. } => matches!(act, Act::Respond { .. }),
            Actor::Timer => timers_own,
            Actor::Policy { .. } => false,
        };
        if !theirs {
            return Err(Refusal::NotTheirs);
        }
        Ok(match act {
            Act::Claim { by, lease_seconds } => PacketEvent::Claimed { by: by.clone(), lease_seconds: *lease_seconds },
            Act::Move { to, edit, .. } if *to == from => {
                PacketEvent::Edited { edited: edited(record, edit.as_ref(), false)? }
            }
            Act::Move { to, edit, in_batch } => {
                let edited = edited(record, edit.as_ref(), *to == AwaitingHuman)?;
                PacketEvent::Moved { from, to: *to, agent, in_batch: *in_batch, edited }
            }
            Act::Edit(edit) => PacketEvent::Edited { edited: edited(record, Some(edit), false)? },
            Act::Renew => PacketEvent::Edited { edited: None },
            Act::Respond { by, response, notes, edit } => {
                if !record.standing.has_checkpoint {
                    return Err(Refusal::NoCheckpoint);
                }
                let edited = current(record, edit)?;
                PacketEvent::Answered { by: by.clone(), response: response.clone(), notes: notes.clone(), edited }
            }
            Act::Delete => PacketEvent::Deleted { from },
            Act::Chained { child, child_source } => {
                PacketEvent::Chained { child: *child, child_source: child_source.clone() }
            }
            Act::Expire => PacketEvent::Expired { from },
            Act::AnswerTimeOut => PacketEvent::Unanswered,
            Act::LeaseLapse => PacketEvent::LeaseLapsed { from, holder: agent },
        })
    }

    fn no_row(record: &Record<Self>, act: &Act) -> Refusal {
        let state = record.state();
        match act {
            Act::Claim { .. } => match state {
                Claimed => Refusal::AlreadyClaimed { by: target(record).clone() },
                AwaitingHuman => Refusal::WaitsForHuman,
                Expired => Refusal::Expired,
                Created | InProgress | Completed | State::Failed => Refusal::NotClaimable { state },
            },
            Act::Respond { .. } => match record.standing.unanswered_since() {
                Some(at) => Refusal::AnswerTimedOut { at },
                None => Refusal::NotAwaiting { state },
            },
            Act::Move { to, .. } => Refusal::NoTransition { from: state, to: *to, allowed: state.moves_to() },
            Act::Delete => Refusal::AlreadyExpired,
            // A timer's act that is not due, or was done before. The others have a row everywhere.
            Act::Expire | Act::AnswerTimeOut | Act::LeaseLapse | Act::Edit(_) | Act::Renew | Act::Chained { .. } => {
                Refusal::NotDue
            }
        }
    }

    fn after(before: Option<&Standing>, entry: &Entry<Self>) -> Standing {
        let Some(before) = before else {
            return first(&entry.event);
        };
        let mut next = before.clone();
        match &entry.event {
            PacketEvent::Created { .. } => return first(&entry.event),
            PacketEvent::Claimed { by, lease_seconds } => {
                next.state = Claimed;
                next.holder = Some(by.clone());
                next.claimed_at = Some(entry.at);
                next.lease = lease_seconds.map(|seconds| Lease::from(seconds, entry.at));
            }
            PacketEvent::Moved { to, edited, .. } => {
                next.state = *to;
                next.answer_until = None;
                next.take(edited.as_ref());
                if *to == Completed {
                    next.completed_at = Some(entry.at);
                }
                next.hears_of_holder(entry.at);
            }
            PacketEvent::Edited { edited } => {
                next.take(edited.as_ref());
                next.hears_of_holder(entry.at);
            }
            PacketEvent::Answered { edited, .. } => {
                next.state = Claimed;
                next.claimed_at = Some(entry.at);
                next.answer_until = None;
                next.take(Some(edited));
                next.hears_of_holder(entry.at);
            }
            PacketEvent::Deleted { .. } | PacketEvent::Expired { .. } => {
                next.state = Expired;
                next.answer_until = None;
                next.lease = None;
            }
            // What was not answered in time stays visible as that.
            PacketEvent::Unanswered => {
                next.state = Expired;
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

    /// The callbacks of this door come with its subscriptions.
    fn effects(_ask: &Ask, _entry: &Entry<Self>) -> Vec<Effect> {
        Vec::new()
    }

    fn body(standing: &Standing) -> Option<&ContentRef> {
        Some(&standing.content)
    }

    fn facets(record: &Record<Self>) -> Option<Facets> {
        let mut tags: Vec<_> = record.ask.tags.iter().filter(|tag| !tag.is_empty()).cloned().collect();
        tags.sort_unstable();
        tags.dedup();
        Some(Facets {
            source: record.ask.source.id.clone(),
            holder: target(record).id.clone(),
            priority: record.ask.priority.name(),
            tags,
        })
    }
}

impl Standing {
    fn take(&mut self, edited: Option<&Edited>) {
        if let Some(edited) = edited {
            self.content = edited.content.clone();
            self.has_checkpoint = edited.has_checkpoint;
            // Only what raises a checkpoint brings a time.
            self.answer_until = edited.answer_until.or(self.answer_until);
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

fn first(event: &PacketEvent) -> Standing {
    let (content, human_first, has_checkpoint, answer_until) = match event {
        PacketEvent::Created { content, human_first, has_checkpoint, answer_until, .. } => {
            (content.clone(), *human_first, *has_checkpoint, *answer_until)
        }
        // No other event is a record's first.
        _ => (ContentRef { sha256: String::new(), bytes: 0 }, false, false, None),
    };
    Standing {
        state: if human_first { AwaitingHuman } else { Created },
        content,
        has_checkpoint,
        holder: None,
        claimed_at: None,
        completed_at: None,
        lease: None,
        answer_until: answer_until.filter(|_| human_first),
    }
}

fn edited(record: &Record<Packet>, edit: Option<&Edit>, raises: bool) -> Result<Option<Edited>, Refusal> {
    let Some(edit) = edit else { return Ok(None) };
    let edited = current(record, edit)?;
    let waits = record.state() == AwaitingHuman;
    // The person answers what they read.
    if edit.sets_checkpoint && waits && record.standing.has_checkpoint {
        return Err(Refusal::WaitsForHuman);
    }
    let answer_until = edit.answer_until.filter(|_| raises || (waits && edit.sets_checkpoint));
    Ok(Some(Edited { answer_until, ..edited }))
}

/// An edit of the version that is the newest, and not too large.
fn current(record: &Record<Packet>, edit: &Edit) -> Result<Edited, Refusal> {
    if edit.base != record.standing.content {
        return Err(Refusal::Stale);
    }
    if edit.content.bytes > CONTENT_BYTES_MAX {
        return Err(Refusal::TooLarge { bytes: edit.content.bytes });
    }
    Ok(Edited { content: edit.content.clone(), has_checkpoint: edit.has_checkpoint, answer_until: None })
}
