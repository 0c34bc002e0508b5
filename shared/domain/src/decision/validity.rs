//! Time in which an approval permits the action.

use super::approval_use;
use super::lifecycle::Decision;
use super::state_data::Phase;
use crate::record::Record;
use crate::time::Timestamp;

/// Returns the time from which an approval no longer permits the action. `None` if there is no approval, or no such time.
pub fn valid_until(record: &Record<Decision>) -> Option<Timestamp> {
    approval_use::valid_until(&record.spec, &record.state_data)
}

/// Returns `true` if the action may be done now: a modified action as its notes say, a scheduled one from its time on, and
/// one for a single use until it was used.
pub fn is_action_permitted(record: &Record<Decision>, now: Timestamp) -> bool {
    let has_begun = match &record.state_data.phase {
        Phase::Approved(_) | Phase::Modified(_) => true,
        Phase::Scheduled(approval) => approval.answer.execute_at.is_some_and(|at| now >= at),
        Phase::Pending | Phase::Escalated | Phase::Denied(_) | Phase::Expired(_) => false,
    };
    let is_spent = record.spec.single_use == Some(true) && record.state_data.consumption.is_some();
    has_begun && !is_spent && valid_until(record).is_none_or(|end| now < end)
}
