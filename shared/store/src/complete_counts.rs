//! Memory of a process: the tenants whose counts of records are complete.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Tenants of which a process remembers that their counts are complete. Forgetting one costs a read.
const REMEMBERED_TENANTS_MAX: usize = 10_000;

/// Tenants and kinds whose counts are complete. Counts that are complete stay so.
#[derive(Debug, Default)]
pub(crate) struct CompleteCounts(Mutex<HashSet<String>>);

impl CompleteCounts {
    pub(crate) fn contains(&self, partition: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(partition)
    }

    pub(crate) fn insert(&self, partition: String) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_TENANTS_MAX {
            known.clear();
        }
        known.insert(partition);
    }
}
