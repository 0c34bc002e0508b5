//! Totals over the events of a journal.
//!
//! Each journal entry stores the totals up to its event. So the newest entry has the tenant's statistics, and no records
//! need to be counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Totals over all events of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Number of records in each state. A deadline that has passed counts only once its timer has fired.
    #[serde(default)]
    pub states: BTreeMap<String, u64>,
    /// Number of events of each action, under the name in the published history.
    #[serde(rename = "told", default)]
    pub by_action: BTreeMap<String, u64>,
    /// Ages of records when they were claimed.
    #[serde(default)]
    pub claims: DurationTotal,
    /// Ages of records when they were completed.
    #[serde(default)]
    pub completions: DurationTotal,
    /// Number of checkpoints that were opened.
    #[serde(default)]
    pub checkpoints: u64,
}

/// Number and sum of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurationTotal {
    pub count: u64,
    pub ms: u64,
}

/// Increment of the totals by one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TotalsDelta<'a> {
    /// State before the event, or `None` if the event created the record.
    pub from: Option<&'a str>,
    pub to: &'a str,
    pub by_action: Option<&'a str>,
    /// Age of the record, if the event is a claim.
    pub claimed_after_ms: Option<i64>,
    /// Age of the record, if the event is a completion.
    pub completed_after_ms: Option<i64>,
    pub raises_checkpoint: bool,
}

impl Totals {
    /// Returns the totals with one more event.
    #[must_use]
    pub fn after(&self, delta: &TotalsDelta<'_>) -> Self {
        let mut next = self.clone();
        if delta.from != Some(delta.to) {
            // The journal may have begun after the record was created, so the count of its former state may be 0.
            if let Some(before) = delta.from.and_then(|from| next.states.get_mut(from)) {
                *before = before.saturating_sub(1);
            }
            *next.states.entry(delta.to.to_owned()).or_default() += 1;
        }
        if let Some(action) = delta.by_action {
            *next.by_action.entry(action.to_owned()).or_default() += 1;
        }
        next.claims.add(delta.claimed_after_ms);
        next.completions.add(delta.completed_after_ms);
        next.checkpoints += u64::from(delta.raises_checkpoint);
        next
    }

    pub fn in_state(&self, state: &str) -> u64 {
        self.states.get(state).copied().unwrap_or(0)
    }

    pub fn count_of_action(&self, name: &str) -> u64 {
        self.by_action.get(name).copied().unwrap_or(0)
    }

    /// Number of all records ever created.
    pub fn records(&self) -> u64 {
        self.states.values().sum()
    }
}

impl DurationTotal {
    fn add(&mut self, ms: Option<i64>) {
        if let Some(ms) = ms {
            self.count += 1;
            self.ms = self.ms.saturating_add(u64::try_from(ms).unwrap_or(0));
        }
    }

    /// Returns the average, or `None` if there are no durations yet.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a hundred thousand years are exact in a double")]
    pub fn average_seconds(self) -> Option<f64> {
        (self.count > 0).then(|| self.ms as f64 / self.count as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_counts_in_its_current_state_only() {
        let created = TotalsDelta { to: "created", by_action: Some("created"), ..TotalsDelta::default() };
        let claimed = TotalsDelta {
            from: Some("created"),
            to: "claimed",
            by_action: Some("claimed"),
            claimed_after_ms: Some(1_500),
            ..TotalsDelta::default()
        };
        let edited = TotalsDelta { from: Some("claimed"), to: "claimed", ..TotalsDelta::default() };
        let totals = [&created, &created, &claimed, &edited]
            .into_iter()
            .fold(Totals::default(), |totals, delta| totals.after(delta));
        assert_eq!((totals.in_state("created"), totals.in_state("claimed"), totals.records()), (1, 1, 2));
        assert_eq!(
            (totals.count_of_action("created"), totals.count_of_action("claimed"), totals.count_of_action("failed")),
            (2, 1, 0)
        );
        assert_eq!(totals.claims.average_seconds(), Some(1.5));
        assert_eq!(totals.completions.average_seconds(), None);
    }

    #[test]
    fn unknown_former_state_is_not_decremented() {
        let failed = TotalsDelta { from: Some("created"), to: "failed", ..TotalsDelta::default() };
        let totals = Totals::default().after(&failed);
        assert_eq!((totals.in_state("created"), totals.in_state("failed")), (0, 1));
    }

    #[test]
    fn totals_without_fields_are_read_as_zero() {
        assert_eq!(serde_json::from_str::<Totals>("{}").unwrap(), Totals::default());
    }
}
