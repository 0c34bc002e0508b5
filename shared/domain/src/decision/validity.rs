//! Time in which an approval permits the action.

use super::lifecycle::Decision;
use super::state_data::Phase;
use crate::record::Record;
use crate::time::Timestamp;

/// Returns the time from which an approval no longer permits the action. `None` if there is no approval, or no such time.
///
/// The time counts from the approval; of an approval for later, from the time for which it was given.
pub fn valid_until(record: &Record<Decision>) -> Option<Timestamp> {
    let (Phase::Approved(approval) | Phase::Modified(approval) | Phase::Scheduled(approval)) = &record.state_data.phase
    else {
        return None;
    };
    let from = approval.answer.execute_at.unwrap_or(approval.at);
    record.spec.valid_for_seconds.map(|seconds| from.plus_ms(i64::from(seconds) * 1_000))
}

/// Returns `true` if the action may be done now: a modified action as its notes say, a scheduled one from its time on.
pub fn is_action_permitted(record: &Record<Decision>, now: Timestamp) -> bool {
    let has_begun = match &record.state_data.phase {
        Phase::Approved(_) | Phase::Modified(_) => true,
        Phase::Scheduled(approval) => approval.answer.execute_at.is_some_and(|at| now >= at),
        Phase::Pending | Phase::Escalated | Phase::Denied(_) | Phase::Expired(_) => false,
    };
    has_begun && valid_until(record).is_none_or(|end| now < end)
}
