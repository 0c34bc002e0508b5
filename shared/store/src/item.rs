//! Layout of a record's items: the head, and a separate item for a spec that is too large for the head.

use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::personal_values::RecordSalt;
use handrail_domain::record::{ChainHash, EncodedLogEntry, Record};
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attributes::{Item, ReadItem, s};
use handrail_platform::fault::Fault;

pub(super) const HEAD: &str = "head";
/// Attribute of the head with the record's salt, in hexadecimal.
pub(super) const SALT_ATTRIBUTE: &str = "salt";
/// Prefix of a spec's sort key. It sorts right after the head, so that one query reads both.
pub(super) const SPEC_SK_PREFIX: &str = "head.ask#";

/// Prefix of a body's sort key. It sorts after the specs, so that reading a record does not read its bodies.
pub(super) const BODY_SK_PREFIX: &str = "head.body#";
/// Sort key between the specs and the bodies.
pub(super) const SK_BEFORE_BODIES: &str = "head.b";

/// Shortest JSON that is compressed: below this, compression gains nothing.
const COMPRESSION_MIN_BYTES: usize = 512;
/// Largest unpacked spec. The limit stops a crafted item from filling the memory.
const SPEC_BYTES_MAX: u64 = 1024 * 1024;

/// Partitions of an index for one list. A tenant that creates 4,000 records a second stays below the 1,000 writes a
/// second that DynamoDB allows one partition.
pub(super) const LIST_SHARDS: u8 = 4;
/// Partitions of the index of due timers.
pub(super) const DUE_SHARDS: u8 = 8;

