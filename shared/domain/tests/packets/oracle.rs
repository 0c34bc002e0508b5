//! What must come of a command, said as plain rules and without the table.

use handrail_domain::packet::{
    Act, AgentRef, ContentRef, Edit, Lease, Packet, Question, Refusal, Standing, State, target,
};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use super::support::{ANN, END, Who};

use State::{AwaitingHuman, Claimed, Completed, Created, Expired, Failed, InProgress};

#[derive(Debug, PartialEq)]
pub(crate) enum Expected {
    /// A deadline had passed: this follows from it, and the command did nothing yet.
    TimeMoves(State, &'static str),
    /// It counts: this event, and the packet stands like this.
    Counts(&'static str, Box<Standing>),
    Refused(Refusal),
}

/// Where a PATCH may lead, as it is published, with its holes closed.
pub(crate) fn published_moves(from: State) -> &'static [State] {
    match from {
        Created => &[Claimed, AwaitingHuman, Failed, Expired],
        Claimed => &[InProgress, AwaitingHuman, Completed, Failed, Expired],
        InProgress => &[AwaitingHuman, Completed, Failed, Expired],
        AwaitingHuman => &[Failed, Expired],
        Completed | Failed => &[Expired],
        Expired => &[],
    }
}

fn time_moves(record: &Record<Packet>, now: Timestamp) -> Option<Expected> {
    let (state, standing) = (record.state(), &record.standing);
    let mut due = Vec::new();
    // A person who does not answer ends it.
    if let (AwaitingHuman, Some(until)) = (state, standing.answer_until) {
        due.push((until, Expired, "packet.unanswered"));
    }
    // Whatever is not done in a day ends.
    if state != Completed && state != Expired {
        due.push((END, Expired, "packet.expired"));
    }
    // A lost holder holds nothing; who waits for a person is not lost.
    if let (Claimed | InProgress, Some(lease)) = (state, standing.lease) {
        due.push((lease.until, Created, "packet.lease_lapsed"));
    }
    due.sort_by_key(|(at, ..)| *at);
    let (at, to, event) = due.into_iter().next()?;
    (at <= now).then_some(Expected::TimeMoves(to, event))
}

pub(crate) fn expected(record: &Record<Packet>, act: &Act, who: Who, now: Timestamp) -> Expected {
    if let Some(moves) = time_moves(record, now) {
        return moves;
    }
    match tried(record, act, who, now) {
        Ok((event, standing)) => Expected::Counts(event, Box::new(standing)),
        Err(refusal) => Expected::Refused(refusal),
    }
}

fn tried(record: &Record<Packet>, act: &Act, who: Who, now: Timestamp) -> Result<(&'static str, Standing), Refusal> {
    let (state, standing) = (record.state(), record.standing.clone());
    match act {
        // Time comes by itself.
        Act::Expire | Act::AnswerTimeOut | Act::LeaseLapse => Err(Refusal::NotDue),
        Act::Claim { by, lease_seconds } => {
            match state {
                Created => {}
                Claimed => return Err(Refusal::AlreadyClaimed { by: shown(record) }),
                AwaitingHuman => return Err(Refusal::WaitsForHuman),
                Expired => return Err(Refusal::Expired),
                InProgress | Completed | Failed => return Err(Refusal::NotClaimable { state }),
            }
            only_keys(who)?;
            let lease = lease_seconds.map(|seconds| lease(seconds, now));
            let (holder, claimed_at) = (Some(by.clone()), Some(now));
            Ok(("packet.claimed", Standing { state: Claimed, holder, claimed_at, lease, ..standing }))
        }
        Act::Delete => {
            if state == Expired {
                return Err(Refusal::AlreadyExpired);
            }
            only_keys(who)?;
            Ok((
                "packet.deleted",
                Standing { state: Expired, lease: None, answer_until: None, question: None, ..standing },
            ))
        }
        // A chain moves nothing.
        Act::Chained { .. } => only_keys(who).map(|()| ("packet.chained", standing)),
        Act::Renew => only_keys(who).map(|()| ("packet.edited", alive(standing, now))),
        Act::Edit(edit) => {
            only_keys(who)?;
            Ok(("packet.edited", alive(edited(standing, edit, record.seq + 1)?, now)))
        }
        // Saying where it is moves nothing either.
        Act::Move { to, edit, .. } if *to == state => {
            only_keys(who)?;
            let standing = match edit {
                Some(edit) => edited(standing, edit, record.seq + 1)?,
                None => standing,
            };
            Ok(("packet.edited", alive(standing, now)))
        }
        Act::Move { to, edit, .. } => moved(record, *to, edit.as_ref(), who, now),
        Act::Respond { edit, question, .. } => {
            if state != AwaitingHuman {
                return Err(match (state, standing.answer_until) {
                    // Nobody answered, and now it is too late.
                    (Expired, Some(at)) => Refusal::AnswerTimedOut { at },
                    _ => Refusal::NotAwaiting { state },
                });
            }
            // A person answers what they were asked themselves; a program brings whatever answer there is.
            let asked = standing.question.as_ref().filter(|asked| Some(asked.number) == *question);
            let whose = asked.map(|asked| asked.approver.as_str());
            if !(who.is_key() || who == Who::Person && whose == Some(ANN)) {
                return Err(Refusal::NotTheirs);
            }
            if !standing.has_checkpoint {
                return Err(Refusal::NoCheckpoint);
            }
            let content = newest(&standing, edit)?;
            let (answer_until, question) = (None, None);
            let next = Standing { state: Claimed, claimed_at: Some(now), content, answer_until, question, ..standing };
            Ok(("packet.answered", alive(next, now)))
        }
    }
}

fn moved(
    record: &Record<Packet>,
    to: State,
    edit: Option<&Edit>,
    who: Who,
    now: Timestamp,
) -> Result<(&'static str, Standing), Refusal> {
    let from = record.state();
    let allowed = published_moves(from);
    if !allowed.contains(&to) {
        return Err(Refusal::NoTransition { from, to, allowed: allowed.to_vec() });
    }
    only_keys(who)?;
    let mut next = Standing { state: to, answer_until: None, question: None, ..record.standing.clone() };
    match edit {
        // A question comes with the content that holds it.
        None if to == AwaitingHuman => return Err(Refusal::Stale),
        None => {}
        Some(edit) => {
            // Nobody is asked something else than what they read.
            if from == AwaitingHuman && edit.sets_checkpoint && next.has_checkpoint {
                return Err(Refusal::WaitsForHuman);
            }
            next.content = newest(&record.standing, edit)?;
            next.has_checkpoint = edit.has_checkpoint;
        }
    }
    // A checkpoint runs from the moment it is raised, wherever it lay before.
    if to == AwaitingHuman {
        next.answer_until = edit.and_then(|edit| edit.answer_until);
        next.question = edit.and_then(|edit| asked(edit, record.seq + 1));
    }
    if to == Completed {
        next.completed_at = Some(now);
    }
    Ok(("packet.moved", alive(next, now)))
}

fn asked(edit: &Edit, number: u64) -> Option<Question> {
    edit.asks.as_ref().map(|asked| Question { number, approver: asked.approver.clone() })
}

fn edited(standing: Standing, edit: &Edit, number: u64) -> Result<Standing, Refusal> {
    let waits = standing.state == AwaitingHuman;
    if waits && standing.has_checkpoint && edit.sets_checkpoint {
        return Err(Refusal::WaitsForHuman);
    }
    let content = newest(&standing, edit)?;
    // Who waited without a question gets one, and its time begins.
    let (answer_until, question) = match waits && edit.sets_checkpoint {
        true => (edit.answer_until.or(standing.answer_until), asked(edit, number).or(standing.question)),
        false => (standing.answer_until, standing.question),
    };
    Ok(Standing { content, answer_until, question, has_checkpoint: edit.has_checkpoint, ..standing })
}

fn newest(standing: &Standing, edit: &Edit) -> Result<ContentRef, Refusal> {
    if edit.base != standing.content {
        return Err(Refusal::Stale);
    }
    match edit.content.bytes {
        bytes if bytes > 1_048_576 => Err(Refusal::TooLarge { bytes }),
        _ => Ok(edit.content.clone()),
    }
}

fn only_keys(who: Who) -> Result<(), Refusal> {
    if who.is_key() { Ok(()) } else { Err(Refusal::NotTheirs) }
}

/// Whoever works has it for another while, and keeps it while a person thinks.
fn alive(standing: Standing, now: Timestamp) -> Standing {
    let lease = match standing.state {
        Claimed | InProgress => standing.lease.map(|old| lease(old.seconds, now)),
        AwaitingHuman => standing.lease,
        Created | Completed | Failed | Expired => None,
    };
    Standing { lease, ..standing }
}

fn lease(seconds: u32, now: Timestamp) -> Lease {
    Lease { seconds, until: now.plus_ms(i64::from(seconds) * 1_000) }
}

fn shown(record: &Record<Packet>) -> AgentRef {
    let shown = record.standing.holder.clone().unwrap_or_else(|| record.ask.target.clone());
    assert_eq!(target(record), &shown);
    shown
}
