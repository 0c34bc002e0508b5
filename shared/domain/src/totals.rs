//! What the events of a feed come to: figures that grow by one event at a time, so that a tenant's statistics are in its
//! newest entry and nobody counts records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many records are in each state. By events written: a deadline that passed counts once its timer has run.
    #[serde(default)]
    pub states: BTreeMap<String, u64>,
    /// How many events there were of each name that the door's history tells.
    #[serde(default)]
    pub told: BTreeMap<String, u64>,
    #[serde(default)]
    pub claims: Spans,
    #[serde(default)]
    pub completions: Spans,
    /// How often a record began to wait for a person.
    #[serde(default)]
    pub checkpoints: u64,
}

/// So many times, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spans {
    pub count: u64,
    pub ms: u64,
}

/// What one event adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step<'a> {
    /// `None`: the record was made by it.
    pub from: Option<&'a str>,
    pub to: &'a str,
    pub told: Option<&'a str>,
    /// How old the record was when it was claimed, or completed, if this did that.
    pub claimed_after_ms: Option<i64>,
    pub completed_after_ms: Option<i64>,
    pub raises_checkpoint: bool,
}

impl Totals {
    /// With one event more.
    #[must_use]
    pub fn after(&self, step: &Step<'_>) -> Self {
        let mut next = self.clone();
        if step.from != Some(step.to) {
            // An event before the feed's first was never added, and is not taken away.
            if let Some(before) = step.from.and_then(|from| next.states.get_mut(from)) {
                *before = before.saturating_sub(1);
            }
            *next.states.entry(step.to.to_owned()).or_default() += 1;
        }
        if let Some(told) = step.told {
            *next.told.entry(told.to_owned()).or_default() += 1;
        }
        next.claims.add(step.claimed_after_ms);
        next.completions.add(step.completed_after_ms);
        next.checkpoints += u64::from(step.raises_checkpoint);
        next
    }

    pub fn in_state(&self, state: &str) -> u64 {
        self.states.get(state).copied().unwrap_or(0)
    }

    pub fn told_as(&self, name: &str) -> u64 {
        self.told.get(name).copied().unwrap_or(0)
    }

    /// All records there ever were.
    pub fn records(&self) -> u64 {
        self.states.values().sum()
    }
}

impl Spans {
    fn add(&mut self, ms: Option<i64>) {
        if let Some(ms) = ms {
            self.count += 1;
            self.ms = self.ms.saturating_add(u64::try_from(ms).unwrap_or(0));
        }
    }

    /// `None`: there was none yet.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a hundred thousand years are exact in a double")]
    pub fn average_seconds(self) -> Option<f64> {
        (self.count > 0).then(|| self.ms as f64 / self.count as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_in_one_state_at_a_time() {
        let made = Step { to: "created", told: Some("created"), ..Step::default() };
        let claimed = Step {
            from: Some("created"),
            to: "claimed",
            told: Some("claimed"),
            claimed_after_ms: Some(1_500),
            ..Step::default()
        };
        let edited = Step { from: Some("claimed"), to: "claimed", ..Step::default() };
        let totals =
            [&made, &made, &claimed, &edited].into_iter().fold(Totals::default(), |totals, step| totals.after(step));
        assert_eq!((totals.in_state("created"), totals.in_state("claimed"), totals.records()), (1, 1, 2));
        assert_eq!((totals.told_as("created"), totals.told_as("claimed"), totals.told_as("failed")), (2, 1, 0));
        assert_eq!(totals.claims.average_seconds(), Some(1.5));
        assert_eq!(totals.completions.average_seconds(), None);
    }

    #[test]
    fn what_was_never_added_is_not_taken_away() {
        let moved = Step { from: Some("created"), to: "failed", ..Step::default() };
        let totals = Totals::default().after(&moved);
        assert_eq!((totals.in_state("created"), totals.in_state("failed")), (0, 1));
    }

    #[test]
    fn totals_that_an_older_program_wrote_are_read() {
        assert_eq!(serde_json::from_str::<Totals>("{}").unwrap(), Totals::default());
    }
}
