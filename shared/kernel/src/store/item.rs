//! How a record lies in the table: its head, and what was asked when that is too large to lie in the head.

use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use handrail_domain::ids::{CommandId, RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::{ChainHash, LogLine, Record};
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::facets::facet_attributes;
use super::{Item, ReadItem, json, n, s};
use crate::fault::Fault;

pub(super) const HEAD: &str = "head";
/// Sorts right behind the head, so that one query reads both.
const ASK_BESIDE_HEAD: &str = "head.ask#";

/// Up to here an ask lies in the head: one write creates the record, and each later write costs a unit more.
/// Weighed against a second write in docs/decisions/0003-where-the-ask-lies.md.
const ASK_IN_HEAD_BYTES_MAX: usize = 2 * 1024;
/// Sorts behind the asks: reading a record does not read them.
pub(super) const BODY_BESIDE_HEAD: &str = "head.body#";
/// Between the asks and the bodies.
pub(super) const BEFORE_BODIES: &str = "head.b";

/// Below this, compression gains nothing.
const COMPRESS_FROM_BYTES: usize = 512;
/// No ask is larger once unpacked; stops a crafted item from filling the memory.
const ASK_BYTES_MAX: u64 = 1024 * 1024;

/// Spread over this many partitions of an index, a tenant that makes 4,000 records a second stays below what DynamoDB
/// allows one partition (1,000 writes a second).
pub(super) const LIST_SHARDS: u8 = 4;
pub(super) const DUE_SHARDS: u8 = 8;

/// An orphan: a process died between the ask's or the body's write and the head's. Until the stream is worked on nobody
/// knows that an ask is none, so this is longer than a stream may stand still before its changes come out of the dead-letter queue by
/// hand (14 days).
pub(super) const ORPHAN_LIVES_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Where a record's items lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HeadKey {
    pub tenant: TenantId,
    pub id: RecordId,
}

impl HeadKey {
    pub(super) fn pk(&self) -> AttributeValue {
        s(format!("{}#{}", self.tenant, self.id))
    }

    pub(super) fn parse(pk: &str) -> Option<Self> {
        let (tenant, id) = pk.split_once('#')?;
        Some(Self { tenant: tenant.parse().ok()?, id: id.parse().ok()? })
    }
}

/// The record that an item from the table's stream belongs to. `None`: not a record's head.
pub fn head_key_of(item: &Item) -> Option<HeadKey> {
    if item.text_if_any("sk") != Some(HEAD) {
        return None;
    }
    HeadKey::parse(item.text_if_any("pk")?)
}

pub fn kind_of(item: &Item) -> Option<&str> {
    item.text_if_any("kind")
}

/// How many events a head has seen.
pub fn seq_of(head: &Item) -> Result<u64, Fault> {
    head.number("seq")
}

/// Where a head's record stands.
pub fn standing_of<L: Lifecycle>(head: &Item) -> Result<L::Standing, Fault> {
    head.json("standing")
}

pub fn due_of(head: &Item) -> Option<Timestamp> {
    head.time("due_at").ok()
}

/// A record as it is about to be written for the first time.
pub(super) struct NewItems {
    /// Absent when the ask lies in the head.
    pub ask: Option<Item>,
    pub head: Item,
}

pub(super) fn new_items<L: Lifecycle>(
    record: &Record<L>,
    command: &CommandId,
    body_sk: Option<String>,
) -> Result<NewItems, Fault> {
    let key = HeadKey { tenant: record.tenant, id: record.id };
    let ask_json = json(&record.ask)?;
    let packed = pack(&ask_json)?;
    let mut head = Item::from([
        ("pk".to_owned(), key.pk()),
        ("sk".to_owned(), s(HEAD)),
        ("kind".to_owned(), s(L::KIND)),
        ("command".to_owned(), s(json(command)?)),
        ("created_at".to_owned(), n(record.created_at.as_unix_ms())),
        ("kind_pk".to_owned(), s(list_partition(record.tenant, L::KIND, None, record.id.shard(LIST_SHARDS)))),
        ("kind_sk".to_owned(), s(list_position(record.created_at, record.id))),
        ("state_sk".to_owned(), s(list_position(record.created_at, record.id))),
        ("log".to_owned(), AttributeValue::L(record.log.iter().map(|line| s(line.text.clone())).collect())),
    ]);
    for (name, value) in moving_attributes(record, body_sk)? {
        if let Some(value) = value {
            head.insert(name.to_owned(), value);
        }
    }
    if let Some(seconds) = L::FORGOTTEN_AFTER_SECONDS {
        head.insert("ttl".to_owned(), n(record.created_at.as_unix_seconds() + seconds));
    }
    let size = match &packed {
        AttributeValue::B(blob) => blob.as_ref().len(),
        _ => ask_json.len(),
    };
    if size <= ASK_IN_HEAD_BYTES_MAX {
        head.insert("ask".to_owned(), packed);
        return Ok(NewItems { ask: None, head });
    }
    let ask_sk = format!("{ASK_BESIDE_HEAD}{}", &handrail_domain::record::digest_of(&record.ask)[..16]);
    head.insert("ask_sk".to_owned(), s(ask_sk.clone()));
    let ask = Item::from([
        ("pk".to_owned(), key.pk()),
        ("sk".to_owned(), s(ask_sk)),
        ("ask".to_owned(), packed),
        ("ttl".to_owned(), n(record.created_at.as_unix_seconds() + ORPHAN_LIVES_SECONDS)),
    ]);
    Ok(NewItems { ask: Some(ask), head })
}

