//! The journal of a tenant: all events of its records, of every kind that keeps one, numbered without gaps and chained
//! by hashes. Live events, audit lists and statistics are read from the journal.
//!
//! The stream worker appends through [`crate::kind::follow_ups_of`]; operations read through the store.
//! Guarantees: each event has one entry, however many processes append it; a reader of number n can see all lower
//! numbers; the events of one record are in order. Events of different records are not sorted by time.
//! See docs/decisions/0016-the-journal-is-numbered-by-its-writers.md and docs/decisions/0028-one-journal-for-every-kind.md.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use handrail_domain::ids::TenantId;
use handrail_domain::journal_row::{JournalHashes, JournalRow, StateChange};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::merkle_tree::MerkleTree;
use handrail_domain::record::{ChainHash, EncodedLogEntry, LogEntry, Record};
use handrail_domain::time::Timestamp;
use handrail_domain::totals::{Totals, TotalsDelta};
use serde_json::Value;

use handrail_context::cx::Cx;
use handrail_platform::fault::Fault;
use handrail_platform::notifier::ChangeNotifier;
use handrail_store::{AuditInfo, HeadKey, Item, JournalEntry, JournalNumber, state_data_of};

/// Attempts per event. Each lost race means that another process appended an entry; the stream delivers the event
/// again.
const ATTEMPTS_MAX: usize = 16;
/// The cache is cleared when full, because a cached tail only saves a read.
const CACHED_TAILS_MAX: usize = 1_000;

/// Details that a kind adds to a journal entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JournalDetails {
    pub audit_info: Option<AuditInfo>,
    pub live_event: Option<Value>,
    pub claimed_after_ms: Option<i64>,
    pub completed_after_ms: Option<i64>,
    pub opens_checkpoint: bool,
}

