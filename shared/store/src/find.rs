//! Lists of records by filter, with their bodies.
//!
//! The index follows the table within moments. Records that the index names are read from the table and left out if
//! they no longer match; a record written just now may be missing from the page and from the total.

use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use crate::bodies::RecordWithBody;
use crate::client::Store;
use crate::filters::Filter;
use crate::index_ranges::{Direction, IndexEntry};
use crate::item::list_position;
use crate::list_entries::{Total, Window};
use crate::lists::{Cursor, SeenRecords};
use handrail_platform::fault::Fault;

/// Largest offset of a list. A list reads all index entries up to its offset, so a cursor is the way further.
pub const LIST_OFFSET_MAX: usize = 10_000;
/// Entries that a list reads of each range at least: a list without more matches has an exact total even before they are
/// counted.
const ENTRIES_PER_RANGE_MIN: usize = 51;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

#[derive(Clone, Debug)]
pub struct PageRequest {
    pub limit: usize,
    /// Ignored if there is a cursor. A page beyond [`LIST_OFFSET_MAX`] is empty.
    pub offset: usize,
    /// Cursor that the previous page returned.
    pub cursor: Option<Cursor>,
    pub order: Order,
    /// Size at which the page ends early: specs and bodies, as JSON. A page always has room for one record.
    pub bytes_max: usize,
}

/// Page of matching records.
#[derive(Debug)]
pub struct FilterPage<L: Lifecycle> {
    /// Records as of the requested time, whether or not their due timers have fired.
    pub records: Vec<RecordWithBody<L>>,
    pub total: Total,
    pub next: Option<Cursor>,
}

impl Store {
    /// Returns a page of the tenant's matching records, in the order of creation.
    pub async fn find<L: Lifecycle>(
        &self,
        tenant: TenantId,
        filter: &Filter<L>,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<FilterPage<L>, Fault> {
        let after = page.cursor.as_ref().map(Cursor::index_position);
        let offset = if after.is_some() { 0 } else { page.offset };
        let list = filter.fingerprint(tenant, &[])?;
        let seen = page.cursor.as_ref().and_then(|cursor| cursor.seen_in(list)).unwrap_or(0);
        let window = Window {
            direction: page.order.direction(),
            after: after.as_deref(),
            seen,
            min_entries: (offset.min(LIST_OFFSET_MAX) + page.limit + 1).max(ENTRIES_PER_RANGE_MIN),
        };
        let listed = self.list_entries(tenant, filter, window, now).await?;
        let (entries, total) = (listed.entries, listed.total);
        let skipped = if offset > LIST_OFFSET_MAX { entries.len() } else { offset.min(entries.len()) };
        let page_entries = &entries[skipped..(skipped + page.limit).min(entries.len())];
        let has_more = skipped + page.limit < entries.len() || (listed.read_to.is_some() && !page_entries.is_empty());

        let mut matching = self.records_at::<L>(page_entries, now).await?;
        matching.retain(|head| filter.matches(&head.record));
        let (records, first_without_room) = self.read_bodies(matching, page.bytes_max).await?;
        let next = match first_without_room {
            // The last record that had room precedes the first that had none.
            Some(_) => records.last().map(|found| Cursor::after_record(&found.record)),
            None => page_entries.last().filter(|_| has_more).and_then(|last| Cursor::from_position(&last.position)),
        };
        let next = next.map(|next| next.with_seen(list, seen, &entries));
        Ok(FilterPage { records, total, next })
    }
}

impl Order {
    pub(super) fn direction(self) -> Direction {
        match self {
            Self::NewestFirst => Direction::NewestFirst,
            Self::OldestFirst => Direction::OldestFirst,
        }
    }
}

impl Cursor {
    pub(super) fn after_record<L: Lifecycle>(record: &Record<L>) -> Self {
        Self { created_at: record.created_at, id: record.id, seen: None }
    }

    pub(super) fn index_position(&self) -> String {
        list_position(self.created_at, self.id)
    }

    pub(super) fn from_position(position: &str) -> Option<Self> {
        let (ms, id) = position.split_once('#')?;
        Some(Self { created_at: Timestamp::from_unix_ms(ms.parse().ok()?), id: id.parse().ok()?, seen: None })
    }

    /// Returns the number of records up to this position, or `None` if the cursor comes from another list.
    pub(super) fn seen_in(&self, list: u32) -> Option<u64> {
        self.seen.filter(|seen| seen.list == list).map(|seen| seen.count)
    }

    /// Returns the cursor with the number of records up to it: those `before` these entries, and the entries up to it.
    fn with_seen(self, list: u32, before: u64, entries: &[IndexEntry]) -> Self {
        let position = self.index_position();
        let index = entries.iter().position(|entry| entry.position == position);
        let count = before + index.map_or(0, |index| index as u64 + 1);
        Self { seen: Some(SeenRecords { count, list }), ..self }
    }
}
