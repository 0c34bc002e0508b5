//! Lifecycle of a packet: the guards, and the refusals where the table has no row.

use super::content::CONTENT_BYTES_MAX;
use super::effects::effects_of;
use super::event::{Act, Edit, Edited, PacketEvent, Refusal};
use super::spec::{AgentRef, PacketSpec};
use super::state::{State, TABLE, Trigger};
use super::state_data::StateData;
use crate::actor::Actor;
use crate::answer_origin::{AnswerOrigin, key_of};
use crate::effect::Effect;
use crate::ids::{CommandId, KeyId};
use crate::lifecycle::{FilterFields, Lifecycle, Table, TimerRule};
use crate::record::{ContentRef, LogEntry, Record};
use crate::text::EmailAddress;
use crate::time::Timestamp;

use State::{AwaitingHuman, Claimed, Completed, Created, Expired, InProgress};

/// Agent that holds the claim, or else the target agent.
pub fn current_agent(record: &Record<Packet>) -> &AgentRef {
    record.state_data.holder.as_ref().unwrap_or(&record.spec.target)
}

/// API key that opened the checkpoint for which the packet waits. Returns `None` if the packet does not wait.
pub fn asker_of_checkpoint(record: &Record<Packet>) -> Option<KeyId> {
    let opens = |event: &PacketEvent| match event {
        PacketEvent::Created { human_first, .. } => *human_first,
        PacketEvent::Moved { to, .. } => *to == AwaitingHuman,
        _ => false,
    };
    // A checkpoint that an earlier version opened has its key only in the log.
    let logged =
        || record.log.iter().rev().find(|line| opens(&line.entry.event)).and_then(|line| key_of(&line.entry.by));
    (record.state() == AwaitingHuman).then(|| record.state_data.asked_by.or_else(logged)).flatten()
}

/// Origin of the answer that a log entry recorded. Returns `None` if the entry records no answer.
pub fn answer_origin_of_entry(entry: &LogEntry<Packet>) -> Option<AnswerOrigin> {
    let PacketEvent::Answered { key_name, by_asker, .. } = &entry.event else { return None };
    AnswerOrigin::new(&entry.by, key_name.as_deref(), key_of(&entry.by).filter(|_| *by_asker))
}

/// Checks that a repeated command may get its first response again: a claim only while active, other commands always.
///
/// An expired lease ends the claim. An agent that got the first response again would work on a packet that another
/// agent has claimed by now, or may claim at any moment.
pub fn check_claim_active(record: &Record<Packet>, command: &CommandId, now: Timestamp) -> Result<(), Refusal> {
    let claim = record.entry_of_command(command).filter(|entry| matches!(entry.event, PacketEvent::Claimed { .. }));
    let Some(claim_seq) = claim.map(|entry| entry.seq) else { return Ok(()) };
    let current = record.as_of(now);
    let mut since = current.log.iter().map(|line| &line.entry).filter(|entry| entry.seq > claim_seq);
    if !since.any(|entry| matches!(entry.event, PacketEvent::LeaseLapsed { .. })) {
        return Ok(());
    }
    match current.state() {
        Created => Err(Refusal::ClaimExpired),
        _ => Err(Packet::refuse_no_transition(
            &current,
            &Act::Claim { by: current_agent(&current).clone(), lease_seconds: None },
        )),
    }
}

/// Record kind of packets. All behaviour is in its implementation of [`Lifecycle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet;

impl Lifecycle for Packet {
    const KIND: &'static str = "packet";
    const TABLE: Table<State, Trigger> = TABLE;

    type State = State;
    type Trigger = Trigger;
    type Spec = PacketSpec;
    type StateData = StateData;
    type Event = PacketEvent;
    type Act = Act;
    type Refusal = Refusal;