/// Details of a journal entry, and the states before and after the event.
pub(crate) struct JournalUpdate {
    details: JournalDetails,
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

/// Lists an event in the audit list under its own name and the label of its author. Live events do not show it.
pub fn audit_details<L: Lifecycle>(context: &EventContext<'_, L>) -> Option<JournalDetails> {
    let audit_info = AuditInfo { action: L::event_name(&context.entry.event), actor: context.entry.by.label() };
    Some(JournalDetails { audit_info: Some(audit_info), ..JournalDetails::default() })
}

/// Maps an event to its journal details. Returns `None` if the journal omits the event.
pub type JournalMapper<L> = fn(&EventContext<'_, L>) -> Option<JournalDetails>;

impl JournalUpdate {
    pub(crate) fn new<L: Lifecycle>(details: JournalDetails, event: &EventContext<'_, L>) -> Self {
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
        let (spec, state_data) = (record.spec.clone(), record.state_data.clone());
        Ok(Self { record: Record { spec, state_data, log: Vec::new(), ..*record }, previous: None, current })
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

/// Stores an event next to its record and appends it to the journal. Does nothing if the journal has the event already.
///
/// The event item stores the number first; then the entry is put under that number if it is free. A repeat finds the
/// number in the item and takes a new one only if another event has it, so no event gets two entries.
pub(crate) async fn append<L: Lifecycle>(
    cx: &Cx,
    key: HeadKey,
    log_entry: &EncodedLogEntry<L>,
    update: JournalUpdate,
) -> Result<(), Fault> {
    let tenant = key.tenant;
    let cache = cx.process_state::<JournalCache>();
    let tail_lock = cache.tail_lock(tenant);
    // One append at a time in this process: concurrent ones would only compete for the same number.
    let mut tail = tail_lock.lock().await;
    let next = match &*tail {
        Some(known) => known.number + 1,
        None => tail.insert(JournalTail::read(cx, tenant).await?).number + 1,
    };
    let seq = log_entry.entry.seq;
    let mut number = match cx.store.put_numbered_event(key, log_entry, next).await? {
        JournalNumber::Assigned => next,
        JournalNumber::AlreadyAssigned(Some(number)) => number,
        JournalNumber::AlreadyAssigned(None) => cx.store.renumber_event(key, seq, None, next).await?,
    };
    for _ in 0..ATTEMPTS_MAX {
        let before = match tail.take().filter(|known| known.number + 1 == number) {
            Some(known) => known,
            None => JournalTail::read(cx, tenant).await?,
        };
        if number <= before.number {
            let existing =
                cx.store.journal_entry(tenant, number).await?.ok_or_else(|| Fault::internal("a journal has a gap"))?;
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
            return Err(Fault::internal("a journal lost entries"));
        }
        let entry = before.next_entry(key, log_entry, &update);
        if cx.store.put_journal_entry(tenant, &entry, update.details.audit_info.as_ref()).await? {
            *tail = Some(JournalTail::from_entry(tenant, &entry, entry.tree.clone().unwrap_or_default()));
            cache.notifier.notify(tenant);
            return Ok(());
        }
        // The number is taken: by another event, or by this one in an attempt with an unknown outcome.
    }
    Err(Fault::Busy("a tenant's journal is changed by other writers all the time".into()))
}

impl JournalUpdate {
    fn totals_delta(&self) -> TotalsDelta<'_> {
        let JournalDetails { audit_info, claimed_after_ms, completed_after_ms, opens_checkpoint, .. } = &self.details;
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

/// The newest entry of a journal, as far as the next entry depends on it.
#[derive(Clone, Debug)]
struct JournalTail {
    number: u64,
    latest_at: Option<Timestamp>,
    hash: ChainHash,
    tree: MerkleTree,
    totals: BTreeMap<String, Totals>,
}

/// Returns the tree over the hashes of all chained entries up to this one. Only after an update from a version that kept
/// no tree does this read more than the entry.
pub async fn tree_up_to(cx: &Cx, tenant: TenantId, entry: &JournalEntry) -> Result<MerkleTree, Fault> {
    match &entry.tree {
        Some(tree) => return Ok(tree.clone()),
        // The chain begins after the entries without a hash, and so does the tree.
        None if entry.hashes.is_none() => return Ok(MerkleTree::default()),
        None => {}
    }
    let gap = cx.store.tree_gap(tenant, entry.number).await?;
    let mut tree = gap.tree;
    for hash in gap.hashes {
        tree.push(hash);
    }
    Ok(tree)
}

impl JournalTail {
    fn from_entry(tenant: TenantId, entry: &JournalEntry, tree: MerkleTree) -> Self {
        Self {
            number: entry.number,
            latest_at: Some(entry.latest_at),
            // The chain begins after the entries of the version that did not chain them.
            hash: entry.hashes.map_or_else(|| ChainHash::of_empty_journal(tenant), |hashes| hashes.own),
            tree,
            totals: entry.totals.clone(),
        }
    }

    async fn read(cx: &Cx, tenant: TenantId) -> Result<Self, Fault> {
        let Some(newest) = cx.store.newest_journal_entry(tenant).await? else { return Ok(Self::empty(tenant)) };
        let tree = tree_up_to(cx, tenant, &newest).await?;
        Ok(Self::from_entry(tenant, &newest, tree))
    }

    fn empty(tenant: TenantId) -> Self {
        let (hash, tree) = (ChainHash::of_empty_journal(tenant), MerkleTree::default());
        Self { number: 0, latest_at: None, hash, tree, totals: BTreeMap::new() }
    }

    fn next_entry<L: Lifecycle>(
        &self,
        key: HeadKey,
        log_entry: &EncodedLogEntry<L>,
        update: &JournalUpdate,
    ) -> JournalEntry {
        let (number, seq, at) = (self.number + 1, log_entry.entry.seq, log_entry.entry.at);
        let (kind, from, to) = (L::KIND, update.from_state, update.to_state);
        let record = key.id.to_string();
        let row = JournalRow { number, kind, record: &record, seq, from, to, entry: &log_entry.hashed().text };
        let hashes = JournalHashes { previous: self.hash, own: row.hash_after(self.hash) };
        let mut tree = self.tree.clone();
        tree.push(hashes.own);
        let mut totals = self.totals.clone();
        let of_kind = totals.entry(kind.to_owned()).or_default();
        *of_kind = of_kind.after(&update.totals_delta());
        JournalEntry {
            number,
            kind: kind.to_owned(),
            record: key.id,
            seq,
            at,
            latest_at: self.latest_at.map_or(at, |latest| at.max(latest)),
            event: log_entry.text.clone(),
            states: Some(StateChange { from: from.map(str::to_owned), to: to.to_owned() }),
            hashes: Some(hashes),
            tree: Some(tree),
            live_data: update.details.live_event.clone(),
            totals,
        }
    }
}

type TailLock = Arc<tokio::sync::Mutex<Option<JournalTail>>>;

/// State of the journals in this process.
#[derive(Default)]
pub struct JournalCache {
    /// Reports the tenants whose journals have new entries from this process.
    pub notifier: ChangeNotifier<TenantId>,
    /// Newest entries that this process knows, at most [`CACHED_TAILS_MAX`].
    tail_locks: Mutex<HashMap<TenantId, TailLock>>,
}

impl JournalCache {
    fn tail_lock(&self, tenant: TenantId) -> TailLock {
        let mut locks = self.tail_locks.lock().unwrap_or_else(PoisonError::into_inner);
        if locks.len() >= CACHED_TAILS_MAX && !locks.contains_key(&tenant) {
            locks.clear();
        }
        Arc::clone(locks.entry(tenant).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_journal_tails_are_bounded() {
        let (cache, now) = (JournalCache::default(), Timestamp::from_unix_ms(1_790_000_000_000));
        for number in 0..3_000_u32 {
            let mut bytes = [0; 10];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            let tenant = TenantId::new(now, bytes);
            let lock = cache.tail_lock(tenant);
            assert!(Arc::ptr_eq(&lock, &cache.tail_lock(tenant)));
            assert!(cache.tail_locks.lock().unwrap().len() <= CACHED_TAILS_MAX);
        }
    }
}
