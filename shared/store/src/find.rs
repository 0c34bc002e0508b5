//! Lists of records by filter, with their bodies. The page and the total come from queries on the index.
//!
//! The index follows the table within moments. Records that the index names are read from the table and left out if
//! they no longer match; a record written just now may be missing from the page and from the total.

use std::collections::{HashMap, HashSet};

use futures_util::future::{try_join, try_join_all};
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use crate::attributes::{Item, ReadItem, json};
use crate::bodies::{RecordWithBody, read_body};
use crate::body_chunks::other_chunk_keys;
use crate::client::Store;
use crate::filters::Filter;
use crate::index_ranges::{Direction, IndexEntry, IndexRange, RangePage, ReadOptions, merge};
use crate::item::{HEAD, HeadKey, SpecSource, body_key_of, list_position, read_head, separate_spec_key};
use crate::item_ops::item_key;
use crate::lists::Cursor;
use handrail_platform::fault::Fault;

/// Number of queries on one range at most: counting four million records takes a minute, longer than a client waits.
const MAX_QUERIES_PER_RANGE: usize = 1_000;
/// Largest offset at which the page is read while the total is counted. With a larger one the total is counted first,
/// because there may be no such page.
const OFFSET_BEFORE_COUNTING_MAX: usize = 10_000;
/// Number of bodies read in one batch: a batch takes 100 keys, and a body may have four chunks.
const BODIES_BATCH_SIZE: usize = 25;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

#[derive(Clone, Debug)]
pub struct PageRequest {
    pub limit: usize,
    /// Ignored if there is a cursor.
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
    /// Number of matching records on all pages together.
    pub total: u64,
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
        let ranges = filter.index_ranges(tenant, now);
        let direction = page.order.direction();
        let after = page.cursor.as_ref().map(Cursor::index_position);
        let offset = if after.is_some() { 0 } else { page.offset };
        if offset > OFFSET_BEFORE_COUNTING_MAX {
            let counts = ranges.iter().map(|range| self.count_all_entries(range, direction, None));
            let total = try_join_all(counts).await?.into_iter().sum();
            if offset as u64 >= total {
                return Ok(FilterPage { records: Vec::new(), total, next: None });
            }
        }
        let min_entries = offset.saturating_add(page.limit).saturating_add(1);
        let options =
            ReadOptions { direction, after: after.as_deref(), min_entries, queries_max: MAX_QUERIES_PER_RANGE };
        let reads = ranges.iter().map(|range| self.read_and_count(range, options));
        let (reads, counts): (Vec<RangePage>, Vec<u64>) = try_join_all(reads).await?.into_iter().unzip();
        let total = counts.into_iter().sum();
        let (entries, read_to) = merge(reads, direction);
        let has_more = read_to.is_some() || entries.len() > offset.saturating_add(page.limit);
        let page_entries: Vec<IndexEntry> = entries.into_iter().skip(offset).take(page.limit).collect();

