//! Lifecycle tables: the transitions of a record kind with their events, and the timers armed in each state.
//!
//! The table is the specification. Terminal states, armed timers and refusals are derived from the table, so no other
//! code can contradict it.

/// Transition from state `from` to state `to` by `trigger`, recorded as an event named `event`.
#[derive(Clone, Copy, Debug)]
pub struct Row<S, T> {
    pub from: S,
    pub trigger: T,
    pub to: S,
    pub event: &'static str,
}

/// Timer that runs while the record is in one of the states `armed_in` and raises the trigger `raises` at its deadline.
#[derive(Clone, Copy, Debug)]
pub struct TimerRule<S: 'static, T> {
    pub name: &'static str,
    pub armed_in: &'static [S],
    pub raises: T,
}

/// Transitions and timers of a record kind.
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

    /// Returns `true` if no row leads to another state. Events may follow that leave the state as it is.
    pub fn is_terminal(&self, state: S) -> bool {
        self.rows.iter().all(|row| row.from != state || row.to == state)
    }

    /// Returns `true` if a timer raises `trigger`, so that no caller can command it.
    pub fn is_raised_by_timer(&self, trigger: T) -> bool {
        self.timers.iter().any(|timer| timer.raises == trigger)
    }
}
