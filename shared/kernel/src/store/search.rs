//! Records by the words of their bodies. What it promises and what it costs: docs/decisions/0014-search-by-words.md.
//!
//! Beside each body lie the hashes of its words, in a part of the index `by_facet`. DynamoDB compares them; the record then
//! says whether that body still counts and whether the rest of the filter fits.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::time::Timestamp;
use handrail_domain::words::Words;
use sha2::{Digest, Sha256};

use super::Store;
use super::bodies::Whole;
use super::facets::{Filter, words_partition_of};
use super::find::{HeadAt, Page};
use super::item::LIST_SHARDS;
use super::lists::ListingCursor;
use super::strands::{BY_FACET, Condition, Position, Reach, Strand, merge};
use crate::fault::Fault;

/// That one of the 6,000 words of a body is taken for one of 16 that are asked for happens once in 3·10⁹ bodies.
const HASH_BYTES: usize = 6;
/// An answer of the index holds 1 MB: about a thousand bodies of ordinary length.
const QUERIES_OF_A_STRAND_MAX: usize = 32;
/// So many records are looked at for one page. Behind them the search goes on with the cursor.
const CANDIDATES_MAX: usize = 2_000;
const CANDIDATES_AT_ONCE: usize = 100;

/// One page of what a search found, newest first.
#[derive(Debug)]
pub struct Hits<L: Lifecycle> {
    /// As they are at the moment that was asked about.
    pub records: Vec<Whole<L>>,
    /// `None`: everything was searched.
    pub next: Option<ListingCursor>,
}

pub(super) fn word_hash(word: &str) -> Vec<u8> {
    Sha256::digest(word)[..HASH_BYTES].to_vec()
}

impl Store {
    /// The tenant's records whose body has all these words and that fit.
    ///
    /// A page may hold fewer than its limit and still have a next one, where few of many candidates fit.
    pub async fn search<L: Lifecycle>(
        &self,
        tenant: TenantId,
        words: &Words,
        filter: &Filter<L>,
        page: &Page,
        now: Timestamp,
    ) -> Result<Hits<L>, Fault> {
        if words.is_empty() || page.limit == 0 {
            return Ok(Hits { records: Vec::new(), next: None });
        }
        let direction = page.order.direction();
        let after = page.after.as_ref().map(ListingCursor::position);
        let offset = if after.is_some() { 0 } else { page.offset };
        let reach =
            Reach { direction, after: after.as_deref(), need: CANDIDATES_MAX, queries_max: QUERIES_OF_A_STRAND_MAX };
        let strands = strands_of(tenant, words, filter);
        let reads = try_join_all(strands.iter().map(|strand| self.read_strand(strand, reach))).await?;
        let (candidates, horizon) = merge(reads, direction);

        let enough = offset.saturating_add(page.limit).saturating_add(1);
        let mut fitting: Vec<HeadAt<L>> = Vec::new();
        let mut looked_at = 0;
        let candidates = &candidates[..candidates.len().min(CANDIDATES_MAX)];
        for some in candidates.chunks(CANDIDATES_AT_ONCE) {
            let mut heads = self.heads_at::<L>(some, now).await?;
            heads.retain(|head| filter.fits(&head.record));
            fitting.extend(heads);
            looked_at += some.len();
            if fitting.len() >= enough {
                break;
            }
        }
        // What is behind this was not looked at.
        let searched_to = match looked_at {
            CANDIDATES_MAX => candidates.last().map(|last: &Position| last.at.clone()),
            _ => horizon,
        };
        let mut wanted: Vec<HeadAt<L>> = fitting.into_iter().skip(offset).collect();
        let more = wanted.len() > page.limit;
        wanted.truncate(page.limit);
        let last = wanted.last().map(|head| head.at.clone());
        let (records, stopped_before) = self.with_bodies(wanted, page.bytes_max).await?;
        let next = match (stopped_before, more) {
            (Some(_), _) => records.last().map(|whole| ListingCursor::behind(&whole.record)),
            (None, true) => last.and_then(|last| ListingCursor::at_position(&last)),
            (None, false) => searched_to.and_then(|at| ListingCursor::at_position(&at)),
        };
        Ok(Hits { records, next })
    }
}

fn strands_of<L: Lifecycle>(tenant: TenantId, words: &Words, filter: &Filter<L>) -> Vec<Strand> {
    let Some((from, to)) = filter.range() else { return Vec::new() };
    let mut condition = Condition::default();
    for (at, word) in words.iter().enumerate() {
        let value = condition.value(&format!("word{at}"), AttributeValue::B(Blob::new(word_hash(word))));
        condition.require(format!("contains(#facet_words, {value})"), &["facet_words"]);
    }
    let strand = |shard| Strand {
        index: BY_FACET,
        partition: words_partition_of::<L>(tenant, shard),
        from: from.clone(),
        to: to.clone(),
        condition: condition.clone(),
    };
    (0..LIST_SHARDS).map(strand).collect()
}
