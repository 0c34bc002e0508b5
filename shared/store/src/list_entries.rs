//! Entries of a list with their total: from the counts and partitions of a single filter, or by reading the index.
//!
//! A list with a single filter reads the partitions of that filter as far as its page goes, and its total is the count
//! that is kept. Every other list reads all partitions that may hold a match, and counts to [`COUNTED_MAX`].

use futures_util::future::{try_join, try_join_all};
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::time::Timestamp;

use crate::client::Store;
use crate::filters::{Filter, SingleFilter};
use crate::index_ranges::{CountLimits, Direction, IndexEntry, IndexRange, RangeCount, RangePage, ReadOptions, merge};
use crate::item::{HEAD, HeadKey, list_position};
use crate::listed_records::PositionedRecord;
use handrail_platform::fault::Fault;

/// Number of queries on one range at most, to fill a page.
const QUERIES_PER_PAGE_MAX: usize = 1_000;
/// Number to which matches are counted that no count is kept of.
pub(super) const COUNTED_MAX: u64 = 1_000;
/// Number of queries of such a count on one range: the index entries of at least ten thousand records.
const QUERIES_PER_COUNT_MAX: usize = 10;
/// Overdue records of one shard up to which a list by state reads them. More of them mean that the timers are behind;
/// the list then reads the index.
const OVERDUE_PER_SHARD_MAX: i32 = 100;

/// Number of matching records on all pages of a list together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    pub count: u64,
    /// `true`: there may be more.
    pub is_minimum: bool,
}

/// Part of a list to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    pub direction: Direction,
    /// Position after which to start.
    pub after: Option<&'a str>,
    /// Matches up to that position, as far as known.
    pub seen: u64,
    pub min_entries: usize,
}

#[derive(Debug)]
pub(super) struct ListEntries {
    pub entries: Vec<IndexEntry>,
    /// Position to which the list was read. `None`: to its end.
    pub read_to: Option<String>,
    pub total: Total,
}

/// Entries of a list with a single filter.
struct SingleRead {
    entries: Vec<IndexEntry>,
    read_to: Option<String>,
    /// Difference between the matches now and those that are counted: a passed deadline has moved some.
    correction: i64,
}

impl Store {
    pub(super) async fn list_entries<L: Lifecycle>(
        &self,
        tenant: TenantId,
        filter: &Filter<L>,
        window: Window<'_>,
        now: Timestamp,
    ) -> Result<ListEntries, Fault> {
        let Some(single) = filter.single() else { return self.scan_entries(tenant, filter, window, now).await };
        let counted = single.counted_filters();
        let count = self.kept_count::<L>(tenant, &counted);
        let read = self.read_single(tenant, &single, window, now);
        let (count, read) = match self.has_complete_counts::<L>(tenant) {
            true => try_join(count, read).await?,
            false => match count.await? {
                Some(count) => (Some(count), read.await?),
                None => (None, None),
            },
        };
        let (Some(count), Some(SingleRead { entries, read_to, correction })) = (count, read) else {
            return self.scan_entries(tenant, filter, window, now).await;
        };
        let found = window.seen + entries.len() as u64;
        let count = match (window.after, &read_to) {
            (None, None) => found,
            // The counts follow the records within moments.
            _ => count.saturating_add_signed(correction).max(found),
        };
        Ok(ListEntries { entries, read_to, total: Total { count, is_minimum: false } })
    }

    /// Reads the partitions of a single filter. Returns `None` if many records are overdue.
    async fn read_single<L: Lifecycle>(
        &self,
        tenant: TenantId,
        filter: &SingleFilter<L>,
        window: Window<'_>,
        now: Timestamp,
    ) -> Result<Option<SingleRead>, Fault> {
        let ranges = filter.index_ranges(tenant, now);
        let reads = try_join_all(ranges.iter().map(|range| self.read_range(range, window.read_options())));
        let SingleFilter::States(states) = filter else {
            let (entries, read_to) = merge(reads.await?, window.direction);
            return Ok(Some(SingleRead { entries, read_to, correction: 0 }));
        };
        let (mut reads, overdue) = try_join(reads, self.overdue_of_tenant::<L>(tenant, now)).await?;
        let Some(overdue) = overdue else { return Ok(None) };
        let (mut entries, mut correction) = (Vec::new(), 0);
        for PositionedRecord { record, stored_state, .. } in overdue {
            let matches = states.contains(&record.state());
            correction += i64::from(matches) - i64::from(states.contains(&stored_state));
            let position = list_position(record.created_at, record.id);
            if matches && window.is_ahead(&position) {
                let key = HeadKey { tenant, id: record.id };
                entries.push(IndexEntry { position, key, sk: HEAD.to_owned() });
            }
        }
        reads.push(RangePage { entries, next_key: None, last_scanned: None });
        let (mut entries, read_to) = merge(reads, window.direction);
        // The indexes follow the table one after the other, so an entry may be in both.
        entries.dedup_by_key(|entry| entry.key);
        Ok(Some(SingleRead { entries, read_to, correction }))
    }