        let mut matching = self.records_at::<L>(&page_entries, now).await?;
        matching.retain(|head| filter.matches(&head.record));
        let (records, first_without_room) = self.read_bodies(matching, page.bytes_max).await?;
        let next = match first_without_room {
            // The last record that had room precedes the first that had none.
            Some(_) => records.last().map(|found| Cursor::after_record(&found.record)),
            None => page_entries.last().filter(|_| has_more).and_then(|last| Cursor::from_position(&last.position)),
        };
        Ok(FilterPage { records, total, next })
    }

    /// Reads the beginning of a range and counts all its entries.
    async fn read_and_count(&self, range: &IndexRange, options: ReadOptions<'_>) -> Result<(RangePage, u64), Fault> {
        let before = async {
            match options.after.and_then(|after| range.before(after, options.direction)) {
                Some(before) => self.count_all_entries(&before, options.direction, None).await,
                None => Ok(0),
            }
        };
        let read_and_count_rest = async {
            let read = self.read_range(range, options).await?;
            let rest = match &read.next_key {
                Some(next_key) => self.count_all_entries(range, options.direction, Some(next_key.clone())).await?,
                None => 0,
            };
            let count = read.entries.len() as u64 + rest;
            Ok((read, count))
        };
        let (before, (read, count)) = try_join(before, read_and_count_rest).await?;
        Ok((read, before + count))
    }

    async fn count_all_entries(
        &self,
        range: &IndexRange,
        direction: Direction,
        start: Option<Item>,
    ) -> Result<u64, Fault> {
        let count = self.count_range(range, direction, start, MAX_QUERIES_PER_RANGE).await?;
        count.ok_or_else(|| Fault::Busy("there are too many records to count".into()))
    }

    /// Reads the records of these index entries, in their order. Deleted records are left out.
    ///
    /// An entry may belong to a body; the record is then left out unless its head still names that body.
    pub(super) async fn records_at<L: Lifecycle>(
        &self,
        entries: &[IndexEntry],
        now: Timestamp,
    ) -> Result<Vec<PositionedRecord<L>>, Fault> {
        // A record may have entries for two versions of its body, but a batch takes no key twice.
        let keys: HashSet<HeadKey> = entries.iter().map(|entry| entry.key).collect();
        let heads = self.batch_get(keys.iter().map(|key| item_key(key.pk(), HEAD)).collect()).await?;
        let mut heads = group_by_record(heads)?;
        let spec_keys =
            heads.iter().filter_map(|(key, items)| Some(item_key(key.pk(), separate_spec_key(items.first()?)?)));
        for (key, specs) in group_by_record(self.batch_get(spec_keys.collect()).await?)? {
            heads.entry(key).or_default().extend(specs);
        }
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(items) = heads.get(&entry.key) else { continue };
            let Some(head) = items.first() else { continue };
            let body_sk = body_key_of(head).map(str::to_owned);
            if entry.sk != HEAD && body_sk.as_deref() != Some(entry.sk.as_str()) {
                continue;
            }
            let record = read_head::<L>(head, SpecSource::Items(items))?;
            records.push(PositionedRecord { position: entry.position.clone(), record: record.as_of(now), body_sk });
        }
        Ok(records)
    }

    /// Reads the bodies of these records, as many as have room. Also returns the position of the first record without
    /// room.
    pub(super) async fn read_bodies<L: Lifecycle>(
        &self,
        heads: Vec<PositionedRecord<L>>,
        bytes_max: usize,
    ) -> Result<(Vec<RecordWithBody<L>>, Option<String>), Fault> {
        let (mut bytes, mut selected, mut first_without_room) = (0, Vec::with_capacity(heads.len()), None);
        for head in heads {
            // The record gives the size of its body, so a body without room is not read.
            let body =
                L::body(&head.record.state_data).map_or(0, |body| usize::try_from(body.bytes).unwrap_or(usize::MAX));
            bytes += json(&head.record.spec)?.len().saturating_add(body);
            if bytes > bytes_max && !selected.is_empty() {
                first_without_room = Some(head.position);
                break;
            }
            selected.push(head);
        }
        let mut records = Vec::with_capacity(selected.len());
        let mut heads = selected.into_iter().peekable();
        while heads.peek().is_some() {
            let batch: Vec<PositionedRecord<L>> = heads.by_ref().take(BODIES_BATCH_SIZE).collect();
            let keys = batch.iter().filter_map(|head| Some((head.head_key(), head.body_sk.as_deref()?)));
            let keys = keys.flat_map(|(key, sk)| {
                let other_chunks = other_chunk_keys(sk).into_iter().map(move |sk| item_key(key.pk(), sk));
                std::iter::once(item_key(key.pk(), sk)).chain(other_chunks)
            });
            let mut bodies = group_by_record(self.batch_get(keys.collect()).await?)?;
            for head in batch {
                let items = bodies.remove(&head.head_key()).unwrap_or_default();
                let body = read_body(&head.record, head.body_sk.as_deref(), &items)?;
                records.push(RecordWithBody { record: head.record, body });
            }
        }
        Ok((records, first_without_room))
    }
}

/// Record with its position in the index.
pub(super) struct PositionedRecord<L: Lifecycle> {
    pub position: String,
    pub record: Record<L>,
    body_sk: Option<String>,
}

impl<L: Lifecycle> PositionedRecord<L> {
    fn head_key(&self) -> HeadKey {
        HeadKey { tenant: self.record.tenant, id: self.record.id }
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
        Self { created_at: record.created_at, id: record.id }
    }

    pub(super) fn index_position(&self) -> String {
        list_position(self.created_at, self.id)
    }

    pub(super) fn from_position(position: &str) -> Option<Self> {
        let (ms, id) = position.split_once('#')?;
        Some(Self { created_at: Timestamp::from_unix_ms(ms.parse().ok()?), id: id.parse().ok()? })
    }
}

fn group_by_record(items: Vec<Item>) -> Result<HashMap<HeadKey, Vec<Item>>, Fault> {
    let mut found: HashMap<HeadKey, Vec<Item>> = HashMap::new();
    for item in items {
        let key = HeadKey::parse(item.text("pk")?).ok_or_else(|| Fault::internal("an item has no record's key"))?;
        found.entry(key).or_default().push(item);
    }
    Ok(found)
}