/// Time to live of a spec or body that no head names yet: its writer may have died before it wrote the head. Longer
/// than the 14 days that a change may wait in the stream and its dead-letter queue, because only the worker of the
/// stream finds out that a head names the item.
pub(super) const ORPHAN_TTL_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Attributes to set, or to remove where the value is `None`.
pub(super) type Attributes = Vec<(&'static str, Option<AttributeValue>)>;

/// Tenant and id of a record. Together they are the partition key of the record's items.
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

/// Returns the key of the record whose head is this item of the stream, or `None` if the item is not a head.
pub fn head_key_of(item: &Item) -> Option<HeadKey> {
    if item.opt_text("sk") != Some(HEAD) {
        return None;
    }
    HeadKey::parse(item.opt_text("pk")?)
}

pub fn kind_of(item: &Item) -> Option<&str> {
    item.opt_text("kind")
}

/// Returns the number of events of a head's record.
pub fn seq_of(head: &Item) -> Result<u64, Fault> {
    head.number("seq")
}

/// Returns the state data of a head's record.
pub fn state_data_of<L: Lifecycle>(head: &Item) -> Result<L::StateData, Fault> {
    head.json("standing")
}

pub fn due_time_of(head: &Item) -> Option<Timestamp> {
    head.time("due_at").ok()
}

/// Reads a record from its head, and its spec from the given source.
pub fn read_head<L: Lifecycle>(head: &Item, spec: SpecSource<'_, L>) -> Result<Record<L>, Fault> {
    let key = head_key_of(head).ok_or_else(|| Fault::internal("an item is not a record's head"))?;
    let kind = head.text("kind")?;
    if kind != L::KIND {
        return Err(Fault::internal(format!("the record is a {kind}, not a {}", L::KIND)));
    }
    let spec = match (spec, head.get("ask")) {
        (SpecSource::Known(spec), _) => spec.clone(),
        (SpecSource::Head | SpecSource::Items(_), Some(packed)) => unpack(packed)?,
        (SpecSource::Items(items), None) => {
            let sk = head.text("ask_sk")?;
            let spec_item = items.iter().find(|item| item.opt_text("sk") == Some(sk));
            unpack(
                spec_item
                    .and_then(|item| item.get("ask"))
                    .ok_or_else(|| Fault::internal("a record's spec is missing"))?,
            )?
        }
        (SpecSource::Head, None) => return Err(Fault::internal("a record's spec is not in its head")),
    };
    let log = head
        .get("log")
        .and_then(|log| log.as_l().ok())
        .ok_or_else(|| Fault::internal("a record has no log"))?
        .iter()
        .map(|entry| {
            let text = entry.as_s().map_err(|_| Fault::internal("a log entry is not text"))?;
            EncodedLogEntry::read(text.clone())
                .map_err(|error| Fault::internal_with_source("a log entry can't be read", error))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Record {
        tenant: key.tenant,
        id: key.id,
        created_at: head.time("created_at")?,
        updated_at: head.time("updated_at")?,
        seq: head.number("seq")?,
        spec,
        state_data: head.json("standing")?,
        log,
        chain: ChainHash::from_hex(head.text("chain")?).ok_or_else(|| Fault::internal("a chain hash can't be read"))?,
        salt: head
            .opt_text(SALT_ATTRIBUTE)
            .map(|text| RecordSalt::from_hex(text).ok_or_else(|| Fault::internal("a record's salt can't be read")))
            .transpose()?,
    })
}

/// Source of a record's spec.
pub enum SpecSource<'a, L: Lifecycle> {
    /// The head, which holds the spec.
    Head,
    /// A spec read earlier: a spec never changes.
    Known(&'a L::Spec),
    /// The head, or the item among these whose sort key the head names.
    Items(&'a [Item]),
}

/// Returns the sort key of the spec's own item, or `None` if the head holds the spec.
pub(super) fn separate_spec_key(head: &Item) -> Option<&str> {
    head.opt_text("ask_sk")
}

/// Returns the sort key of the body that a head names.
pub(super) fn body_key_of(head: &Item) -> Option<&str> {
    head.opt_text("body_sk")
}

pub(super) fn list_partition(tenant: TenantId, kind: &str, state: Option<&str>, shard: u8) -> String {
    match state {
        None => format!("{tenant}#{kind}#{shard}"),
        Some(state) => format!("{tenant}#{kind}#{state}#{shard}"),
    }
}

/// Returns a record's sort key in the lists. Thirteen digits hold every millisecond until the year 2286, so text order
/// is time order.
pub(super) fn list_position(created_at: Timestamp, id: RecordId) -> String {
    format!("{:013}#{id}", created_at.as_unix_ms())
}

pub(super) fn due_partition(shard: u8) -> String {
    format!("due#{shard}")
}

pub(super) fn pack(json: &str) -> Result<AttributeValue, Fault> {
    if json.len() < COMPRESSION_MIN_BYTES {
        return Ok(s(json));
    }
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(json.len() / 2), Compression::fast());
    encoder.write_all(json.as_bytes()).map_err(|error| Fault::internal_with_source("compression failed", error))?;
    let packed = encoder.finish().map_err(|error| Fault::internal_with_source("compression failed", error))?;
    Ok(AttributeValue::B(Blob::new(packed)))
}

fn unpack<T: serde::de::DeserializeOwned>(packed: &AttributeValue) -> Result<T, Fault> {
    let text = unpack_text(packed, SPEC_BYTES_MAX)?;
    serde_json::from_str(&text).map_err(|error| Fault::internal_with_source("a record's spec can't be read", error))
}

/// Unpacks the text that [`pack`] packed. Unpacking stops at `bytes_max`, so that a crafted item can't fill the
/// memory; the cut text is no valid JSON.
pub(super) fn unpack_text(packed: &AttributeValue, bytes_max: u64) -> Result<String, Fault> {
    match packed {
        AttributeValue::S(text) => Ok(text.clone()),
        AttributeValue::B(blob) => {
            let mut text = String::new();
            let read = DeflateDecoder::new(blob.as_ref()).take(bytes_max).read_to_string(&mut text);
            read.map_err(|error| Fault::internal_with_source("a packed value can't be unpacked", error))?;
            Ok(text)
        }
        _ => Err(Fault::internal("a packed value is neither text nor bytes")),
    }
}
