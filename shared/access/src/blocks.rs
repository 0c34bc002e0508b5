//! Blocks of rate limits that this process has reserved. Used requests are reported with the next reservation.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Up to this limit requests are reserved one by one, which keeps the limit exact for any number of processes.
const EXACT_LIMIT_MAX: u32 = 100;
/// A block of a larger limit is at most this fraction of the limit, and no more than the process has used in the
/// window. So new processes don't reserve requests that they never use.
const BLOCKS_PER_WINDOW: u32 = 20;
/// Limits that a process remembers. Beyond this number it forgets those whose window is over, then all that no request
/// is using: their reserved requests stay unused, and what they counted for a month's usage is lost.
const CACHED_LIMITS_MAX: usize = 10_000;

/// Window of a rate limit, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct LimitWindow {
    pub(super) limit: u32,
    pub(super) starts_at: i64,
    pub(super) ends_at: i64,
    /// `true` if the requests count as monthly usage, which is reported with the next reservation.
    pub(super) is_reported: bool,
}

#[derive(Default)]
pub(super) struct BlockCache {
    blocks: Mutex<HashMap<String, BlockState>>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct BlockState {
    pub(super) window: i64,
    ends_at: i64,
    is_reported: bool,
    pub(super) remaining: u32,
    /// Requests that this process has used in the window.
    used: u32,
    /// Requests used and not yet reported to the table.
    pub(super) unreported: u32,
    /// Window of the unreported requests. They count for its month.
    pub(super) used_in_window: i64,
    /// Requests of this window that no process had reserved at this process's last reservation.
    pub(super) unreserved: u32,
    /// Reservations of this process in flight.
    pending: u32,
}

impl BlockState {
    /// Uses up to `count` reserved requests, and returns how many were left to use.
    fn use_up_to(&mut self, count: u32) -> u32 {
        let used = self.remaining.min(count);
        self.remaining -= used;
        self.used += used;
        self.report(used);
        used
    }

    fn report(&mut self, used: u32) {
        if self.is_reported {
            self.unreported += used;
        }
    }
}

/// A reservation in flight. Ends on drop, also when the request is cancelled meanwhile.
pub(super) struct PendingBlock<'a> {
    cache: &'a BlockCache,
    name: &'a str,
    window: LimitWindow,
    /// Requests that the reservation has to cover.
    missing: u32,
    pub(super) block: u32,
    /// Earlier requests that are reported with the reservation.
    pub(super) unreported: u32,
    pub(super) used_in_window: i64,
}

impl BlockCache {
    /// Uses reserved requests of this window. Returns how many were used and, if they are fewer than `count`, the
    /// reservation to make for the rest.
    pub(super) fn count_requests<'a>(
        &'a self,
        name: &'a str,
        window: LimitWindow,
        count: u32,
    ) -> (u32, Option<PendingBlock<'a>>) {
        let limit = window.limit;
        let mut blocks = lock(&self.blocks);
        if blocks.len() >= CACHED_LIMITS_MAX && !blocks.contains_key(name) {
            make_room(&mut blocks, window.starts_at);
        }
        let state = blocks.entry(name.to_owned()).or_default();
        if state.window != window.starts_at {
            (state.window, state.remaining, state.used, state.unreserved) = (window.starts_at, 0, 0, limit);
        }
        (state.ends_at, state.is_reported) = (window.ends_at, window.is_reported);
        let used = state.use_up_to(count);
        let missing = count - used;
        if missing == 0 {
            return (used, None);
        }
        // Only the first of concurrent requests reserves a block. If each did, they would exhaust the limit without
        // using the blocks, and the last would be refused.
        let alone = limit <= EXACT_LIMIT_MAX || state.pending > 0;
        state.pending += 1;
        let block = if alone { 1 } else { state.used.clamp(1, limit / BLOCKS_PER_WINDOW) };
        let pending = PendingBlock {
            cache: self,
            name,
            window,
            missing,
            // The store begins a window with any block, so a block must not exceed the limit.
            block: block.max(missing.min(limit)),
            unreported: std::mem::take(&mut state.unreported),
            used_in_window: state.used_in_window,
        };
        (used, Some(pending))
    }

    /// Forgets a limit, unless a request is reserving a block of it.
    pub(super) fn forget(&self, name: &str) {
        let mut blocks = lock(&self.blocks);
        if blocks.get(name).is_some_and(|state| state.pending == 0) {
            blocks.remove(name);
        }
    }

    pub(super) fn state_of(&self, name: &str) -> Option<BlockState> {
        lock(&self.blocks).get(name).copied()
    }
}

/// Removes limits, so that the map does not grow beyond [`CACHED_LIMITS_MAX`] and the requests that are being counted.
fn make_room(blocks: &mut HashMap<String, BlockState>, now: i64) {
    blocks.retain(|_, state| state.pending > 0 || state.unreported > 0 || state.ends_at > now);
    if blocks.len() >= CACHED_LIMITS_MAX {
        blocks.retain(|_, state| state.pending > 0);
    }
}

