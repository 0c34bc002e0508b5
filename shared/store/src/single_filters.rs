//! Single filters: each way in which a list can filter by one thing, as text such as `source=planner`.
//!
//! A single filter names a count of the tenant and, except for the state, a partition of the index `by_state`. So a list
//! with one filter reads neither other records nor all of its own. The head itself has the entry of its holder, which
//! changes; the filters that never change have an item each beside the head, a label.

use handrail_domain::ids::{RecordId, TenantId, hex};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use sha2::{Digest, Sha256};

use crate::attributes::{Item, s};
use crate::item::{HeadKey, LIST_SHARDS, list_partition, list_position};

/// Longest value that the index stores as it is. A longer one is stored as its digest, which is longer than this
/// limit, so the two can't be confused.
const FILTER_VALUE_BYTES_MAX: usize = 64;
/// Prefix of a label's sort key.
const LABEL_SK_PREFIX: &str = "label#";

/// Attribute of a head whose labels are written.
pub(super) const LABELED_ATTRIBUTE: &str = "labeled";

/// The filter that every record matches.
pub(super) const ALL: &str = "all";

pub(super) fn state_filter(state: &str) -> String {
    format!("state={state}")
}

pub(super) fn source_filter(source: &str) -> String {
    format!("source={}", filter_value(source))
}

pub(super) fn holder_filter(holder: &str) -> String {
    format!("holder={}", filter_value(holder))
}

pub(super) fn priority_filter(priority: &str) -> String {
    format!("priority={}", filter_value(priority))
}

pub(super) fn tag_filter(tag: &str) -> String {
    format!("tag={}", filter_value(tag))
}

pub(super) fn filter_value(value: &str) -> String {
    if value.len() <= FILTER_VALUE_BYTES_MAX {
        return value.to_owned();
    }
    format!("sha256:{}", hex(&Sha256::digest(value)))
}

/// Returns the single filters that the record matches, sorted. Empty for a kind without filter fields.
pub(super) fn matching_filters<L: Lifecycle>(record: &Record<L>) -> Vec<String> {
    let Some(fields) = L::filter_fields(record) else { return Vec::new() };
    let mut filters = immutable_filters(record);
    filters.extend([ALL.to_owned(), state_filter(L::state_name(record.state())), holder_filter(&fields.holder)]);
    filters.sort_unstable();
    filters
}

/// Returns the filters that the record matches from its creation on for ever.
fn immutable_filters<L: Lifecycle>(record: &Record<L>) -> Vec<String> {
    let Some(fields) = L::filter_fields(record) else { return Vec::new() };
    let mut filters = vec![source_filter(&fields.source), priority_filter(fields.priority)];
    // An empty tag can't be filtered by.
    filters.extend(fields.tags.iter().filter(|tag| !tag.is_empty()).map(|tag| tag_filter(tag)));
    filters.sort_unstable();
    filters.dedup();
    filters
}

/// Returns the partition of `by_state` that lists the records of this filter.
pub(super) fn filter_partition(tenant: TenantId, kind: &str, filter: &str, shard: u8) -> String {
    list_partition(tenant, kind, Some(filter), shard)
}

/// Returns the index partition of a head, which lists the record under its holder, or `None` for a kind without filter
/// fields.
pub(super) fn holder_partition<L: Lifecycle>(record: &Record<L>) -> Option<String> {
    let fields = L::filter_fields(record)?;
    Some(filter_partition(record.tenant, L::KIND, &holder_filter(&fields.holder), shard_of(record.id)))
}

/// Returns the labels of a record: one for each filter that never changes. Empty for a kind without filter fields.
pub(super) fn labels<L: Lifecycle>(record: &Record<L>) -> Vec<Item> {
    let pk = HeadKey { tenant: record.tenant, id: record.id }.pk();
    let position = list_position(record.created_at, record.id);
    let label = |filter: String| {
        let partition = filter_partition(record.tenant, L::KIND, &filter, shard_of(record.id));
        Item::from([
            ("pk".to_owned(), pk.clone()),
            ("sk".to_owned(), s(format!("{LABEL_SK_PREFIX}{filter}"))),
            ("state_pk".to_owned(), s(partition)),
            ("state_sk".to_owned(), s(&position)),
        ])
    };
    immutable_filters(record).into_iter().map(label).collect()
}

pub(super) fn is_label(sk: &str) -> bool {
    sk.starts_with(LABEL_SK_PREFIX)
}

/// Returns the shard of a record in lists and in counts.
pub(super) fn shard_of(id: RecordId) -> u8 {
    id.shard(LIST_SHARDS)
}
