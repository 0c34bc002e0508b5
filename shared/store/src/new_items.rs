//! Items of a record as they are written: those of a new record, and the attributes that a transition changes.

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;

use crate::attributes::{Item, json, n, s};
use crate::filters::filter_attributes;
use crate::item::{
    Attributes, DUE_SHARDS, HEAD, HeadKey, LIST_SHARDS, ORPHAN_TTL_SECONDS, SALT_ATTRIBUTE, SPEC_SK_PREFIX,
    due_partition, list_partition, list_position, pack,
};
use crate::single_filters::{LABELED_ATTRIBUTE, holder_partition, labels};
use handrail_platform::fault::Fault;

/// Largest packed spec that the head holds. A spec in the head saves a second write on create and makes each later
/// write cost more; see docs/decisions/0003-where-the-ask-lies.md.
const SPEC_IN_HEAD_BYTES_MAX: usize = 2 * 1024;

/// Items of a new record, ready to be written.
pub(super) struct NewItems {
    /// `None` if the head holds the spec.
    pub spec: Option<Item>,
    pub head: Item,
    /// Entries of the record in lists with one filter. Empty for a kind without filter fields.
    pub labels: Vec<Item>,
}

pub(super) fn new_items<L: Lifecycle>(
    record: &Record<L>,
    command: &CommandId,
    body_sk: Option<String>,
) -> Result<NewItems, Fault> {
    let key = HeadKey { tenant: record.tenant, id: record.id };
    let spec_json = json(&record.spec)?;
    let (packed, labels) = (pack(&spec_json)?, labels(record));
    let mut head = Item::from([
        ("pk".to_owned(), key.pk()),
        ("sk".to_owned(), s(HEAD)),
        ("kind".to_owned(), s(L::KIND)),
        ("command".to_owned(), s(json(command)?)),
        ("created_at".to_owned(), n(record.created_at.as_unix_ms())),
        ("kind_pk".to_owned(), s(list_partition(record.tenant, L::KIND, None, record.id.shard(LIST_SHARDS)))),
        ("kind_sk".to_owned(), s(list_position(record.created_at, record.id))),
        ("state_sk".to_owned(), s(list_position(record.created_at, record.id))),
        ("log".to_owned(), AttributeValue::L(record.log.iter().map(|entry| s(entry.text.clone())).collect())),
    ]);
    for (name, value) in transition_attributes(record, body_sk)? {
        if let Some(value) = value {
            head.insert(name.to_owned(), value);
        }
    }
    if let Some(salt) = record.salt {
        head.insert(SALT_ATTRIBUTE.to_owned(), s(salt.to_hex()));
    }
    if !labels.is_empty() {
        head.insert(LABELED_ATTRIBUTE.to_owned(), n(1));
    }
    if let Some(seconds) = L::TTL_SECONDS {
        head.insert("ttl".to_owned(), n(record.created_at.as_unix_seconds() + seconds));
    }
    let size = match &packed {
        AttributeValue::B(blob) => blob.as_ref().len(),
        _ => spec_json.len(),
    };
    if size <= SPEC_IN_HEAD_BYTES_MAX {
        head.insert("ask".to_owned(), packed);
        return Ok(NewItems { spec: None, head, labels });
    }
    let spec_sk = format!("{SPEC_SK_PREFIX}{}", &handrail_domain::record::digest_of(&record.spec)[..16]);
    head.insert("ask_sk".to_owned(), s(spec_sk.clone()));
    let spec = Item::from([
        ("pk".to_owned(), key.pk()),
        ("sk".to_owned(), s(spec_sk)),
        ("ask".to_owned(), packed),
        ("ttl".to_owned(), n(record.created_at.as_unix_seconds() + ORPHAN_TTL_SECONDS)),
    ]);
    Ok(NewItems { spec: Some(spec), head, labels })
}

/// Returns the attributes that a transition sets, or removes where the value is `None`. Without `body_sk` the head
/// keeps its body.
pub(super) fn transition_attributes<L: Lifecycle>(
    record: &Record<L>,
    body_sk: Option<String>,
) -> Result<Attributes, Fault> {
    let due = record.due().map(|due| (due.at.as_unix_ms(), due.rule.name));
    let shard = record.id.shard(LIST_SHARDS);
    let state = L::state_name(record.state());
    let filters = filter_attributes(record);
    // A kind with filter fields is listed by state in the index `by_facet`, and in `by_state` by its holder.
    let state_partition =
        holder_partition(record).unwrap_or_else(|| list_partition(record.tenant, L::KIND, Some(state), shard));
    let mut attributes = vec![
        ("state", Some(s(state))),
        ("seq", Some(n(record.seq))),
        ("updated_at", Some(n(record.updated_at.as_unix_ms()))),
        ("standing", Some(s(json(&record.state_data)?))),
        ("chain", Some(s(record.chain.to_hex()))),
        ("state_pk", Some(s(state_partition))),
        ("due_at", due.map(|(due_at, _)| n(due_at))),
        ("due_for", due.map(|(_, name)| s(name))),
        ("due_pk", due.map(|_| s(due_partition(record.id.shard(DUE_SHARDS))))),
        ("due_sk", due.map(|(due_at, _)| n(due_at))),
    ];
    attributes.extend(filters);
    attributes.extend(body_sk.map(|sk| ("body_sk", Some(s(sk)))));
    Ok(attributes)
}
