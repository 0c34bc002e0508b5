//! What this process holds of each budget: leased in blocks, spent one by one, booked with the next lease.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use super::{Allowance, lock};

/// Up to this limit every request is leased alone, so the limit is exact to the request whatever the number of processes.
const EXACT_UP_TO: u32 = 100;
/// Of a larger budget a process leases as much as it has spent in this window, so that many processes that just began do
/// not hold among them what none of them needs; and at most a twentieth at once.
const BLOCKS_PER_WINDOW: u32 = 20;
const BUDGETS_REMEMBERED_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Leases {
    budgets: Mutex<HashMap<String, Leased>>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Leased {
    pub(super) window: i64,
    pub(super) left: u32,
    /// In this window by this process.
    spent: u32,
    /// Spent and not yet booked.
    pub(super) unbooked: u32,
    /// The window in which those were spent: they count for its month.
    pub(super) spent_in: i64,
    /// What nobody had leased of this window when this process leased last.
    pub(super) beyond: u32,
    /// Leases that this process is asking for now.
    asked: u32,
}

impl Leased {
    /// Whether one was left to be spent.
    fn spend(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.spent += 1;
        self.unbooked += 1;
        true
    }
}

/// A lease that is being asked for, until this is dropped: also where nobody waits for its answer any more.
pub(super) struct Asking<'a> {
    leases: &'a Leases,
    name: &'a str,
    window: i64,
    limit: u32,
    pub(super) block: u32,
    /// Spent before, to be booked on the way.
    pub(super) unbooked: u32,
    pub(super) spent_in: i64,
}

impl Leases {
    /// Spends one that is held in this window, or else says what to ask for.
    pub(super) fn spend<'a>(&'a self, allowance: &'a Allowance, window: i64) -> Option<Asking<'a>> {
        let limit = allowance.limit;
        let mut budgets = lock(&self.budgets);
        if budgets.len() >= BUDGETS_REMEMBERED_MAX {
            budgets.retain(|_, leased| leased.window == window || leased.unbooked > 0);
        }
        let leased = budgets.entry(allowance.name.clone()).or_default();
        if leased.window != window {
            (leased.window, leased.left, leased.spent, leased.beyond) = (window, 0, 0, limit);
        }
        if leased.spend() {
            return None;
        }
        // Of many that come at once only the first asks for a block. If each did, they would hold a budget among them
        // that none of them needs, and the last would be refused.
        let alone = limit <= EXACT_UP_TO || leased.asked > 0;
        leased.asked += 1;
        Some(Asking {
            leases: self,
            name: &allowance.name,
            window,
            limit,
            block: if alone { 1 } else { leased.spent.clamp(1, limit / BLOCKS_PER_WINDOW) },
            unbooked: std::mem::take(&mut leased.unbooked),
            spent_in: leased.spent_in,
        })
    }

    pub(super) fn of(&self, name: &str) -> Option<Leased> {
        lock(&self.budgets).get(name).copied()
    }
}

impl Asking<'_> {
    /// The first of the block is this request. The rest belongs to the window it was leased for.
    pub(super) fn granted(self, block: u32, of_all: u32) {
        let mut budgets = lock(&self.leases.budgets);
        let leased = self.of(&mut budgets);
        if leased.window == self.window {
            leased.left += block.saturating_sub(1);
            leased.spent += 1;
            leased.beyond = leased.beyond.min(self.limit.saturating_sub(of_all));
        }
        leased.unbooked += 1;
        leased.spent_in = self.window;
    }

    /// Nobody can lease any more in this window. Whether there is one for this request all the same: of what another
    /// request of this process leased meanwhile.
    pub(super) fn refused(self) -> bool {
        let mut budgets = lock(&self.leases.budgets);
        let leased = self.of(&mut budgets);
        leased.unbooked += self.unbooked;
        leased.spent_in = leased.spent_in.max(self.spent_in);
        if leased.window != self.window {
            return false;
        }
        leased.beyond = 0;
        leased.spend()
    }

    fn of<'b>(&self, budgets: &'b mut MutexGuard<'_, HashMap<String, Leased>>) -> &'b mut Leased {
        budgets.entry(self.name.to_owned()).or_default()
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(leased) = lock(&self.leases.budgets).get_mut(self.name) {
            leased.asked = leased.asked.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u32 = 600;

    fn ask<'a>(leases: &'a Leases, allowance: &'a Allowance) -> Asking<'a> {
        leases.spend(allowance, 0).expect("nothing is held")
    }

    #[test]
    fn of_many_that_come_at_once_one_asks_for_a_block() {
        let (leases, allowance) = (Leases::default(), Allowance::passing("calls".to_owned(), LIMIT, 60));
        for leased in 1..=10 {
            ask(&leases, &allowance).granted(1, leased);
        }
        let (first, second) = (ask(&leases, &allowance), ask(&leases, &allowance));
        assert_eq!((first.block, second.block), (10, 1));
        // Refused by the table, as the first has leased what there was.
        first.granted(2, LIMIT);
        assert!(second.refused());
        assert!(!ask(&leases, &allowance).refused());
    }

    #[test]
    fn who_hangs_up_stands_in_nobodys_way() {
        let (leases, allowance) = (Leases::default(), Allowance::passing("calls".to_owned(), LIMIT, 60));
        for leased in 1..=10 {
            ask(&leases, &allowance).granted(1, leased);
        }
        drop(ask(&leases, &allowance));
        assert_eq!(ask(&leases, &allowance).block, 10);
    }
}
