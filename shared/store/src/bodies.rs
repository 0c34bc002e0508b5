//! Bodies: the large content of a record, replaced as a whole. Each version is an item beside the head, or several
//! items when it is very large; see `body_chunks.rs`.
//!
//! The head names the current version. A version is written with a time to live before the head names it, so that a
//! version that no head ever names expires. The worker of the stream retains the version that a head names and lets
//! the replaced one expire.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::ids::{CommandId, RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::{ContentRef, Record};
use handrail_domain::search_terms::SearchTerms;
use handrail_domain::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::body_chunks::{join_chunks, other_chunk_keys, split};
use crate::client::Store;
use crate::filters::search_terms_partition;
use crate::item::{
    BODY_SK_PREFIX, HEAD, HeadKey, ORPHAN_TTL_SECONDS, SpecSource, body_key_of, list_position, pack, read_head,
    separate_spec_key, unpack_text,
};
use crate::item_ops::item_key;
use crate::outcome::unless_condition_failed;
use crate::term_hash::term_hash;
use handrail_platform::fault::Fault;

/// Largest unpacked body. A chain prepends its parent's conversation, so a body may be larger than any request.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Time to live of a replaced body. A reader that has the old head still finds its body.
const REPLACED_BODY_TTL_SECONDS: i64 = 24 * 60 * 60;

/// Body of a record: JSON, and the terms by which a search finds the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    text: String,
    search_terms: SearchTerms,
}

impl Body {
    pub fn new<T: Serialize>(content: &T, search_terms: SearchTerms) -> Result<Self, Fault> {
        Ok(Self { text: json(content)?, search_terms })
    }

    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_str(&self.text)
            .map_err(|error| Fault::internal_with_source("a record's body can't be read", error))
    }

    /// Returns the length of the JSON.
    pub fn byte_len(&self) -> usize {
        self.text.len()
    }
}

/// Sort key of a written body, for the head that will name it.
#[derive(Clone, Debug)]
pub struct BodyKey(pub(super) String);

#[derive(Debug)]
pub enum PutBodyOutcome {
    Done(BodyKey),
    /// The body is larger than a record may carry.
    TooLarge,
}

/// Record with its body. Kinds without bodies have none.
#[derive(Clone, Debug)]
pub struct RecordWithBody<L: Lifecycle> {
    pub record: Record<L>,
    pub body: Option<Body>,
}

impl Store {
    /// Writes the body of a record, before the record itself is written.
    ///
    /// The sort key begins with the event's number, newest first. A replaced version is therefore never named again,
    /// and one query reads the head with the version that it most likely names.
    pub async fn put_body<L: Lifecycle>(
        &self,
        next: &Record<L>,
        body: &Body,
        now: Timestamp,
    ) -> Result<PutBodyOutcome, Fault> {
        let reference = L::body(&next.state_data).filter(|reference| reference.bytes == body.byte_len() as u64);
        let reference = reference.ok_or_else(|| Fault::internal("a body is not the one that its record references"))?;
        let packed = split(pack(&body.text)?).filter(|_| body.byte_len() as u64 <= BODY_BYTES_MAX);
        let Some(split_body) = packed else { return Ok(PutBodyOutcome::TooLarge) };
        let version = 9_999_999_999_u64.saturating_sub(next.seq);
        let sk = format!("{BODY_SK_PREFIX}{version:010}#{}{}", split_body.suffix, short_digest(reference));
        let pk = HeadKey { tenant: next.tenant, id: next.id }.pk();
        let ttl = n(now.as_unix_seconds() + ORPHAN_TTL_SECONDS);
        self.put_other_chunks(&pk, &sk, split_body.other_chunks, &ttl).await?;
        let mut item = Item::from([
            ("pk".to_owned(), pk),
            ("sk".to_owned(), s(sk.clone())),
            ("body".to_owned(), split_body.first_chunk),
            ("ttl".to_owned(), ttl),
        ]);
        if !body.search_terms.is_empty() {
            let hashes = body.search_terms.iter().map(|term| Blob::new(term_hash(term)));
            item.insert("facet_words".to_owned(), AttributeValue::Bs(sorted_unique_hashes(hashes)));
            item.insert("facet_pk".to_owned(), s(search_terms_partition::<L>(next.tenant, next.id)));
            item.insert("facet_sk".to_owned(), s(list_position(next.created_at, next.id)));
        }
        self.put_with_ttl(item).await?;
        Ok(PutBodyOutcome::Done(BodyKey(sk)))
    }

