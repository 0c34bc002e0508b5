//! What a record carries and what changes by whole versions: each lies in an item of its own, beside the head.
//!
//! The head names the version that counts. A version is written first and named by the write that makes it true; one that
//! never was named removes itself. The stream tells which are: it keeps what a head names, and lets go what it named before.
//! A very large one lies in several items; see `parts.rs`.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::ids::{CommandId, RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::{ContentRef, Record};
use handrail_domain::time::Timestamp;
use handrail_domain::words::Words;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::facets::words_partition;
use super::item::{
    AskFrom, BODY_BESIDE_HEAD, HEAD, HeadKey, ORPHAN_LIVES_SECONDS, body_of, lies_apart, list_position, pack,
    read_head, unpack_text,
};
use super::outcome::met;
use super::parts::{cut, joined, rest_of};
use super::search::word_hash;
use super::single::item_key;
use super::{Item, ReadItem, Store, json, n, s};
use crate::fault::Fault;

/// Unpacked. A chain puts its parent's conversation in front, so a body may be larger than any request.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Who reads a record and then its body finds the version that was true when they began.
const REPLACED_LIVES_SECONDS: i64 = 24 * 60 * 60;

/// A body as its record carries it: JSON, and the words by which a search finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    text: String,
    words: Words,
}

impl Body {
    pub fn of<T: Serialize>(content: &T, words: Words) -> Result<Self, Fault> {
        Ok(Self { text: json(content)?, words })
    }

    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_str(&self.text).map_err(|error| Fault::broken_by("a record's body can't be read", error))
    }

    /// Of its JSON.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// A body that was written and that a head may name.
#[derive(Clone, Debug)]
pub struct BodyName(pub(super) String);

#[derive(Debug)]
pub enum PutBody {
    Done(BodyName),
    /// No record carries so much.
    TooLarge,
}

/// A record with its body. Kinds without bodies have none.
#[derive(Clone, Debug)]
pub struct Whole<L: Lifecycle> {
    pub record: Record<L>,
    pub body: Option<Body>,
}

impl Store {
    /// Writes the body that a record names, before the record is written.
    ///
    /// The number of its event is in the name, newest first: a version that was replaced is never named again, and one query
    /// reads the head with the version that it most likely names.
    pub async fn put_body<L: Lifecycle>(
        &self,
        next: &Record<L>,
        body: &Body,
        now: Timestamp,
    ) -> Result<PutBody, Fault> {
        let reference = L::body(&next.standing).filter(|reference| reference.bytes == body.bytes() as u64);
        let reference = reference.ok_or_else(|| Fault::broken("a body is not the one that its record names"))?;
        let packed = cut(pack(&body.text)?).filter(|_| body.bytes() as u64 <= BODY_BYTES_MAX);
        let Some(cut) = packed else { return Ok(PutBody::TooLarge) };
        let version = 9_999_999_999_u64.saturating_sub(next.seq);
        let sk = format!("{BODY_BESIDE_HEAD}{version:010}#{}{}", cut.mark, short(reference));
        let pk = HeadKey { tenant: next.tenant, id: next.id }.pk();
        let ttl = n(now.as_unix_seconds() + ORPHAN_LIVES_SECONDS);
        self.put_rest(&pk, &sk, cut.rest, &ttl).await?;
        let mut item = Item::from([
            ("pk".to_owned(), pk),
            ("sk".to_owned(), s(sk.clone())),
            ("body".to_owned(), cut.first),
            ("ttl".to_owned(), ttl),
        ]);
        if !body.words.is_empty() {
            let hashes = body.words.iter().map(|word| Blob::new(word_hash(word)));
            item.insert("facet_words".to_owned(), AttributeValue::Bs(unique(hashes)));
            item.insert("facet_pk".to_owned(), s(words_partition::<L>(next.tenant, next.id)));
            item.insert("facet_sk".to_owned(), s(list_position(next.created_at, next.id)));
        }
        self.put_lent(item).await?;
        Ok(PutBody::Done(BodyName(sk)))
    }

    pub(super) async fn put_lent(&self, item: Item) -> Result<(), Fault> {
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // One that is kept is the same, and stays kept. One that would go is made young again.
            .condition_expression("attribute_not_exists(pk) OR attribute_exists(#ttl)")
            .expression_attribute_names("#ttl", "ttl");
        met(put.send().await, "put a record's body").map(drop)
    }