    /// Returns the tenant's records whose deadline has passed and whose timer has not fired yet, or `None` if they are
    /// too many.
    async fn overdue_of_tenant<L: Lifecycle>(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Option<Vec<PositionedRecord<L>>>, Fault> {
        let overdue = self.overdue_keys(now, OVERDUE_PER_SHARD_MAX).await?;
        if !overdue.are_all {
            return Ok(None);
        }
        let own = overdue.keys.into_iter().filter(|key| key.tenant == tenant);
        let entries: Vec<IndexEntry> =
            own.map(|key| IndexEntry { position: String::new(), key, sk: HEAD.to_owned() }).collect();
        match entries.is_empty() {
            true => Ok(Some(Vec::new())),
            false => self.records_at(&entries, now).await.map(Some),
        }
    }

    /// Returns the number of matching records, by reading the index to its end.
    pub async fn count_matching<L: Lifecycle>(
        &self,
        tenant: TenantId,
        filter: &Filter<L>,
        now: Timestamp,
    ) -> Result<u64, Fault> {
        let limits = CountLimits { count_max: u64::from(u32::MAX), queries_max: QUERIES_PER_PAGE_MAX };
        let ranges = filter.index_ranges(tenant, now);
        let counts = ranges.iter().map(|range| self.count_range(range, Direction::NewestFirst, None, limits));
        Ok(try_join_all(counts).await?.iter().map(|range| range.count).sum())
    }

    /// Reads and counts the entries of any filter.
    async fn scan_entries<L: Lifecycle>(
        &self,
        tenant: TenantId,
        filter: &Filter<L>,
        window: Window<'_>,
        now: Timestamp,
    ) -> Result<ListEntries, Fault> {
        let ranges = filter.index_ranges(tenant, now);
        let reads = try_join_all(ranges.iter().map(|range| self.read_and_count(range, window))).await?;
        let (reads, counts): (Vec<RangePage>, Vec<RangeCount>) = reads.into_iter().unzip();
        let (entries, read_to) = merge(reads, window.direction);
        let counted: u64 = counts.iter().map(|range| range.count).sum();
        let found = window.seen + entries.len() as u64;
        let total = if window.after.is_none() && read_to.is_none() {
            Total { count: found, is_minimum: false }
        } else if counted > COUNTED_MAX || counts.iter().any(|range| !range.is_complete) {
            Total { count: counted.min(COUNTED_MAX).max(found), is_minimum: true }
        } else {
            Total { count: counted.max(found), is_minimum: false }
        };
        Ok(ListEntries { entries, read_to, total })
    }

    /// Reads the beginning of a range, and counts its entries before and after as well.
    async fn read_and_count(&self, range: &IndexRange, window: Window<'_>) -> Result<(RangePage, RangeCount), Fault> {
        let limits = CountLimits { count_max: COUNTED_MAX, queries_max: QUERIES_PER_COUNT_MAX };
        let complete = |count| RangeCount { count, is_complete: true };
        let before = async {
            match window.after.and_then(|after| range.before(after, window.direction)) {
                Some(before) => self.count_range(&before, window.direction, None, limits).await,
                None => Ok(complete(0)),
            }
        };
        let read_and_count_rest = async {
            let read = self.read_range(range, window.read_options()).await?;
            let rest = match &read.next_key {
                None => complete(0),
                Some(_) if read.entries.len() as u64 > COUNTED_MAX => RangeCount::default(),
                Some(next_key) => self.count_range(range, window.direction, Some(next_key.clone()), limits).await?,
            };
            Ok((read, rest))
        };
        let (before, (read, rest)) = try_join(before, read_and_count_rest).await?;
        let count = before.count + read.entries.len() as u64 + rest.count;
        Ok((read, RangeCount { count, is_complete: before.is_complete && rest.is_complete }))
    }
}

impl<'a> Window<'a> {
    fn read_options(self) -> ReadOptions<'a> {
        let Self { direction, after, min_entries, .. } = self;
        ReadOptions { direction, after, min_entries, queries_max: QUERIES_PER_PAGE_MAX }
    }

    fn is_ahead(self, position: &str) -> bool {
        self.after.is_none_or(|after| match self.direction {
            Direction::NewestFirst => position < after,
            Direction::OldestFirst => position > after,
        })
    }
}
