//! A body that one item does not hold lies in several. The first lies where bodies lie, under the name that a head may have;
//! the others where the usual reading of a record does not come.
//!
//! The name says how many there are and what the whole of them is, so that neither is ever looked up, and parts of two
//! writings are never taken for one body.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use handrail_domain::ids::{RecordId, TenantId, hex};
use sha2::{Digest, Sha256};

use super::item::{BODY_BESIDE_HEAD, HeadKey};
use super::{Item, ReadItem, Store, s};
use crate::fault::Fault;

/// An item holds 400 KB; the words by which the body is found lie beside its first part: 6,000 of them in 42 KB.
const PART_BYTES_MAX: usize = 340 * 1024;
/// The largest packet has 1 MB, and what can't be compressed grows by less than a thousandth.
const PARTS_MAX: usize = 4;
pub const BODY_PACKED_BYTES_MAX: usize = PARTS_MAX * PART_BYTES_MAX;

const PART: &str = "part#";
/// The parts behind the first are about 1 MB together, which is what a query answers.
const QUERIES_MAX: usize = PARTS_MAX;

/// A packed body as it is about to be written.
pub(super) struct Cut {
    pub first: AttributeValue,
    pub rest: Vec<Blob>,
    /// What a body's name says of its parts, in front of its digest. Nothing where there is one.
    pub mark: String,
}

/// `None`: it is too large.
pub(super) fn cut(packed: AttributeValue) -> Option<Cut> {
    let bytes = match packed {
        AttributeValue::B(blob) if blob.as_ref().len() > PART_BYTES_MAX => blob.into_inner(),
        // What is not compressed is small.
        small => return Some(Cut { first: small, rest: Vec::new(), mark: String::new() }),
    };
    let mut parts = bytes.chunks(PART_BYTES_MAX).map(Blob::new);
    let first = AttributeValue::B(parts.next()?);
    let rest: Vec<Blob> = parts.collect();
    let count = 1 + rest.len();
    let mark = format!("{count}.{}.", &hex(&Sha256::digest(&bytes))[..16]);
    (count <= PARTS_MAX).then_some(Cut { first, rest, mark })
}

/// Where the parts of this body lie behind the first.
pub(super) fn rest_of(body_sk: &str) -> Vec<String> {
    let marked = body_sk.strip_prefix(BODY_BESIDE_HEAD).and_then(|name| Some((name, name.split_once('#')?.1)));
    let count = marked.and_then(|(name, mark)| Some((name, mark.split_once('.')?.0.parse::<usize>().ok()?)));
    let Some((name, count)) = count else { return Vec::new() };
    (2..=count.min(PARTS_MAX)).map(|at| format!("{PART}{name}#{at}")).collect()
}

/// What was packed, from the items among which its parts are.
pub(super) fn joined(body_sk: &str, items: &[Item]) -> Result<AttributeValue, Fault> {
    let find = |sk: &str| {
        let item = items.iter().find(|item| item.text_if_any("sk") == Some(sk));
        item.and_then(|item| item.get("body")).ok_or_else(|| Fault::broken("a record's body is missing"))
    };
    let (first, rest) = (find(body_sk)?, rest_of(body_sk));
    if rest.is_empty() {
        return Ok(first.clone());
    }
    let mut bytes = Vec::with_capacity((1 + rest.len()) * PART_BYTES_MAX);
    for part in std::iter::once(Ok(first)).chain(rest.iter().map(|sk| find(sk))) {
        let part = part?.as_b().map_err(|_| Fault::broken("a part of a body is no bytes"))?;
        bytes.extend_from_slice(part.as_ref());
    }
    Ok(AttributeValue::B(Blob::new(bytes)))
}

impl Store {
    /// Writes what lies behind the first part, before that.
    pub(super) async fn put_rest(
        &self,
        pk: &AttributeValue,
        body_sk: &str,
        rest: Vec<Blob>,
        ttl: &AttributeValue,
    ) -> Result<(), Fault> {
        let puts = rest_of(body_sk).into_iter().zip(rest).map(|(sk, part)| {
            self.put_lent(Item::from([
                ("pk".to_owned(), pk.clone()),
                ("sk".to_owned(), s(sk)),
                ("body".to_owned(), AttributeValue::B(part)),
                ("ttl".to_owned(), ttl.clone()),
            ]))
        });
        try_join_all(puts).await.map(drop)
    }

    /// Reads what lies behind the first part. One round trip; two when it is more than a query answers.
    pub(super) async fn rest(&self, tenant: TenantId, id: RecordId, body_sk: &str) -> Result<Vec<Item>, Fault> {
        let names = rest_of(body_sk);
        let (Some(first), Some(last)) = (names.first(), names.last()) else { return Ok(Vec::new()) };
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
            let found = query.send().await.map_err(|error| Fault::from_sdk("read the parts of a body", error))?;
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
    fn a_body_is_cut_only_where_one_item_does_not_hold_it() {
        let blob = |bytes: usize| AttributeValue::B(Blob::new(vec![7; bytes]));
        let whole = cut(blob(PART_BYTES_MAX)).unwrap();
        assert_eq!((whole.rest.len(), whole.mark.as_str()), (0, ""));
        assert_eq!(rest_of("head.body#9999999998#0123456789abcdef"), [""; 0]);
        let large = cut(blob(BODY_PACKED_BYTES_MAX)).unwrap();
        let sk = format!("{BODY_BESIDE_HEAD}9999999998#{}0123456789abcdef", large.mark);
        let rest = rest_of(&sk);
        assert_eq!((large.rest.len(), rest.len()), (3, 3));
        assert!(rest.iter().all(|part| part.starts_with("part#9999999998#4.") && part.contains("0123456789abcdef#")));
        assert!(cut(blob(BODY_PACKED_BYTES_MAX + 1)).is_none());
    }

    #[test]
    fn a_part_that_is_missing_is_noticed() {
        let large = cut(AttributeValue::B(Blob::new(vec![7; 2 * PART_BYTES_MAX]))).unwrap();
        let sk = format!("{BODY_BESIDE_HEAD}9999999998#{}0123456789abcdef", large.mark);
        let item = |sk: &str, body: AttributeValue| Item::from([("sk".to_owned(), s(sk)), ("body".to_owned(), body)]);
        let first = item(&sk, large.first);
        assert!(joined(&sk, std::slice::from_ref(&first)).is_err());
        let rest = item(&rest_of(&sk)[0], AttributeValue::B(large.rest[0].clone()));
        assert_eq!(joined(&sk, &[first, rest]).unwrap(), AttributeValue::B(Blob::new(vec![7; 2 * PART_BYTES_MAX])));
    }
}
