//! The feed of a tenant: all events of its records of one kind, numbered without gaps. Live events, the audit list and
//! the statistics are read from the feed.
//!
//! The stream worker appends through [`crate::kind_handler::follow_ups_with_feed`]; operations read through the store.
//! Guarantees: each event has one entry, however many processes append it; a reader of number n can see all lower
//! numbers; the events of one record are in order. Events of different records are not sorted by time.
//! See docs/decisions/0016-the-feed-is-numbered-by-its-writers.md.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use handrail_domain::account::Tier;
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::{EncodedLogEntry, LogEntry, Record};
use handrail_domain::totals::{Totals, TotalsDelta};
use serde_json::Value;

use handrail_context::cx::Cx;
use handrail_platform::fault::Fault;
use handrail_platform::notifier::ChangeNotifier;
use handrail_store::{AuditInfo, FeedEntry, FeedKey, FeedNumber, HeadKey, Item, state_data_of};

/// Attempts per event. Each lost race means that another process appended an entry; the stream delivers the event
/// again.
const ATTEMPTS_MAX: usize = 16;
/// The cache is cleared when full, because a cached tail only saves a read.
const CACHED_TAILS_MAX: usize = 1_000;
/// Tenants with live connections at one process: more than it has sockets for.
const CONNECTED_TENANTS_MAX: usize = 10_000;

/// Details that a door adds to a feed entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeedDetails {
    pub audit_info: Option<AuditInfo>,
    pub live_event: Option<Value>,
    pub claimed_after_ms: Option<i64>,
    pub completed_after_ms: Option<i64>,
    pub opens_checkpoint: bool,
}

/// Details of a feed entry, and the states before and after the event.
pub(crate) struct FeedUpdate {
    details: FeedDetails,
    from_state: Option<&'static str>,
    to_state: &'static str,
}

/// An event with the record as it was just after the event, without its log.
pub struct EventContext<'a, L: Lifecycle> {
    pub record: &'a Record<L>,
    /// State data before the event. `None` if the event created the record.
    pub previous_state_data: Option<&'a L::StateData>,
    pub entry: &'a LogEntry<L>,
}

/// Maps an event to its feed details. Returns `None` if the feed omits the event.
pub type FeedMapper<L> = fn(&EventContext<'_, L>) -> Option<FeedDetails>;

impl FeedUpdate {
    pub(crate) fn new<L: Lifecycle>(details: FeedDetails, event: &EventContext<'_, L>) -> Self {
        let name = |state_data: &L::StateData| L::state_name(L::state(state_data));
        Self { details, from_state: event.previous_state_data.map(name), to_state: name(&event.record.state_data) }
    }
}

/// Replay of a record: its state before the new events, and then after each of them.
pub(crate) struct RecordReplay<L: Lifecycle> {
    record: Record<L>,
    previous: Option<L::StateData>,
    current: Option<L::StateData>,
}

impl<L: Lifecycle> RecordReplay<L> {
    pub(crate) fn new(record: &Record<L>, old: Option<&Item>) -> Result<Self, Fault> {
        let current = old.map(state_data_of::<L>).transpose()?;
        Ok(Self { record: Record { log: Vec::new(), ..record.clone() }, previous: None, current })
    }

    pub(crate) fn apply<'a>(&'a mut self, log_entry: &'a EncodedLogEntry<L>) -> EventContext<'a, L> {
        let entry = &log_entry.entry;
        self.previous = self.current.take();
        self.record.state_data = L::apply(self.previous.as_ref(), entry);
        (self.record.seq, self.record.updated_at) = (entry.seq, entry.at);
        self.current = Some(self.record.state_data.clone());
        EventContext { record: &self.record, previous_state_data: self.previous.as_ref(), entry }
    }
}

/// Stores an event next to its record and appends it to the feed. Does nothing if the feed has the event already.
///
/// The event item stores the number first; then the entry is put under that number if it is free. A repeat finds the
/// number in the item and takes a new one only if another event has it, so no event gets two entries.
pub(crate) async fn append<L: Lifecycle>(
    cx: &Cx,
    key: HeadKey,
    log_entry: &EncodedLogEntry<L>,
    update: FeedUpdate,
) -> Result<(), Fault> {
    let feed = FeedKey { tenant: key.tenant, kind: L::KIND };
    let cache = cx.process_state::<FeedCache>();
    let tail_lock = cache.tail_lock(feed);
    // One append at a time in this process: concurrent ones would only compete for the same number.
    let mut tail = tail_lock.lock().await;
    let next = match &*tail {
        Some(known) => known.number + 1,
        None => tail.insert(FeedTail::read(cx, feed).await?).number + 1,
    };
    let seq = log_entry.entry.seq;
    let mut number = match cx.store.put_numbered_event(key, log_entry, next).await? {
        FeedNumber::Assigned => next,
        FeedNumber::AlreadyAssigned(Some(number)) => number,
        FeedNumber::AlreadyAssigned(None) => cx.store.renumber_event(key, seq, None, next).await?,
    };
    for _ in 0..ATTEMPTS_MAX {
        let before = match tail.take().filter(|known| known.number + 1 == number) {
            Some(known) => known,
            None => FeedTail::read(cx, feed).await?,
        };
        if number <= before.number {
            let existing =
                cx.store.feed_entry(feed, number).await?.ok_or_else(|| Fault::internal("a feed has a gap"))?;
            let next = before.number + 1;
            *tail = Some(before);
            if (existing.record, existing.seq) == (key.id, seq) {
                return Ok(());
            }
            number = cx.store.renumber_event(key, seq, Some(number), next).await?;
            continue;
        }
        if number > before.number + 1 {
            // An event item gets a number only after the entry before it exists.
            return Err(Fault::internal("a feed lost entries"));
        }
        let entry = FeedEntry {
            number,
            record: key.id,
            seq,
            at: log_entry.entry.at,
            latest_at: before.latest_at.map_or(log_entry.entry.at, |latest| log_entry.entry.at.max(latest)),
            event: log_entry.text.clone(),
            live_data: update.details.live_event.clone(),
            totals: before.totals.after(&update.totals_delta()),
        };
        if cx.store.put_feed_entry(feed, &entry, update.details.audit_info.as_ref()).await? {
            *tail = Some(FeedTail::from_entry(&entry));
            cache.notifier.notify(key.tenant);
            return Ok(());
        }
        // The number is taken: by another event, or by this one in an attempt with an unknown outcome.
    }
    Err(Fault::Busy("a tenant's feed is changed by other writers all the time".into()))
}

impl FeedUpdate {
    fn totals_delta(&self) -> TotalsDelta<'_> {
        let FeedDetails { audit_info, claimed_after_ms, completed_after_ms, opens_checkpoint, .. } = &self.details;
        TotalsDelta {
            from: self.from_state,
            to: self.to_state,
            by_action: audit_info.as_ref().map(|info| info.action),
            claimed_after_ms: *claimed_after_ms,
            completed_after_ms: *completed_after_ms,
            raises_checkpoint: *opens_checkpoint,
        }
    }
}