    /// Reads a record with its body. One consistent round trip; a second one if writers of other versions died half way, and
    /// another if the body lies in parts.
    pub async fn whole<L: Lifecycle>(&self, tenant: TenantId, id: RecordId) -> Result<Option<Whole<L>>, Fault> {
        Ok(self.whole_and_maker(tenant, id).await?.map(|(whole, _)| whole))
    }

    /// The same, and the command that made it.
    pub async fn whole_and_maker<L: Lifecycle>(
        &self,
        tenant: TenantId,
        id: RecordId,
    ) -> Result<Option<(Whole<L>, CommandId)>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :head)")
            .expression_attribute_values(":pk", HeadKey { tenant, id }.pk())
            .expression_attribute_values(":head", s(HEAD))
            // The head, what was asked, the newest body.
            .limit(3);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a record", error))?;
        let mut items = found.items.unwrap_or_default();
        let Some(head) = items.iter().find(|item| item.text_if_any("sk") == Some(HEAD)).cloned() else {
            return Ok(None);
        };
        if head.text_if_any("kind") != Some(L::KIND) {
            return Ok(None);
        }
        for sk in [lies_apart(&head), body_of(&head)].into_iter().flatten() {
            if !items.iter().any(|item| item.text_if_any("sk") == Some(sk)) {
                items.extend(self.beside(tenant, id, sk).await?);
            }
        }
        if let Some(sk) = body_of(&head) {
            items.extend(self.rest(tenant, id, sk).await?);
        }
        let record = read_head::<L>(&head, AskFrom::Items(&items))?;
        let body = read_body(&record, body_of(&head), &items)?;
        Ok(Some((Whole { record, body }, head.json("command")?)))
    }

    /// The body that a committed head names is no orphan: it stays. What it named before is let go.
    pub async fn settle_bodies(&self, old: Option<&Item>, new: &Item, now: Timestamp) -> Result<(), Fault> {
        let (named, named_before) = (body_of(new), old.and_then(body_of));
        if named == named_before {
            return Ok(());
        }
        let pk = new.get("pk").ok_or_else(|| Fault::broken("a head has no key"))?;
        if let Some(sk) = named {
            for part in rest_of(sk) {
                self.keep(pk, &part).await?;
            }
            self.keep(pk, sk).await?;
        }
        if let Some(sk) = named_before {
            self.let_go(pk, sk, now).await?;
            for part in rest_of(sk) {
                self.let_go(pk, &part, now).await?;
            }
        }
        Ok(())
    }

    /// Leaves the index of words at once, and the table in a while.
    async fn let_go(&self, pk: &AttributeValue, sk: &str, now: Timestamp) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(pk.clone(), sk)))
            .update_expression("SET #ttl = :ttl REMOVE facet_pk, facet_sk")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", n(now.as_unix_seconds() + REPLACED_LIVES_SECONDS))
            .condition_expression("attribute_exists(pk)");
        // It went before: the stream tells some changes twice, and late.
        met(update.send().await, "let a record's body go").map(drop)
    }
}

/// The body among these items that a head names.
pub(super) fn read_body<L: Lifecycle>(
    record: &Record<L>,
    sk: Option<&str>,
    items: &[Item],
) -> Result<Option<Body>, Fault> {
    let Some(sk) = sk else { return Ok(None) };
    if L::body(&record.standing).is_some_and(|reference| !sk.ends_with(short(reference))) {
        return Err(Fault::broken("a head names another body than its record"));
    }
    Ok(Some(Body { text: unpack_text(&joined(sk, items)?, BODY_BYTES_MAX)?, words: Words::default() }))
}

/// Tells apart what two writers would make of one version.
fn short(reference: &ContentRef) -> &str {
    reference.sha256.get(..16).unwrap_or(&reference.sha256)
}

/// A set holds nothing twice, and two words may share a hash.
fn unique(hashes: impl Iterator<Item = Blob>) -> Vec<Blob> {
    let mut hashes: Vec<Blob> = hashes.collect();
    hashes.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    hashes.dedup();
    hashes
}
