//! Search of records by the terms of their bodies. Its guarantees and costs: docs/decisions/0014-search-by-words.md.
//!
//! The index `by_facet` holds the hashes of each body's terms, which DynamoDB compares. The record then shows whether
//! that body is current and whether the rest of the filter matches.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::search_terms::SearchTerms;
use handrail_domain::time::Timestamp;

use crate::bodies::RecordWithBody;
use crate::client::Store;
use crate::filters::{Filter, search_terms_partition_of_shard};
use crate::find::PageRequest;
use crate::index_ranges::{BY_FACET, Condition, IndexEntry, IndexRange, ReadOptions, merge};
use crate::item::LIST_SHARDS;
use crate::list_entries::{COUNTED_MAX, Total};
use crate::listed_records::PositionedRecord;
use crate::lists::{Cursor, SeenRecords};
use crate::term_hash::term_hash;
use handrail_platform::fault::Fault;

/// Number of queries on one range at most. A query of the index returns 1 MB, about a thousand bodies of ordinary
/// length.
const MAX_QUERIES_PER_RANGE: usize = 32;
/// Number of records that are checked for one page. The search continues after them with the cursor.
const CANDIDATES_MAX: usize = 2_000;
const CANDIDATES_BATCH_SIZE: usize = 100;

/// Page of matching records.
#[derive(Debug)]
pub struct SearchPage<L: Lifecycle> {
    /// Records as of the requested time.
    pub records: Vec<RecordWithBody<L>>,
    /// Counted to a thousand.
    pub total: Total,
    /// `None`: everything was searched.
    pub next: Option<Cursor>,
}

impl Store {
    /// Returns the tenant's records whose body has all these terms and that match the filter.
    ///
    /// A page may have fewer records than its limit and still have a next one, if few of many candidates match.
    pub async fn search<L: Lifecycle>(
        &self,
        tenant: TenantId,
        terms: &SearchTerms,
        filter: &Filter<L>,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<SearchPage<L>, Fault> {
        if terms.is_empty() || page.limit == 0 {
            return Ok(SearchPage { records: Vec::new(), total: Total { count: 0, is_minimum: false }, next: None });
        }
        let direction = page.order.direction();
        let after = page.cursor.as_ref().map(Cursor::index_position);
        let offset = if after.is_some() { 0 } else { page.offset };
        let options = ReadOptions {
            direction,
            after: after.as_deref(),
            min_entries: CANDIDATES_MAX,
            queries_max: MAX_QUERIES_PER_RANGE,
        };
        let ranges = index_ranges_of(tenant, terms, filter);
        let reads = try_join_all(ranges.iter().map(|range| self.read_range(range, options))).await?;
        let (candidates, read_to) = merge(reads, direction);

        let list = filter.fingerprint(tenant, &terms.iter().collect::<Vec<_>>())?;
        let seen_before = page.cursor.as_ref().map_or(Some(0), |cursor| cursor.seen_in(list));
        let seen = seen_before.unwrap_or(0);
        let enough = offset.saturating_add(page.limit).saturating_add(1);
        let mut matching: Vec<PositionedRecord<L>> = Vec::new();
        let (mut checked, mut hits) = (0, 0_u64);
        let candidates = &candidates[..candidates.len().min(CANDIDATES_MAX)];
        for batch in candidates.chunks(CANDIDATES_BATCH_SIZE) {
            let mut heads = self.records_at::<L>(batch, now).await?;
            heads.retain(|head| filter.matches(&head.record));
            hits += heads.len() as u64;
            // Further hits are counted only.
            heads.truncate(enough - matching.len());
            matching.extend(heads);
            checked += batch.len();
            if matching.len() >= enough && seen + hits > COUNTED_MAX {
                break;
            }
        }
        // Records after this position were not checked.
        let searched_to = match checked {
            CANDIDATES_MAX => candidates.last().map(|last: &IndexEntry| last.position.clone()),
            _ => read_to,
        };
        let found = seen + matching.len() as u64;
        // A cursor of another list does not say how many hits are before it.
        let is_whole = searched_to.is_none() && seen + hits <= COUNTED_MAX && seen_before.is_some();
        let count = if is_whole { seen + hits } else { (seen + hits).min(COUNTED_MAX).max(found) };
        let total = Total { count, is_minimum: !is_whole };
        let skipped = offset.min(matching.len()) as u64;
        let mut selected: Vec<PositionedRecord<L>> = matching.into_iter().skip(offset).collect();
        let has_more = selected.len() > page.limit;
        selected.truncate(page.limit);
        let last = selected.last().map(|head| head.position.clone());
        let (records, first_without_room) = self.read_bodies(selected, page.bytes_max).await?;
        let up_to_page = SeenRecords { count: seen + skipped + records.len() as u64, list };
        let next = match (first_without_room, has_more) {
            (Some(_), _) => records.last().map(|found| Cursor::after_record(&found.record)),
            (None, true) => last.and_then(|last| Cursor::from_position(&last)),
            (None, false) => searched_to.and_then(|at| Cursor::from_position(&at)),
        };
        let next = next.map(|next| Cursor { seen: Some(up_to_page), ..next });
        Ok(SearchPage { records, total, next })
    }
}

fn index_ranges_of<L: Lifecycle>(tenant: TenantId, terms: &SearchTerms, filter: &Filter<L>) -> Vec<IndexRange> {
    let Some((from, to)) = filter.position_range() else { return Vec::new() };
    let mut condition = Condition::default();
    for (index, term) in terms.iter().enumerate() {
        let value = condition.add_value(&format!("word{index}"), AttributeValue::B(Blob::new(term_hash(term))));
        condition.require(format!("contains(#facet_words, {value})"), &["facet_words"]);
    }
    let range = |shard| IndexRange {
        index: BY_FACET,
        partition: search_terms_partition_of_shard::<L>(tenant, shard),
        from: from.clone(),
        to: to.clone(),
        condition: condition.clone(),
    };
    (0..LIST_SHARDS).map(range).collect()
}
