//! Bodies that are too large for one item, split into chunks. The first chunk has the sort key that a head names; the
//! other chunks have sort keys that reading a record skips.
//!
//! The sort key of the first chunk says how many chunks there are and contains a digest of them all. So the other keys
//! are computed, and chunks of two versions are never mixed.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use handrail_domain::ids::{RecordId, TenantId, hex};
use sha2::{Digest, Sha256};

use crate::attributes::{Item, ReadItem, s};
use crate::client::Store;
use crate::item::{BODY_SK_PREFIX, HeadKey};
use handrail_platform::fault::Fault;

/// Largest chunk. An item holds 400 KB, and the first chunk shares its item with the hashes of up to 6,000 search
/// terms, 42 KB.
const CHUNK_BYTES_MAX: usize = 340 * 1024;
/// Number of chunks at most: the largest packet has 1 MB, and compression adds at most a thousandth.
const CHUNKS_MAX: usize = 4;
/// Largest packed body.
pub const BODY_PACKED_BYTES_MAX: usize = CHUNKS_MAX * CHUNK_BYTES_MAX;

const CHUNK_SK_PREFIX: &str = "part#";
/// Number of queries that read the other chunks at most. A query returns 1 MB, about the size of all of them together.
const QUERIES_MAX: usize = CHUNKS_MAX;

/// Packed body, split and ready to be written.
pub(super) struct SplitBody {
    pub first_chunk: AttributeValue,
    pub other_chunks: Vec<Blob>,
    /// Part of the sort key before the digest: number and digest of the chunks. Empty if there is only one.
    pub suffix: String,
}

/// Splits a packed body. Returns `None` if it is too large.
pub(super) fn split(packed: AttributeValue) -> Option<SplitBody> {
    let bytes = match packed {
        AttributeValue::B(blob) if blob.as_ref().len() > CHUNK_BYTES_MAX => blob.into_inner(),
        // Only small bodies are not compressed.
        unsplit => return Some(SplitBody { first_chunk: unsplit, other_chunks: Vec::new(), suffix: String::new() }),
    };
    let mut chunks = bytes.chunks(CHUNK_BYTES_MAX).map(Blob::new);
    let first_chunk = AttributeValue::B(chunks.next()?);
    let other_chunks: Vec<Blob> = chunks.collect();
    let count = 1 + other_chunks.len();
    let suffix = format!("{count}.{}.", &hex(&Sha256::digest(&bytes))[..16]);
    (count <= CHUNKS_MAX).then_some(SplitBody { first_chunk, other_chunks, suffix })
}

/// Returns the sort keys of the chunks after the first.
pub(super) fn other_chunk_keys(body_sk: &str) -> Vec<String> {
    let suffixed = body_sk.strip_prefix(BODY_SK_PREFIX).and_then(|name| Some((name, name.split_once('#')?.1)));
    let count = suffixed.and_then(|(name, suffix)| Some((name, suffix.split_once('.')?.0.parse::<usize>().ok()?)));
    let Some((name, count)) = count else { return Vec::new() };
    (2..=count.min(CHUNKS_MAX)).map(|at| format!("{CHUNK_SK_PREFIX}{name}#{at}")).collect()
}

/// Joins the packed body from the items of its chunks.
pub(super) fn join_chunks(body_sk: &str, items: &[Item]) -> Result<AttributeValue, Fault> {
    let find = |sk: &str| {
        let item = items.iter().find(|item| item.opt_text("sk") == Some(sk));
        item.and_then(|item| item.get("body")).ok_or_else(|| Fault::internal("a record's body is missing"))
    };
    let (first_chunk, other_chunks) = (find(body_sk)?, other_chunk_keys(body_sk));
    if other_chunks.is_empty() {
        return Ok(first_chunk.clone());
    }
    let mut bytes = Vec::with_capacity((1 + other_chunks.len()) * CHUNK_BYTES_MAX);
    for chunk in std::iter::once(Ok(first_chunk)).chain(other_chunks.iter().map(|sk| find(sk))) {
        let chunk = chunk?.as_b().map_err(|_| Fault::internal("a chunk of a body is not binary"))?;
        bytes.extend_from_slice(chunk.as_ref());
    }
    Ok(AttributeValue::B(Blob::new(bytes)))
}