/// The newest entry of a feed, as far as the next entry depends on it.
#[derive(Clone, Debug, Default)]
struct FeedTail {
    number: u64,
    latest_at: Option<handrail_domain::time::Timestamp>,
    totals: Totals,
}

impl FeedTail {
    fn from_entry(entry: &FeedEntry) -> Self {
        Self { number: entry.number, latest_at: Some(entry.latest_at), totals: entry.totals.clone() }
    }

    async fn read(cx: &Cx, feed: FeedKey) -> Result<Self, Fault> {
        Ok(cx.store.newest_feed_entry(feed).await?.as_ref().map(Self::from_entry).unwrap_or_default())
    }
}

type TailLock = Arc<tokio::sync::Mutex<Option<FeedTail>>>;

/// State of the feeds in this process: the newest entries that it wrote, and its open live connections.
#[derive(Default)]
pub struct FeedCache {
    pub notifier: ChangeNotifier<TenantId>,
    /// At most [`CACHED_TAILS_MAX`].
    tail_locks: Mutex<HashMap<FeedKey, TailLock>>,
    /// Tenants that have a connection now, at most [`CONNECTED_TENANTS_MAX`].
    connections: Mutex<HashMap<TenantId, ConnectionCounts>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct ConnectionCounts {
    event_streams: usize,
    web_sockets: usize,
}

/// Transport of a live connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    EventStream,
    WebSocket,
}

impl FeedCache {
    fn tail_lock(&self, feed: FeedKey) -> TailLock {
        let mut locks = self.tail_locks.lock().unwrap_or_else(PoisonError::into_inner);
        if locks.len() >= CACHED_TAILS_MAX && !locks.contains_key(&feed) {
            locks.clear();
        }
        Arc::clone(locks.entry(feed).or_default())
    }

    /// Maximum number of live connections of a tenant at this process.
    pub const fn max_connections(tier: Tier) -> usize {
        match tier {
            Tier::Free => 1,
            Tier::Pro => 5,
            Tier::Scale => 25,
            // The published contract gives no number for this tier; one process must be able to serve them all.
            Tier::Enterprise => 100,
        }
    }

    /// Reserves a live connection. Returns `None` if the tenant or this process has reached its maximum.
    pub fn acquire(cx: &Cx, tenant: TenantId, tier: Tier, transport: Transport) -> Option<ConnectionPermit> {
        let cache = cx.process_state::<Self>();
        let mut connections = cache.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.len() >= CONNECTED_TENANTS_MAX && !connections.contains_key(&tenant) {
            return None;
        }
        let counts = connections.entry(tenant).or_default();
        if counts.event_streams + counts.web_sockets >= Self::max_connections(tier) {
            return None;
        }
        *counts.count_mut(transport) += 1;
        Some(ConnectionPermit { cx: cx.clone(), tenant, transport })
    }

    pub fn web_socket_count(&self, tenant: TenantId) -> usize {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.get(&tenant).map_or(0, |counts| counts.web_sockets)
    }
}

impl ConnectionCounts {
    fn count_mut(&mut self, transport: Transport) -> &mut usize {
        match transport {
            Transport::EventStream => &mut self.event_streams,
            Transport::WebSocket => &mut self.web_sockets,
        }
    }
}

/// A reserved live connection, released on drop.
pub struct ConnectionPermit {
    cx: Cx,
    tenant: TenantId,
    transport: Transport,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let cache = self.cx.process_state::<FeedCache>();
        let mut connections = cache.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = connections.get_mut(&self.tenant) {
            *counts.count_mut(self.transport) = counts.count_mut(self.transport).saturating_sub(1);
            if counts.event_streams + counts.web_sockets == 0 {
                connections.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::lifecycle::Lifecycle;
    use handrail_domain::packet::Packet;
    use handrail_domain::time::Timestamp;

    use super::*;

    #[test]
    fn cached_feed_tails_are_bounded() {
        let (cache, now) = (FeedCache::default(), Timestamp::from_unix_ms(1_790_000_000_000));
        for number in 0..3_000_u32 {
            let mut bytes = [0; 10];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            let feed = FeedKey { tenant: TenantId::new(now, bytes), kind: Packet::KIND };
            let lock = cache.tail_lock(feed);
            assert!(Arc::ptr_eq(&lock, &cache.tail_lock(feed)));
            assert!(cache.tail_locks.lock().unwrap().len() <= CACHED_TAILS_MAX);
        }
    }
}
