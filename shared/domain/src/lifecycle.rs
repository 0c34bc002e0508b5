//! A lifecycle is a table: which trigger leads from which state to which, by which event, and which timers run where.
//!
//! The table is the specification. Terminal states, armed timers and refusals are derived from it, so there is no second
//! place where the rules could say something else.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::actor::Actor;
use crate::effect::Effect;
use crate::ids::CommandId;
use crate::record::{ContentRef, Entry, Record};
use crate::time::Timestamp;

/// `trigger` in state `from` leads to `to`, explained by an event of this name.
#[derive(Clone, Copy, Debug)]
pub struct Row<S, T> {
    pub from: S,
    pub trigger: T,
    pub to: S,
    pub event: &'static str,
}

/// Runs while the record is in one of `armed_in`; when its deadline passes it raises `raises`.
#[derive(Clone, Copy, Debug)]
pub struct TimerRule<S: 'static, T> {
    pub name: &'static str,
    pub armed_in: &'static [S],
    pub raises: T,
}

#[derive(Clone, Copy, Debug)]
pub struct Table<S: 'static, T: 'static> {
    pub rows: &'static [Row<S, T>],
    pub timers: &'static [TimerRule<S, T>],
}

pub const fn row<S, T>(from: S, trigger: T, to: S, event: &'static str) -> Row<S, T> {
    Row { from, trigger, to, event }
}

impl<S: Copy + PartialEq, T: Copy + PartialEq> Table<S, T> {
    pub fn find(&self, from: S, trigger: T) -> Option<&'static Row<S, T>> {
        self.rows.iter().find(|row| row.from == from && row.trigger == trigger)
    }

    /// No row leads out of it.
    pub fn is_terminal(&self, state: S) -> bool {
        !self.rows.iter().any(|row| row.from == state)
    }

    /// Belongs to the clock and not to anybody who acts.
    pub fn is_raised_by_timer(&self, trigger: T) -> bool {
        self.timers.iter().any(|timer| timer.raises == trigger)
    }
}

/// What a kind of record brings so that the kernel can keep it.
pub trait Lifecycle: Sized + Clone + Debug + Send + Sync + 'static {
    /// Names the kind in the database. Never changed once used.
    const KIND: &'static str;
    const TABLE: Table<Self::State, Self::Trigger>;
    /// A record drops out of the table this long after it was made. `None`: never.
    const FORGOTTEN_AFTER_SECONDS: Option<i64> = None;

    type State: Copy + PartialEq + Debug + Send + Sync + 'static;
    type Trigger: Copy + PartialEq + Debug + Send + Sync + 'static;
    /// What was asked: immutable once made.
    type Ask: Serialize + DeserializeOwned + Clone + PartialEq + Debug + Send + Sync;
    /// Where the record stands: the state with the data that is true only in it.
    type Standing: Serialize + DeserializeOwned + Clone + PartialEq + Debug + Send + Sync;
    type Event: Serialize + DeserializeOwned + Clone + PartialEq + Debug + Send + Sync;
    /// What somebody wants to do to the record.
    type Act: Clone + Debug + Send + Sync;
    /// Why not: expected, typed, exhaustive.
    type Refusal: Debug + PartialEq + Send + Sync;

    fn state(standing: &Self::Standing) -> Self::State;
    fn state_name(state: Self::State) -> &'static str;
    fn event_name(event: &Self::Event) -> &'static str;
    /// What an act is at this moment: a time in the past is no appointment.
    fn trigger(ask: &Self::Ask, act: &Self::Act, now: Timestamp) -> Self::Trigger;

    /// The first event of a record.
    fn opening(ask: &Self::Ask) -> Self::Event;
    /// When this timer runs out. `None`: this record has no such timer, or not now.
    fn deadline(
        ask: &Self::Ask,
        standing: &Self::Standing,
        timer: &TimerRule<Self::State, Self::Trigger>,
    ) -> Option<Timestamp>;
    /// What the timer does when its deadline has passed.
    fn act_of_timer(timer: &TimerRule<Self::State, Self::Trigger>) -> Self::Act;

    /// The guards, in an order that is part of the published behaviour: the first that applies is the answer.
    ///
    /// Called only when the table has a row for this state and trigger; for a timer's trigger only when it is due.
    fn permit(
        record: &Record<Self>,
        act: &Self::Act,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Self::Event, Self::Refusal>;
    /// What to say when the table has no row, or only one for a timer that is not due.
    fn no_row(record: &Record<Self>, act: &Self::Act) -> Self::Refusal;

    /// The standing after an event. Folding all events of a record rebuilds it.
    fn after(before: Option<&Self::Standing>, entry: &Entry<Self>) -> Self::Standing;
    /// What follows from an event in the world.
    fn effects(ask: &Self::Ask, entry: &Entry<Self>) -> Vec<Effect>;
    /// The body that this standing refers to, for kinds whose content changes and lies beside the head.
    fn body(_standing: &Self::Standing) -> Option<&ContentRef> {
        None
    }
    /// What lists filter by, beside the state. All records of a kind have facets, or none has.
    fn facets(_record: &Record<Self>) -> Option<Facets> {
        None
    }
}