    fn state(state_data: &StateData) -> State {
        state_data.state
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

    fn trigger(_ask: &PacketSpec, act: &Act, _now: Timestamp) -> Trigger {
        match act {
            Act::Claim { .. } => Trigger::Claim,
            Act::Move { to, .. } => Trigger::Move(*to),
            Act::Edit(_) | Act::Heartbeat => Trigger::Edit,
            Act::Respond { .. } => Trigger::Respond,
            Act::Delete => Trigger::Delete,
            Act::Chained { .. } => Trigger::Chain,
            Act::Expire => Trigger::Expire,
            Act::AnswerTimeOut => Trigger::AnswerTimeOut,
            Act::LeaseLapse => Trigger::LeaseExpire,
        }
    }

    fn initial_event(spec: &PacketSpec) -> PacketEvent {
        PacketEvent::Created {
            ask_sha256: crate::record::digest_of(spec),
            source: spec.source.id.clone(),
            content: spec.content.clone(),
            human_first: spec.human_first,
            has_checkpoint: spec.has_checkpoint,
            answer_until: spec.hitl_deadline,
            asks: spec.asks.clone(),
            chained_to: spec.parent.filter(|_| spec.chained),
        }
    }

    fn deadline(spec: &PacketSpec, state_data: &StateData, timer: &TimerRule<State, Trigger>) -> Option<Timestamp> {
        match timer.raises {
            Trigger::Expire => Some(spec.expires_at),
            Trigger::AnswerTimeOut => state_data.answer_until,
            Trigger::LeaseExpire => state_data.lease.map(|lease| lease.until),
            Trigger::Claim | Trigger::Move(_) | Trigger::Edit | Trigger::Respond | Trigger::Delete | Trigger::Chain => {
                None
            }
        }
    }

    fn timer_command(timer: &TimerRule<State, Trigger>) -> Act {
        match timer.raises {
            Trigger::AnswerTimeOut => Act::AnswerTimeOut,
            Trigger::LeaseExpire => Act::LeaseLapse,
            // No timer acts for an agent: a test checks that every timer runs one of the three timer acts.
            Trigger::Expire
            | Trigger::Claim
            | Trigger::Move(_)
            | Trigger::Edit
            | Trigger::Respond
            | Trigger::Delete
            | Trigger::Chain => Act::Expire,
        }
    }

    /// Order: the actor may do the act, the content has a checkpoint to answer, the edit keeps the open checkpoint, the
    /// edit is based on the newest version, the content is not too large.
    fn guard(record: &Record<Self>, act: &Act, actor: &Actor, _now: Timestamp) -> Result<PacketEvent, Refusal> {
        let (from, agent) = (record.state(), current_agent(record).id.clone());
        let is_timer_act = matches!(act, Act::Expire | Act::AnswerTimeOut | Act::LeaseLapse);
        let is_allowed = match actor {
            Actor::Key { .. } => !is_timer_act,
            Actor::Person { email, .. } => may_answer(record, act, email),
            Actor::Timer => is_timer_act,
            Actor::Policy { .. } | Actor::System | Actor::Anonymous => false,
        };
        if !is_allowed {
            return Err(Refusal::ActorNotAllowed);
        }
        Ok(match act {
            Act::Claim { by, lease_seconds } => PacketEvent::Claimed { by: by.clone(), lease_seconds: *lease_seconds },
            Act::Move { to, edit, .. } if *to == from => {
                PacketEvent::Edited { edited: validate_optional_edit(record, edit.as_ref(), from)? }
            }
            Act::Move { to, edit, in_batch } => {
                let edited = validate_optional_edit(record, edit.as_ref(), *to)?;
                PacketEvent::Moved { from, to: *to, agent, in_batch: *in_batch, edited }
            }
            Act::Edit(edit) => PacketEvent::Edited { edited: validate_optional_edit(record, Some(edit), from)? },
            Act::Heartbeat => PacketEvent::Edited { edited: None },
            Act::Respond { by, response, notes, edit, key, question: _ } => {
                // Only a key has a key's rights and name.
                let key = key.as_ref().filter(|_| matches!(actor, Actor::Key { .. }));
                let by_asker = key_of(actor).is_some_and(|key| asker_of_checkpoint(record) == Some(key));
                if by_asker && key.is_some_and(|key| !key.askers_may_answer) {
                    return Err(Refusal::AskerMayNotAnswer);
                }
                if !record.state_data.has_checkpoint {
                    return Err(Refusal::NoCheckpoint);
                }
                let edited = validate_edit(record, edit)?;
                let key_name = key.map(|key| key.name.clone());
                let (by, response, notes) = (by.clone(), response.clone(), notes.clone());
                PacketEvent::Answered { by, response, notes, edited, key_name, by_asker }
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

    fn refuse_no_transition(record: &Record<Self>, act: &Act) -> Refusal {
        let state = record.state();
        match act {
            Act::Claim { .. } => match state {
                Claimed => Refusal::AlreadyClaimed { by: current_agent(record).clone() },
                AwaitingHuman => Refusal::AwaitingHuman,
                Expired => Refusal::Expired,
                Created | InProgress | Completed | State::Failed => Refusal::NotClaimable { state },
            },
            Act::Respond { .. } => match record.state_data.checkpoint_timed_out_at() {
                Some(at) => Refusal::AnswerTimedOut { at },
                None => Refusal::NotAwaiting { state },
            },
            Act::Move { to, .. } => {
                Refusal::NoTransition { from: state, to: *to, allowed: state.allowed_transitions() }
            }
            Act::Delete => Refusal::AlreadyExpired,
            // Timer commands that are not due, or have run. The other acts have a row in every state.
            Act::Expire
            | Act::AnswerTimeOut
            | Act::LeaseLapse
            | Act::Edit(_)
            | Act::Heartbeat
            | Act::Chained { .. } => Refusal::TimerOnly,
        }
    }

    fn apply(before: Option<&StateData>, entry: &LogEntry<Self>) -> StateData {
        let (seq, event, by) = (entry.seq, &entry.event, &entry.by);
        before.map_or_else(|| StateData::first(event, seq, by), |before| before.after(event, seq, entry.at, by))
    }

    fn effects(spec: &PacketSpec, entry: &LogEntry<Self>) -> Vec<Effect> {
        effects_of(spec, &entry.event, entry.at)
    }

    fn personal_values(event: &PacketEvent) -> &'static [&'static str] {
        event.personal_values()
    }

    fn body(state_data: &StateData) -> Option<&ContentRef> {
        Some(&state_data.content)
    }

    fn filter_fields(record: &Record<Self>) -> Option<FilterFields> {
        let mut tags: Vec<_> = record.spec.tags.iter().filter(|tag| !tag.is_empty()).cloned().collect();
        tags.sort_unstable();
        tags.dedup();
        Some(FilterFields {
            source: record.spec.source.id.clone(),
            holder: current_agent(record).id.clone(),
            priority: record.spec.priority.name(),
            tags,
        })
    }
}

/// Checks that the act answers the open checkpoint and that the person is its approver. A link to an earlier checkpoint
/// of the packet is refused.
fn may_answer(record: &Record<Packet>, act: &Act, person: &EmailAddress) -> bool {
    let Act::Respond { question: Some(number), .. } = act else { return false };
    let open = record.state_data.question.as_ref();
    open.is_some_and(|checkpoint| checkpoint.number == *number && checkpoint.approver.same_mailbox(person))
}

/// Validates an optional edit of a packet whose state after the act is `to`, and returns the edit to record.
fn validate_optional_edit(record: &Record<Packet>, edit: Option<&Edit>, to: State) -> Result<Option<Edited>, Refusal> {
    let is_awaiting = record.state() == AwaitingHuman;
    let starts_waiting = to == AwaitingHuman && !is_awaiting;
    let Some(edit) = edit else {
        // A checkpoint is opened together with its content, so that an old answer is never taken for a new answer.
        return if starts_waiting { Err(Refusal::VersionConflict) } else { Ok(None) };
    };
    // The approver must answer the checkpoint that they read.
    if edit.sets_checkpoint && is_awaiting && record.state_data.has_checkpoint {
        return Err(Refusal::AwaitingHuman);
    }
    // A packet that waits for a person without a checkpoint may still get a checkpoint.
    let opens_checkpoint = starts_waiting || (to == AwaitingHuman && edit.sets_checkpoint);
    Ok(Some(Edited {
        answer_until: edit.answer_until.filter(|_| opens_checkpoint),
        asks: edit.asks.clone().filter(|_| opens_checkpoint),
        ..validate_edit(record, edit)?
    }))
}

/// Checks that the edit is based on the newest version and not too large, and returns the edit to record.
fn validate_edit(record: &Record<Packet>, edit: &Edit) -> Result<Edited, Refusal> {
    if edit.base != record.state_data.content {
        return Err(Refusal::VersionConflict);
    }
    if edit.content.bytes > CONTENT_BYTES_MAX {
        return Err(Refusal::TooLarge { bytes: edit.content.bytes });
    }
    Ok(Edited { content: edit.content.clone(), has_checkpoint: edit.has_checkpoint, answer_until: None, asks: None })
}