pub(super) type Attributes = Vec<(&'static str, Option<AttributeValue>)>;

/// The attributes that a transition sets. `None`: removed. A body that stays is not named.
pub(super) fn moving_attributes<L: Lifecycle>(
    record: &Record<L>,
    body_sk: Option<String>,
) -> Result<Attributes, Fault> {
    let due = record.due().map(|due| (due.at.as_unix_ms(), due.rule.name));
    let shard = record.id.shard(LIST_SHARDS);
    let state = L::state_name(record.state());
    let facets = facet_attributes(record);
    // What is found by facets is found by state among them.
    let by_state = facets.is_empty().then(|| s(list_partition(record.tenant, L::KIND, Some(state), shard)));
    let mut attributes = vec![
        ("state", Some(s(state))),
        ("seq", Some(n(record.seq))),
        ("updated_at", Some(n(record.updated_at.as_unix_ms()))),
        ("standing", Some(s(json(&record.standing)?))),
        ("chain", Some(s(record.chain.to_hex()))),
        ("state_pk", by_state),
        ("due_at", due.map(|(at, _)| n(at))),
        ("due_for", due.map(|(_, name)| s(name))),
        ("due_pk", due.map(|_| s(due_partition(record.id.shard(DUE_SHARDS))))),
        ("due_sk", due.map(|(at, _)| n(at))),
    ];
    attributes.extend(facets);
    attributes.extend(body_sk.map(|sk| ("body_sk", Some(s(sk)))));
    Ok(attributes)
}

/// A record from its head and, where it lies apart, what was asked.
pub fn read_head<L: Lifecycle>(head: &Item, ask: AskFrom<'_, L>) -> Result<Record<L>, Fault> {
    let key = head_key_of(head).ok_or_else(|| Fault::broken("an item is not a record's head"))?;
    let kind = head.text("kind")?;
    if kind != L::KIND {
        return Err(Fault::broken(format!("a {} was read where a {kind} lies", L::KIND)));
    }
    let ask = match (ask, head.get("ask")) {
        (AskFrom::Known(ask), _) => ask.clone(),
        (AskFrom::Head | AskFrom::Items(_), Some(packed)) => unpack(packed)?,
        (AskFrom::Items(items), None) => {
            let sk = head.text("ask_sk")?;
            let beside = items.iter().find(|item| item.text_if_any("sk") == Some(sk));
            unpack(beside.and_then(|item| item.get("ask")).ok_or_else(|| Fault::broken("a record's ask is missing"))?)?
        }
        (AskFrom::Head, None) => return Err(Fault::broken("a record's ask does not lie in its head")),
    };
    let log = head
        .get("log")
        .and_then(|log| log.as_l().ok())
        .ok_or_else(|| Fault::broken("a record has no log"))?
        .iter()
        .map(|line| {
            let text = line.as_s().map_err(|_| Fault::broken("a log line is not a text"))?;
            LogLine::read(text.clone()).map_err(|error| Fault::broken_by("a log line can't be read", error))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Record {
        tenant: key.tenant,
        id: key.id,
        created_at: head.time("created_at")?,
        updated_at: head.time("updated_at")?,
        seq: head.number("seq")?,
        ask,
        standing: head.json("standing")?,
        log,
        chain: ChainHash::from_hex(head.text("chain")?).ok_or_else(|| Fault::broken("a chain hash can't be read"))?,
    })
}

/// Where to find what was asked.
pub enum AskFrom<'a, L: Lifecycle> {
    Head,
    Known(&'a L::Ask),
    Items(&'a [Item]),
}

pub(super) fn lies_apart(head: &Item) -> Option<&str> {
    head.text_if_any("ask_sk")
}

/// Where this head's body lies.
pub(super) fn body_of(head: &Item) -> Option<&str> {
    head.text_if_any("body_sk")
}

pub(super) fn list_partition(tenant: TenantId, kind: &str, state: Option<&str>, shard: u8) -> String {
    match state {
        None => format!("{tenant}#{kind}#{shard}"),
        Some(state) => format!("{tenant}#{kind}#{state}#{shard}"),
    }
}

/// Thirteen digits hold every millisecond until the year 2286, so text order is time order.
pub(super) fn list_position(created_at: Timestamp, id: RecordId) -> String {
    format!("{:013}#{id}", created_at.as_unix_ms())
}

pub(super) fn due_partition(shard: u8) -> String {
    format!("due#{shard}")
}

pub(super) fn pack(json: &str) -> Result<AttributeValue, Fault> {
    if json.len() < COMPRESS_FROM_BYTES {
        return Ok(s(json));
    }
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(json.len() / 2), Compression::fast());
    encoder.write_all(json.as_bytes()).map_err(|error| Fault::broken_by("compression failed", error))?;
    let packed = encoder.finish().map_err(|error| Fault::broken_by("compression failed", error))?;
    Ok(AttributeValue::B(Blob::new(packed)))
}

fn unpack<T: serde::de::DeserializeOwned>(packed: &AttributeValue) -> Result<T, Fault> {
    let text = unpack_text(packed, ASK_BYTES_MAX)?;
    serde_json::from_str(&text).map_err(|error| Fault::broken_by("a record's ask can't be read", error))
}

/// What was packed. Cut at `bytes_max`, so that a crafted item can't fill the memory: then it is no JSON any more.
pub(super) fn unpack_text(packed: &AttributeValue, bytes_max: u64) -> Result<String, Fault> {
    match packed {
        AttributeValue::S(text) => Ok(text.clone()),
        AttributeValue::B(blob) => {
            let mut text = String::new();
            let read = DeflateDecoder::new(blob.as_ref()).take(bytes_max).read_to_string(&mut text);
            read.map_err(|error| Fault::broken_by("what was packed can't be unpacked", error))?;
            Ok(text)
        }
        _ => Err(Fault::broken("what was packed is neither text nor bytes")),
    }
}
