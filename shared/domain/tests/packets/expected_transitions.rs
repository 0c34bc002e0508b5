//! Expected result of a command, written as plain conditions without the lifecycle table.

use handrail_domain::actor::Actor;
use handrail_domain::ids::KeyId;
use handrail_domain::packet::{
    Act, AgentRef, ContentRef, Edit, Lease, OpenCheckpoint, Packet, Refusal, State, StateData, current_agent,
};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use super::fixtures::{ANN, END, TestActor};

use State::{AwaitingHuman, Claimed, Completed, Created, Expired, Failed, InProgress};

#[derive(Debug, PartialEq)]
pub(crate) enum Expected {
    /// This deadline has passed: its timer appends this event and leads to this state data, and the command does nothing
    /// yet.
    TimerFires(Timestamp, &'static str, Box<StateData>),
    /// The command appends this event and leads to this state data.
    Accepted(&'static str, Box<StateData>),
    Refused(Refusal),
}

/// States that a PATCH may reach: the published list without the transitions that skip the approver.
pub(crate) fn allowed_states(from: State) -> &'static [State] {
    match from {
        Created => &[Claimed, AwaitingHuman, Failed, Expired],
        Claimed => &[InProgress, Completed, AwaitingHuman, Failed, Expired],
        InProgress => &[Completed, AwaitingHuman, Failed, Expired],
        AwaitingHuman => &[Failed, Expired],
        Completed | Failed => &[Expired],
        Expired => &[],
    }
}

/// Returns the earliest deadline with the event of its timer.
pub(crate) fn next_timer(record: &Record<Packet>) -> Option<(Timestamp, &'static str)> {
    let (state, state_data) = (record.state(), &record.state_data);
    let mut timers = Vec::new();
    // A checkpoint that times out ends the packet.
    if let (AwaitingHuman, Some(until)) = (state, state_data.answer_until) {
        timers.push((until, "packet.unanswered"));
    }
    // A packet that is not completed within a day expires.
    if state != Completed && state != Expired {
        timers.push((END, "packet.expired"));
    }
    // An expired lease ends the claim, except while the packet awaits a person.
    if let (Claimed | InProgress, Some(lease)) = (state, state_data.lease) {
        timers.push((lease.until, "packet.lease_lapsed"));
    }
    timers.sort_by_key(|(at, _)| *at);
    timers.into_iter().next()
}

fn state_data_after_timer(before: &StateData, event: &str) -> StateData {
    let ended = StateData { state: Expired, lease: None, question: None, asked_by: None, ..before.clone() };
    match event {
        // The deadline stays, to show that the checkpoint timed out.
        "packet.unanswered" => ended,
        "packet.expired" => StateData { answer_until: None, ..ended },
        _ => StateData { state: Created, holder: None, claimed_at: None, lease: None, ..before.clone() },
    }
}

pub(crate) fn expected(record: &Record<Packet>, act: &Act, actor: TestActor, now: Timestamp) -> Expected {
    if let Some((at, event)) = next_timer(record).filter(|(at, _)| *at <= now) {
        return Expected::TimerFires(at, event, Box::new(state_data_after_timer(&record.state_data, event)));
    }
    match expected_of_command(record, act, actor, now) {
        Ok((event, state_data)) => Expected::Accepted(event, Box::new(state_data)),
        Err(refusal) => Expected::Refused(refusal),
    }
}

fn expected_of_command(
    record: &Record<Packet>,
    act: &Act,
    actor: TestActor,
    now: Timestamp,
) -> Result<(&'static str, StateData), Refusal> {
    let (state, state_data) = (record.state(), record.state_data.clone());
    match act {
        // Only timers run these acts.
        Act::Expire | Act::AnswerTimeOut | Act::LeaseLapse => Err(Refusal::TimerOnly),
        Act::Claim { by, lease_seconds } => {
            match state {
                Created => {}
                Claimed => return Err(Refusal::AlreadyClaimed { by: displayed_agent(record) }),
                AwaitingHuman => return Err(Refusal::AwaitingHuman),
                Expired => return Err(Refusal::Expired),
                InProgress | Completed | Failed => return Err(Refusal::NotClaimable { state }),
            }
            require_key(actor)?;
            let lease = lease_seconds.map(|seconds| new_lease(seconds, now));
            let (holder, claimed_at) = (Some(by.clone()), Some(now));
            Ok(("packet.claimed", StateData { state: Claimed, holder, claimed_at, lease, ..state_data }))
        }
        Act::Delete => {
            if state == Expired {
                return Err(Refusal::AlreadyExpired);
            }
            require_key(actor)?;
            Ok((
                "packet.deleted",
                StateData {
                    state: Expired,
                    lease: None,
                    answer_until: None,
                    question: None,
                    asked_by: None,
                    ..state_data
                },
            ))
        }
        // Chaining keeps the state.
        Act::Chained { .. } => require_key(actor).map(|()| ("packet.chained", state_data)),
        Act::Heartbeat => require_key(actor).map(|()| ("packet.edited", with_renewed_lease(state_data, now))),
        Act::Edit(edit) => {
            require_key(actor)?;
            let edited = expected_edit(state_data, edit, record.seq + 1, actor)?;
            Ok(("packet.edited", with_renewed_lease(edited, now)))
        }
        // Moving to the current state is an edit.
        Act::Move { to, edit, .. } if *to == state => {
            require_key(actor)?;
            let state_data = match edit {
                Some(edit) => expected_edit(state_data, edit, record.seq + 1, actor)?,
                None => state_data,
            };
            Ok(("packet.edited", with_renewed_lease(state_data, now)))
        }
        Act::Move { to, edit, .. } => expected_move(record, *to, edit.as_ref(), actor, now),
        Act::Respond { edit, question, key, .. } => {
            if state != AwaitingHuman {
                return Err(match (state, state_data.answer_until) {
                    // The checkpoint timed out.
                    (Expired, Some(at)) => Refusal::AnswerTimedOut { at },
                    _ => Refusal::NotAwaiting { state },
                });
            }
            // A person answers only their own checkpoint. A key may answer every checkpoint.
            let open = state_data.question.as_ref().filter(|open| Some(open.number) == *question);
            let approver = open.map(|open| open.approver.as_str());
            if !(actor.is_key() || actor == TestActor::Person && approver == Some(ANN)) {
                return Err(Refusal::ActorNotAllowed);
            }
            // The tenant may forbid the key that opened the checkpoint to answer.
            let forbids = key.as_ref().is_some_and(|key| !key.askers_may_answer);
            if forbids && actor.is_key() && state_data.asked_by == key_id(actor) {
                return Err(Refusal::AskerMayNotAnswer);
            }
            if !state_data.has_checkpoint {
                return Err(Refusal::NoCheckpoint);
            }
            let content = checked_content(&state_data, edit)?;
            let next = StateData {
                state: Claimed,
                claimed_at: Some(now),
                content,
                answer_until: None,
                question: None,
                asked_by: None,
                ..state_data
            };
            Ok(("packet.answered", with_renewed_lease(next, now)))
        }
    }
}

fn expected_move(
    record: &Record<Packet>,
    to: State,
    edit: Option<&Edit>,
    actor: TestActor,
    now: Timestamp,
) -> Result<(&'static str, StateData), Refusal> {
    let from = record.state();
    let allowed = allowed_states(from);
    if !allowed.contains(&to) {
        return Err(Refusal::NoTransition { from, to, allowed: allowed.to_vec() });
    }
    require_key(actor)?;
    let mut next =
        StateData { state: to, answer_until: None, question: None, asked_by: None, ..record.state_data.clone() };
    match edit {
        // A checkpoint is part of the content, so opening one needs an edit.
        None if to == AwaitingHuman => return Err(Refusal::VersionConflict),
        None => {}
        Some(edit) => {
            // An open checkpoint cannot be changed.
            if from == AwaitingHuman && edit.sets_checkpoint && next.has_checkpoint {
                return Err(Refusal::AwaitingHuman);
            }
            next.content = checked_content(&record.state_data, edit)?;
            next.has_checkpoint = edit.has_checkpoint;
        }
    }
    // The checkpoint's deadline counts from its opening.
    if to == AwaitingHuman {
        next.asked_by = key_id(actor);
        next.answer_until = edit.and_then(|edit| edit.answer_until);
        next.question = edit.and_then(|edit| opened_checkpoint(edit, record.seq + 1));
    }
    if to == Completed {
        next.completed_at = Some(now);
    }
    Ok(("packet.moved", with_renewed_lease(next, now)))
}

fn opened_checkpoint(edit: &Edit, number: u64) -> Option<OpenCheckpoint> {
    edit.asks.as_ref().map(|request| OpenCheckpoint { number, approver: request.approver.clone() })
}

fn key_id(actor: TestActor) -> Option<KeyId> {
    match actor.actor() {
        Actor::Key { key, .. } => Some(key),
        _ => None,
    }
}

fn expected_edit(state_data: StateData, edit: &Edit, number: u64, actor: TestActor) -> Result<StateData, Refusal> {
    let is_awaiting = state_data.state == AwaitingHuman;
    if is_awaiting && state_data.has_checkpoint && edit.sets_checkpoint {
        return Err(Refusal::AwaitingHuman);
    }
    let content = checked_content(&state_data, edit)?;
    // A packet that waits without a checkpoint accepts one, whose deadline begins now.
    let (answer_until, question) = match is_awaiting && edit.sets_checkpoint {
        true => {
            (edit.answer_until.or(state_data.answer_until), opened_checkpoint(edit, number).or(state_data.question))
        }
        false => (state_data.answer_until, state_data.question),
    };
    // The key that adds the missing checkpoint asks.
    let adds_checkpoint = is_awaiting && !state_data.has_checkpoint && edit.has_checkpoint;
    let asked_by = if adds_checkpoint { key_id(actor) } else { state_data.asked_by };
    Ok(StateData { content, answer_until, question, asked_by, has_checkpoint: edit.has_checkpoint, ..state_data })
}

fn checked_content(state_data: &StateData, edit: &Edit) -> Result<ContentRef, Refusal> {
    if edit.base != state_data.content {
        return Err(Refusal::VersionConflict);
    }
    match edit.content.bytes {
        bytes if bytes > 1_048_576 => Err(Refusal::TooLarge { bytes }),
        _ => Ok(edit.content.clone()),
    }
}

fn require_key(actor: TestActor) -> Result<(), Refusal> {
    if actor.is_key() { Ok(()) } else { Err(Refusal::ActorNotAllowed) }
}

/// Renews the lease of an active claim, and keeps the lease unchanged while the packet awaits a person.
fn with_renewed_lease(state_data: StateData, now: Timestamp) -> StateData {
    let lease = match state_data.state {
        Claimed | InProgress => state_data.lease.map(|lease| new_lease(lease.seconds, now)),
        AwaitingHuman => state_data.lease,
        Created | Completed | Failed | Expired => None,
    };
    StateData { lease, ..state_data }
}

fn new_lease(seconds: u32, now: Timestamp) -> Lease {
    Lease { seconds, until: now.plus_ms(i64::from(seconds) * 1_000) }
}

fn displayed_agent(record: &Record<Packet>) -> AgentRef {
    let shown = record.state_data.holder.clone().unwrap_or_else(|| record.spec.target.clone());
    assert_eq!(current_agent(record), &shown);
    shown
}