impl Store {
    /// Writes the chunks after the first. The first is written when these exist.
    pub(super) async fn put_other_chunks(
        &self,
        pk: &AttributeValue,
        body_sk: &str,
        other_chunks: Vec<Blob>,
        ttl: &AttributeValue,
    ) -> Result<(), Fault> {
        let puts = other_chunk_keys(body_sk).into_iter().zip(other_chunks).map(|(sk, chunk)| {
            self.put_with_ttl(Item::from([
                ("pk".to_owned(), pk.clone()),
                ("sk".to_owned(), s(sk)),
                ("body".to_owned(), AttributeValue::B(chunk)),
                ("ttl".to_owned(), ttl.clone()),
            ]))
        });
        try_join_all(puts).await.map(drop)
    }

    /// Reads the chunks after the first in one round trip, or in two if they exceed what a query returns.
    pub(super) async fn other_chunks(&self, tenant: TenantId, id: RecordId, body_sk: &str) -> Result<Vec<Item>, Fault> {
        let keys = other_chunk_keys(body_sk);
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(Vec::new()) };
        let (mut items, mut start) = (Vec::new(), None);
        for _ in 0..QUERIES_MAX {
            let query = self
                .db
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":pk", HeadKey { tenant, id }.pk())
                .expression_attribute_values(":first", s(first))
                .expression_attribute_values(":last", s(last))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk("read the chunks of a body", error))?;
            items.extend(found.items.unwrap_or_default());
            start = found.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_larger_than_one_item_is_split() {
        let blob = |bytes: usize| AttributeValue::B(Blob::new(vec![7; bytes]));
        let unsplit = split(blob(CHUNK_BYTES_MAX)).unwrap();
        assert_eq!((unsplit.other_chunks.len(), unsplit.suffix.as_str()), (0, ""));
        assert_eq!(other_chunk_keys("head.body#9999999998#0123456789abcdef"), [""; 0]);
        let large = split(blob(BODY_PACKED_BYTES_MAX)).unwrap();
        let sk = format!("{BODY_SK_PREFIX}9999999998#{}0123456789abcdef", large.suffix);
        let other_chunks = other_chunk_keys(&sk);
        assert_eq!((large.other_chunks.len(), other_chunks.len()), (3, 3));
        assert!(
            other_chunks
                .iter()
                .all(|chunk| chunk.starts_with("part#9999999998#4.") && chunk.contains("0123456789abcdef#"))
        );
        assert!(split(blob(BODY_PACKED_BYTES_MAX + 1)).is_none());
    }

    #[test]
    fn missing_chunk_is_an_error() {
        let large = split(AttributeValue::B(Blob::new(vec![7; 2 * CHUNK_BYTES_MAX]))).unwrap();
        let sk = format!("{BODY_SK_PREFIX}9999999998#{}0123456789abcdef", large.suffix);
        let item = |sk: &str, body: AttributeValue| Item::from([("sk".to_owned(), s(sk)), ("body".to_owned(), body)]);
        let first_chunk = item(&sk, large.first_chunk);
        assert!(join_chunks(&sk, std::slice::from_ref(&first_chunk)).is_err());
        let second_chunk = item(&other_chunk_keys(&sk)[0], AttributeValue::B(large.other_chunks[0].clone()));
        assert_eq!(
            join_chunks(&sk, &[first_chunk, second_chunk]).unwrap(),
            AttributeValue::B(Blob::new(vec![7; 2 * CHUNK_BYTES_MAX]))
        );
    }
}