    pub(super) async fn put_with_ttl(&self, item: Item) -> Result<(), Fault> {
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // A retained body has the same content and stays retained. An expiring one gets its full time to live
            // again.
            .condition_expression("attribute_not_exists(pk) OR attribute_exists(#ttl)")
            .expression_attribute_names("#ttl", "ttl");
        unless_condition_failed(put.send().await, "put a record's body").map(drop)
    }

    /// Reads a record with its body in one consistent round trip. It takes a second one if crashed writers left other
    /// versions, and another if the body is split.
    pub async fn record_with_body<L: Lifecycle>(
        &self,
        tenant: TenantId,
        id: RecordId,
    ) -> Result<Option<RecordWithBody<L>>, Fault> {
        Ok(self.record_with_body_and_command(tenant, id).await?.map(|(found, _)| found))
    }

    /// Reads a record with its body and the command that created the record.
    pub async fn record_with_body_and_command<L: Lifecycle>(
        &self,
        tenant: TenantId,
        id: RecordId,
    ) -> Result<Option<(RecordWithBody<L>, CommandId)>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :head)")
            .expression_attribute_values(":pk", HeadKey { tenant, id }.pk())
            .expression_attribute_values(":head", s(HEAD))
            // Room for the head, the spec and the newest body.
            .limit(3);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a record", error))?;
        let mut items = found.items.unwrap_or_default();
        let Some(head) = items.iter().find(|item| item.opt_text("sk") == Some(HEAD)).cloned() else {
            return Ok(None);
        };
        if head.opt_text("kind") != Some(L::KIND) {
            return Ok(None);
        }
        for sk in [separate_spec_key(&head), body_key_of(&head)].into_iter().flatten() {
            if !items.iter().any(|item| item.opt_text("sk") == Some(sk)) {
                items.extend(self.sibling_item(tenant, id, sk).await?);
            }
        }
        if let Some(sk) = body_key_of(&head) {
            items.extend(self.other_chunks(tenant, id, sk).await?);
        }
        let record = read_head::<L>(&head, SpecSource::Items(&items))?;
        let body = read_body(&record, body_key_of(&head), &items)?;
        Ok(Some((RecordWithBody { record, body }, head.json("command")?)))
    }

    /// Retains the body that a committed head names, and lets the body that the head named before expire.
    pub async fn finalize_bodies(&self, old: Option<&Item>, new: &Item, now: Timestamp) -> Result<(), Fault> {
        let (new_sk, old_sk) = (body_key_of(new), old.and_then(body_key_of));
        if new_sk == old_sk {
            return Ok(());
        }
        let pk = new.get("pk").ok_or_else(|| Fault::internal("a head has no key"))?;
        if let Some(sk) = new_sk {
            for chunk in other_chunk_keys(sk) {
                self.remove_ttl(pk, &chunk).await?;
            }
            self.remove_ttl(pk, sk).await?;
        }
        if let Some(sk) = old_sk {
            self.expire_body(pk, sk, now).await?;
            for chunk in other_chunk_keys(sk) {
                self.expire_body(pk, &chunk, now).await?;
            }
        }
        Ok(())
    }

    /// Removes a body from the search index now, and from the table after a while.
    async fn expire_body(&self, pk: &AttributeValue, sk: &str, now: Timestamp) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(pk.clone(), sk)))
            .update_expression("SET #ttl = :ttl REMOVE facet_pk, facet_sk")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", n(now.as_unix_seconds() + REPLACED_BODY_TTL_SECONDS))
            .condition_expression("attribute_exists(pk)");
        // The item may have expired already: the stream can deliver a change late and twice.
        unless_condition_failed(update.send().await, "expire a record's body").map(drop)
    }
}

/// Returns the body that a head names, from these items.
pub(super) fn read_body<L: Lifecycle>(
    record: &Record<L>,
    sk: Option<&str>,
    items: &[Item],
) -> Result<Option<Body>, Fault> {
    let Some(sk) = sk else { return Ok(None) };
    if L::body(&record.state_data).is_some_and(|reference| !sk.ends_with(short_digest(reference))) {
        return Err(Fault::internal("a head names another body than its record"));
    }
    Ok(Some(Body {
        text: unpack_text(&join_chunks(sk, items)?, BODY_BYTES_MAX)?,
        search_terms: SearchTerms::default(),
    }))
}

/// Returns the part of a body's sort key that differs between two writers of one version.
fn short_digest(reference: &ContentRef) -> &str {
    reference.sha256.get(..16).unwrap_or(&reference.sha256)
}

/// Returns the hashes as DynamoDB's sets require: without duplicates, which two terms may cause.
fn sorted_unique_hashes(hashes: impl Iterator<Item = Blob>) -> Vec<Blob> {
    let mut hashes: Vec<Blob> = hashes.collect();
    hashes.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    hashes.dedup();
    hashes
}