/// What lists of records filter by. They are written with the record, so that a list need not read what it leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facets {
    /// Who made it.
    pub source: String,
    /// Whose it is now.
    pub holder: String,
    pub priority: &'static str,
    pub tags: Vec<String>,
}

/// An act, by whom, and a name that its repeat would carry again.
#[derive(Clone, Debug)]
pub struct Command<L: Lifecycle> {
    pub id: CommandId,
    pub actor: Actor,
    pub act: L::Act,
}

/// What to write, decided but not yet true.
#[derive(Clone, Debug)]
pub struct Verdict<L: Lifecycle> {
    pub next: Record<L>,
    /// The condition on the record's deadline under which the write may happen.
    pub deadline: DeadlineGuard,
    /// The command itself, or a timer that had to settle before it?
    pub settles_first: bool,
}

/// Part of the write's condition, so that a slow process can't decide with an old clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadlineGuard {
    /// No deadline, or it lies after this moment.
    NotPassedAt(Timestamp),
    /// The deadline is still this one.
    StillAt(Timestamp),
}

/// Decides what a command does to a record at a moment. Pure: the same arguments give the same verdict.
///
/// A timer that is due settles first. So "approve" at or after the deadline finds an expired record even if no timer fired.
pub fn decide<L: Lifecycle>(
    record: &Record<L>,
    command: &Command<L>,
    now: Timestamp,
) -> Result<Verdict<L>, L::Refusal> {
    if let Some(verdict) = settle(record, now) {
        return Ok(verdict);
    }
    let trigger = L::trigger(&record.ask, &command.act, now);
    // What a timer raises nobody commands: if it were due, it would have settled just now.
    let row = L::TABLE.find(record.state(), trigger).filter(|_| !L::TABLE.is_raised_by_timer(trigger));
    let Some(row) = row else {
        return Err(L::no_row(record, &command.act));
    };
    let event = L::permit(record, &command.act, &command.actor, now)?;
    debug_assert_eq!(row.event, L::event_name(&event), "the table names the event");
    Ok(Verdict {
        next: record.with(event, command.actor.clone(), command.id.clone(), now),
        deadline: DeadlineGuard::NotPassedAt(now),
        settles_first: false,
    })
}

/// What the timers that are due at this moment do to the record, one at a time.
pub fn settle<L: Lifecycle>(record: &Record<L>, now: Timestamp) -> Option<Verdict<L>> {
    let due = record.due().filter(|due| due.at <= now)?;
    let act = L::act_of_timer(due.rule);
    // A timer is armed only where the table has a row for it (a test holds that), and no guard speaks against time.
    L::TABLE.find(record.state(), L::trigger(&record.ask, &act, now))?;
    let event = L::permit(record, &act, &Actor::Timer, now).ok()?;
    let name = format!("timer {} {}", due.rule.name, due.at.as_unix_ms());
    Some(Verdict {
        next: record.with(event, Actor::Timer, CommandId::new(&name, &[]), now),
        deadline: DeadlineGuard::StillAt(due.at),
        settles_first: true,
    })
}
