//! Groups of deliveries that may have a due message, with the earliest time of one.
//!
//! Kept in memory, so that the worker loop reads only the queues of groups that have work. A group is forgotten only after
//! its queue was read and found empty, and every new message marks its group again. So there is at most one entry for
//! each webhook, and one for the callbacks of each tenant, of those that have messages in the queue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use handrail_domain::time::Timestamp;
use handrail_effects::DeliveryGroup;

#[derive(Clone, Default)]
pub(crate) struct DueGroups(Arc<Mutex<HashMap<DeliveryGroup, Timestamp>>>);

impl DueGroups {
    /// Notes that a message of the group is due at this time, or earlier.
    pub(crate) fn mark(&self, group: DeliveryGroup, at: Timestamp) {
        let mut groups = self.lock();
        let earliest = groups.entry(group).or_insert(at);
        *earliest = at.min(*earliest);
    }

    /// Forgets the group. Called before its queue is read, so that a message that is queued meanwhile is not missed.
    pub(crate) fn clear(&self, group: DeliveryGroup) {
        self.lock().remove(&group);
    }

    pub(crate) fn all(&self) -> Vec<(DeliveryGroup, Timestamp)> {
        self.lock().iter().map(|(group, at)| (*group, *at)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeliveryGroup, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
