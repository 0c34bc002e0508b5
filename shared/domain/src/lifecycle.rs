//! Decisions on records: the transition that a command or a due timer causes, and the record as of a time.

use crate::actor::Actor;
use crate::ids::CommandId;
use crate::record::Record;
use crate::time::Timestamp;

pub use crate::record::{FilterFields, Lifecycle};
pub use crate::table::{Row, Table, TimerRule, row};

/// Events that one command may add. A kind needs two or three.
const EVENTS_PER_COMMAND_MAX: usize = 8;

/// Request to change a record. A repeat of the request has the same `id`.
#[derive(Clone, Debug)]
pub struct Command<L: Lifecycle> {
    pub id: CommandId,
    pub actor: Actor,
    pub act: L::Act,
}

/// Transition that was decided and is not yet written.
#[derive(Clone, Debug)]
pub struct PlannedTransition<L: Lifecycle> {
    pub next: Record<L>,
    /// Condition on the record's deadline under which the write may happen.
    pub deadline: DeadlineGuard,
    /// `true` if a due timer made the transition, `false` if the command did.
    pub by_timer: bool,
}

/// Condition on the stored deadline. Stops a slow process from writing what it decided before the deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadlineGuard {
    /// The record has no deadline, or its deadline is after this time.
    After(Timestamp),
    /// The record's deadline is still this time.
    Equals(Timestamp),
}

/// Decides the transition that a command causes at `now`.
///
/// A due timer goes before the command: an approval at or after the deadline expires the record even if no timer fired.
pub fn decide<L: Lifecycle>(
    record: &Record<L>,
    command: &Command<L>,
    now: Timestamp,
) -> Result<PlannedTransition<L>, L::Refusal> {
    if let Some(planned) = fire_due_timer(record, now) {
        return Ok(planned);
    }
    let trigger = L::trigger(&record.spec, &command.act, now);
    // No caller can command a timer's trigger: a due timer has already fired above.
    let row = L::TABLE.find(record.state(), trigger).filter(|_| !L::TABLE.is_raised_by_timer(trigger));
    let Some(row) = row else {
        return Err(L::refuse_no_transition(record, &command.act));
    };
    let event = L::guard(record, &command.act, &command.actor, now)?;
    debug_assert_eq!(row.event, L::event_name(&event), "the guard must return the event of the row");
    let next = append_with_following(record, event, &command.actor, &command.id, now)?;
    Ok(PlannedTransition { next, deadline: DeadlineGuard::After(now), by_timer: false })
}

/// Returns `true` if no timer is due and the record is already as the command would make it.
pub fn is_already_done<L: Lifecycle>(record: &Record<L>, command: &Command<L>, now: Timestamp) -> bool {
    record.due().is_none_or(|due| due.at > now) && L::is_already_done(record, &command.act, &command.actor)
}

/// Appends an event, and those of the acts that follow it in the same command.
fn append_with_following<L: Lifecycle>(
    record: &Record<L>,
    event: L::Event,
    actor: &Actor,
    command: &CommandId,
    now: Timestamp,
) -> Result<Record<L>, L::Refusal> {
    let append = |record: &Record<L>, event| record.append_untrimmed(event, actor.clone(), command.clone(), now);
    let mut next = append(record, event);
    for added in 1..=EVENTS_PER_COMMAND_MAX {
        let act = next.newest().and_then(|newest| L::following_act(&next, &newest.event));
        let Some(act) = act else { return Ok(next.with_trimmed_log(added)) };
        if L::TABLE.find(next.state(), L::trigger(&next.spec, &act, now)).is_none() {
            return Err(L::refuse_no_transition(&next, &act));
        }
        let event = L::guard(&next, &act, actor, now)?;
        next = append(&next, event);
    }
    // More acts than any kind has follow each other: a mistake in the kind, which its tests meet first.
    debug_assert!(false, "the acts of a command follow each other without end");
    Ok(next.with_trimmed_log(EVENTS_PER_COMMAND_MAX + 1))
}

/// Decides the transition of the earliest due timer. Returns `None` if no timer is due at `now`.
pub fn fire_due_timer<L: Lifecycle>(record: &Record<L>, now: Timestamp) -> Option<PlannedTransition<L>> {
    let due = record.due().filter(|due| due.at <= now)?;
    let act = L::timer_command(due.rule);
    // Every armed timer has a row, which a test checks, and no guard refuses a timer. So no `?` returns.
    L::TABLE.find(record.state(), L::trigger(&record.spec, &act, now))?;
    let event = L::guard(record, &act, &Actor::Timer, now).ok()?;
    let name = format!("timer {} {}", due.rule.name, due.at.as_unix_ms());
    let next = append_with_following(record, event, &Actor::Timer, &CommandId::new(&name, &[]), now).ok()?;
    Some(PlannedTransition { next, deadline: DeadlineGuard::Equals(due.at), by_timer: true })
}

impl<L: Lifecycle> Record<L> {
    /// Returns the record as of `now`, with all due timers applied, whether or not they have fired.
    ///
    /// Readers see the record like this. Nothing is saved: reading never changes state.
    #[must_use]
    pub fn as_of(&self, now: Timestamp) -> Self {
        let mut current = self.clone();
        // A timer fires at most once for each state in which it is armed.
        let steps_max = L::TABLE.timers.iter().map(|rule| rule.armed_in.len()).sum();
        for _ in 0..steps_max {
            match fire_due_timer(&current, now) {
                Some(planned) => current = planned.next,
                None => break,
            }
        }
        current
    }
}
