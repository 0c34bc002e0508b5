//! The lifecycle of a packet: the guards, and what to say where the table has no row.

use super::ask::{AgentRef, Ask};
use super::content::CONTENT_BYTES_MAX;
use super::event::{Act, Edit, Edited, PacketEvent, Refusal};
use super::following::what_follows;
use super::standing::Standing;
use super::state::{State, TABLE, Trigger};
use crate::actor::Actor;
use crate::effect::Effect;
use crate::ids::CommandId;
use crate::lifecycle::{Facets, Lifecycle, Table, TimerRule};
use crate::record::{ContentRef, Entry, Record};
use crate::text::EmailAddress;
use crate::time::Timestamp;

use State::{AwaitingHuman, Claimed, Completed, Created, Expired, InProgress};

/// The agent that has it, or for whom it is meant.
pub fn target(record: &Record<Packet>) -> &AgentRef {
    record.standing.holder.as_ref().unwrap_or(&record.ask.target)
}

/// What a command that is repeated may be told: a claim only while it holds, anything else always.
///
/// A lease that lapsed has ended the claim. Whoever were told once more that they have the packet would work on what
/// somebody else has by now, or takes in a moment.
pub fn still_holds(record: &Record<Packet>, command: &CommandId, now: Timestamp) -> Result<(), Refusal> {
    let claim = record.made_by(command).filter(|entry| matches!(entry.event, PacketEvent::Claimed { .. }));
    let Some(claimed) = claim.map(|entry| entry.seq) else { return Ok(()) };
    let seen = record.seen_at(now);
    let mut since = seen.log.iter().map(|line| &line.entry).filter(|entry| entry.seq > claimed);
    if !since.any(|entry| matches!(entry.event, PacketEvent::LeaseLapsed { .. })) {
        return Ok(());
    }
    match seen.state() {
        Created => Err(Refusal::ClaimLapsed),
        _ => Err(Packet::no_row(&seen, &Act::Claim { by: target(&seen).clone(), lease_seconds: None })),
    }
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
            asks: ask.asks.clone(),
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

    /// Order: whose business is it, was there a question, may the edit touch it, was it made from the newest version, is it
    /// too large.
    fn permit(record: &Record<Self>, act: &Act, actor: &Actor, _now: Timestamp) -> Result<PacketEvent, Refusal> {
        let (from, agent) = (record.state(), target(record).id.clone());
        let timers_own = matches!(act, Act::Expire | Act::AnswerTimeOut | Act::LeaseLapse);
        let theirs = match actor {
            Actor::Key { .. } => !timers_own,
            Actor::Person { email, .. } => is_asked(record, act, email),
            Actor::Timer => timers_own,
            Actor::Policy { .. } | Actor::Visitor => false,
        };
        if !theirs {
            return Err(Refusal::NotTheirs);
        }
        Ok(match act {
            Act::Claim { by, lease_seconds } => PacketEvent::Claimed { by: by.clone(), lease_seconds: *lease_seconds },
            Act::Move { to, edit, .. } if *to == from => {
                PacketEvent::Edited { edited: edited(record, edit.as_ref(), from)? }
            }
            Act::Move { to, edit, in_batch } => {
                let edited = edited(record, edit.as_ref(), *to)?;
                PacketEvent::Moved { from, to: *to, agent, in_batch: *in_batch, edited }
            }
            Act::Edit(edit) => PacketEvent::Edited { edited: edited(record, Some(edit), from)? },
            Act::Renew => PacketEvent::Edited { edited: None },
            Act::Respond { by, response, notes, edit, .. } => {
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
        let (seq, event) = (entry.seq, &entry.event);
        before.map_or_else(|| Standing::first(event, seq), |before| before.after(event, seq, entry.at))
    }

    fn effects(ask: &Ask, entry: &Entry<Self>) -> Vec<Effect> {
        what_follows(ask, entry)
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

/// A person only answers, and only the question that they were asked: a packet may have another one by now.
fn is_asked(record: &Record<Packet>, act: &Act, person: &EmailAddress) -> bool {
    let Act::Respond { question: Some(number), .. } = act else { return false };
    let asked = record.standing.question.as_ref();
    asked.is_some_and(|asked| asked.number == *number && asked.approver.same_mailbox(person))
}

/// What an edit leaves behind in a packet that goes to this state, or stays in it.
fn edited(record: &Record<Packet>, edit: Option<&Edit>, to: State) -> Result<Option<Edited>, Refusal> {
    let waits = record.state() == AwaitingHuman;
    let raises = to == AwaitingHuman && !waits;
    let Some(edit) = edit else {
        // A question is raised with the content that holds it, so that an old answer is never taken for a new one.
        return if raises { Err(Refusal::Stale) } else { Ok(None) };
    };
    // The person answers what they read.
    if edit.sets_checkpoint && waits && record.standing.has_checkpoint {
        return Err(Refusal::WaitsForHuman);
    }
    // Who waits without a question may still get one.
    let opens = raises || (to == AwaitingHuman && edit.sets_checkpoint);
    Ok(Some(Edited {
        answer_until: edit.answer_until.filter(|_| opens),
        asks: edit.asks.clone().filter(|_| opens),
        ..current(record, edit)?
    }))
}

/// An edit of the version that is the newest, and not too large.
fn current(record: &Record<Packet>, edit: &Edit) -> Result<Edited, Refusal> {
    if edit.base != record.standing.content {
        return Err(Refusal::Stale);
    }
    if edit.content.bytes > CONTENT_BYTES_MAX {
        return Err(Refusal::TooLarge { bytes: edit.content.bytes });
    }
    Ok(Edited { content: edit.content.clone(), has_checkpoint: edit.has_checkpoint, answer_until: None, asks: None })
}