impl PendingBlock<'_> {
    /// Records a granted block, and returns how many of the missing requests it covers. The rest of the block is valid
    /// in the window only.
    pub(super) fn record_granted(self, block_size: u32, total_reserved: u32) -> u32 {
        let used = block_size.min(self.missing);
        let mut blocks = lock(&self.cache.blocks);
        let state = self.state_in(&mut blocks);
        if state.window == self.window.starts_at {
            state.remaining += block_size - used;
            state.used += used;
            state.unreserved = state.unreserved.min(self.window.limit.saturating_sub(total_reserved));
        }
        state.report(used);
        state.used_in_window = self.window.starts_at;
        used
    }

    /// Records that the window is exhausted. Returns how many of the missing requests can use a block that another
    /// request of this process reserved meanwhile.
    pub(super) fn record_exhausted(self) -> u32 {
        let mut blocks = lock(&self.cache.blocks);
        let state = self.state_in(&mut blocks);
        state.unreported += self.unreported;
        state.used_in_window = state.used_in_window.max(self.used_in_window);
        if state.window != self.window.starts_at {
            return 0;
        }
        state.unreserved = 0;
        state.use_up_to(self.missing)
    }

    fn state_in<'b>(&self, blocks: &'b mut MutexGuard<'_, HashMap<String, BlockState>>) -> &'b mut BlockState {
        blocks.entry(self.name.to_owned()).or_default()
    }
}

impl Drop for PendingBlock<'_> {
    fn drop(&mut self) {
        if let Some(state) = lock(&self.cache.blocks).get_mut(self.name) {
            state.pending = state.pending.saturating_sub(1);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held left plain data behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u32 = 600;

    fn window(limit: u32, starts_at: i64) -> LimitWindow {
        LimitWindow { limit, starts_at, ends_at: starts_at + 60, is_reported: true }
    }

    fn begin_block(cache: &BlockCache) -> PendingBlock<'_> {
        cache.count_requests("calls", window(LIMIT, 0), 1).1.expect("no request is reserved")
    }

    #[test]
    fn concurrent_requests_reserve_one_block() {
        let cache = BlockCache::default();
        for total in 1..=10 {
            begin_block(&cache).record_granted(1, total);
        }
        let (first, second) = (begin_block(&cache), begin_block(&cache));
        assert_eq!((first.block, second.block), (10, 1));
        // The table refuses the second reservation, because the first took the rest.
        first.record_granted(2, LIMIT);
        assert_eq!(second.record_exhausted(), 1);
        assert_eq!(begin_block(&cache).record_exhausted(), 0);
    }

    #[test]
    fn several_requests_use_rest_and_one_block() {
        let cache = BlockCache::default();
        begin_block(&cache).record_granted(4, 4);
        let (used, pending) = cache.count_requests("calls", window(LIMIT, 0), 50);
        let pending = pending.expect("three requests are reserved");
        assert_eq!((used, pending.block), (3, 47));
        assert_eq!(pending.record_granted(20, 24), 20);
        let (used, pending) = cache.count_requests("calls", window(40, 60), 50);
        assert_eq!((used, pending.map(|pending| pending.block)), (0, Some(40)));
    }

    #[test]
    fn cached_limits_are_bounded() {
        let cache = BlockCache::default();
        let count = |name: &str, window| {
            if let (_, Some(pending)) = cache.count_requests(name, window, 1) {
                pending.record_granted(1, 1);
            }
        };
        let (_, in_flight) = cache.count_requests("in flight", window(LIMIT, 0), 1);
        for number in 0..3 * CACHED_LIMITS_MAX {
            count(&format!("of one window {number}"), window(LIMIT, 0));
            assert!(lock(&cache.blocks).len() <= CACHED_LIMITS_MAX);
        }
        assert!(cache.state_of("in flight").is_some());
        drop(in_flight);
        let short_lived = |starts_at| LimitWindow { is_reported: false, ..window(LIMIT, starts_at) };
        let cache = BlockCache::default();
        let count = |name: &str, window| {
            if let (_, Some(pending)) = cache.count_requests(name, window, 1) {
                pending.record_granted(1, 1);
            }
        };
        count("reported", window(LIMIT, 0));
        for number in 1..CACHED_LIMITS_MAX {
            count(&format!("over {number}"), short_lived(0));
        }
        count("of the next window", short_lived(60));
        assert_eq!(lock(&cache.blocks).len(), 2, "limits with usage to report stay");
        cache.forget("reported");
        assert!(cache.state_of("reported").is_none());
    }

    #[test]
    fn dropped_request_releases_its_pending_block() {
        let cache = BlockCache::default();
        for total in 1..=10 {
            begin_block(&cache).record_granted(1, total);
        }
        drop(begin_block(&cache));
        assert_eq!(begin_block(&cache).block, 10);
    }
}
