//! Journal of a tenant: one item per event of its records, of every kind, numbered without gaps and chained by hashes.
//! Numbers are assigned in the records crate; this module makes the single database calls.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::journal_row::{JournalHashes, StateChange};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::merkle_tree::MerkleTree;
use handrail_domain::record::{ChainHash, EncodedLogEntry};
use handrail_domain::time::Timestamp;
use handrail_domain::totals::Totals;
use serde_json::Value;

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::events::{event_item, event_sort_key};
use crate::item::HeadKey;
use crate::item_ops::item_key;
use crate::outcome::or_existing_item;
use handrail_platform::fault::Fault;

/// Attribute of an event item that holds the event's journal number.
const NUMBER_ATTRIBUTE: &str = "feed_number";

/// Kind of the records in the first journals, which had no others. Their entries do not name it.
const FIRST_KIND: &str = "packet";

/// Returns the partition key of a tenant's journal. It names the first kind, because stored names do not change.
fn journal_pk(tenant: TenantId) -> String {
    format!("feed#{tenant}#{FIRST_KIND}")
}

/// Event in the journal, with the totals of all events up to it.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalEntry {
    /// Number in the journal, from 1 on.
    pub number: u64,
    /// Kind of the record.
    pub kind: String,
    pub record: RecordId,
    pub seq: u64,
    pub at: Timestamp,
    /// Latest time of any entry up to this one. Entries are in the order in which they were added, so only this time
    /// never decreases and can be searched.
    pub latest_at: Timestamp,
    /// Event as the record's log has it, encoded, with its personal values.
    pub event: String,
    /// States of the record before and after the event. `None` in entries of a version that did not store them.
    pub states: Option<StateChange>,
    /// `None` in entries of a version that did not chain them.
    pub hashes: Option<JournalHashes>,
    /// Tree over the hashes of all chained entries up to this one. `None` in entries of a version that kept no tree.
    pub tree: Option<MerkleTree>,
    /// Data of the record after this event, for live events. `None`: live events do not show it.
    pub live_data: Option<Value>,
    /// Totals of each kind, including this event.
    pub totals: BTreeMap<String, Totals>,
}

impl JournalEntry {
    /// Returns the totals of one kind of record.
    pub fn totals_of(&self, kind: &str) -> Totals {
        self.totals.get(kind).cloned().unwrap_or_default()
    }
}

/// The newest entries of a journal that are not in its tree yet, and the tree before them.
#[derive(Clone, Debug, Default)]
pub struct TreeGap {
    pub tree: MerkleTree,
    /// Hashes of the entries after the tree, oldest first.
    pub hashes: Vec<ChainHash>,
}

/// Queries that look for the newest tree at most: about 700 entries each, or a million in all.
const TREE_QUERIES_MAX: usize = 1_500;

/// Action and actor of an entry in the audit list, by which the list filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditInfo {
    pub action: &'static str,
    pub actor: String,
}

/// Journal number of a stored event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalNumber {
    /// The event was stored now, with the given number.
    Assigned,
    /// The event was stored before, with this number. `None`: by a version that had no journals.
    AlreadyAssigned(Option<u64>),
}

impl Store {
    /// Stores an event of a record with the journal number that it is about to get.
    pub async fn put_numbered_event<L: Lifecycle>(
        &self,
        key: HeadKey,
        log_entry: &EncodedLogEntry<L>,
        number: u64,
    ) -> Result<JournalNumber, Fault> {
        let mut item = event_item(key, log_entry);
        item.insert(NUMBER_ATTRIBUTE.to_owned(), n(number));
        Ok(match self.put_or_get(item, "put an event").await? {
            Ok(()) => JournalNumber::Assigned,
            Err(found) => JournalNumber::AlreadyAssigned(journal_number_of(&found)),
        })
    }

    /// Changes an event's journal number, unless another process changed it first. Returns the number that the event has
    /// now.
    pub async fn renumber_event(&self, key: HeadKey, seq: u64, before: Option<u64>, number: u64) -> Result<u64, Fault> {
        let mut update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.pk(), event_sort_key(seq))))
            .update_expression("SET #number = :number")
            .expression_attribute_names("#number", NUMBER_ATTRIBUTE)
            .expression_attribute_values(":number", n(number))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        update = match before {
            Some(before) => {
                update.condition_expression("#number = :before").expression_attribute_values(":before", n(before))
            }
            None => update.condition_expression("attribute_exists(pk) AND attribute_not_exists(#number)"),
        };
        let Err(found) = or_existing_item(update.send().await, "number an event")? else { return Ok(number) };
        let found = found.as_ref().and_then(journal_number_of);
        found.ok_or_else(|| Fault::internal("an event lost its number in the journal"))
    }

    /// Stores a journal entry. Returns `false` if its number is taken.
    pub async fn put_journal_entry(
        &self,
        tenant: TenantId,
        entry: &JournalEntry,
        audit_info: Option<&AuditInfo>,
    ) -> Result<bool, Fault> {
        self.put_if_absent(journal_entry_item(tenant, entry, audit_info)?, "put a journal entry").await
    }

    pub async fn newest_journal_entry(&self, tenant: TenantId) -> Result<Option<JournalEntry>, Fault> {
        let query = self.journal_query(tenant, 1, u64::MAX).scan_index_forward(false).limit(1);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read the newest journal entry", error))?;
        found.items().first().map(journal_entry_from_item).transpose()
    }

    pub async fn journal_entry(&self, tenant: TenantId, number: u64) -> Result<Option<JournalEntry>, Fault> {
        let query = self.journal_query(tenant, number, number);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a journal entry", error))?;
        found.items().first().map(journal_entry_from_item).transpose()
    }

    /// Returns the entries after this number, in order.
    pub async fn journal_entries_after(
        &self,
        tenant: TenantId,
        number: u64,
        limit: i32,
    ) -> Result<Vec<JournalEntry>, Fault> {
        let Some(first) = number.checked_add(1) else { return Ok(Vec::new()) };
        let query = self.journal_query(tenant, first, u64::MAX).limit(limit);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a journal", error))?;
        found.items().iter().map(journal_entry_from_item).collect()
    }

    /// Looks back from the entry with this number for the newest one with a tree. A version that kept no tree wrote the
    /// entries in between. The tree begins with the first entry that has a hash.
    pub async fn tree_gap(&self, tenant: TenantId, number: u64) -> Result<TreeGap, Fault> {
        let (mut gap, mut start) = (TreeGap::default(), None);
        for _ in 0..TREE_QUERIES_MAX {
            let query = self
                .journal_query(tenant, 1, number)
                .scan_index_forward(false)
                .projection_expression("pk, sk, #hash, tree_size, tree_edge")
                .expression_attribute_names("#hash", "hash")
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk("read the hashes of a journal", error))?;
            let mut is_at_end = found.last_evaluated_key.is_none();
            for item in found.items() {
                let (tree, hash) = (tree_of_item(item)?, hash_of_item(item, "hash")?);
                is_at_end |= tree.is_some() || hash.is_none();
                match (tree, hash) {
                    (Some(tree), _) => gap.tree = tree,
                    (None, Some(hash)) => {
                        gap.hashes.push(hash);
                        continue;
                    }
                    (None, None) => {}
                }
                break;
            }
            if is_at_end {
                gap.hashes.reverse();
                return Ok(gap);
            }
            start = found.last_evaluated_key;
        }
        Err(Fault::internal("a journal is too long for a tree over all its entries"))
    }

    /// Builds a consistent query: a reader of number n never misses an earlier entry.
    pub(super) fn journal_query(
        &self,
        tenant: TenantId,
        first: u64,
        last: u64,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", s(journal_pk(tenant)))
            .expression_attribute_values(":first", s(journal_sort_key(first)))
            .expression_attribute_values(":last", s(journal_sort_key(last)))
    }
}

fn journal_number_of(item: &Item) -> Option<u64> {
    item.number(NUMBER_ATTRIBUTE).ok()
}

/// Returns a journal entry's sort key. Twenty digits hold every number, so text order is numeric order.
fn journal_sort_key(number: u64) -> String {
    format!("{number:020}")
}

fn journal_entry_item(tenant: TenantId, entry: &JournalEntry, audit_info: Option<&AuditInfo>) -> Result<Item, Fault> {
    let mut item = Item::from([
        ("pk".to_owned(), s(journal_pk(tenant))),
        ("sk".to_owned(), s(journal_sort_key(entry.number))),
        ("record_kind".to_owned(), s(&entry.kind)),
        ("record".to_owned(), s(entry.record.to_string())),
        ("seq".to_owned(), n(entry.seq)),
        ("at_ms".to_owned(), n(entry.at.as_unix_ms())),
        ("latest_ms".to_owned(), n(entry.latest_at.as_unix_ms())),
        ("event".to_owned(), s(&entry.event)),
        ("totals_by_kind".to_owned(), s(json(&entry.totals)?)),
    ]);
    if let Some(states) = &entry.states {
        item.insert("to_state".to_owned(), s(&states.to));
        if let Some(from) = &states.from {
            item.insert("from_state".to_owned(), s(from));
        }
    }
    if let Some(hashes) = &entry.hashes {
        item.insert("previous_hash".to_owned(), s(hashes.previous.to_hex()));
        item.insert("hash".to_owned(), s(hashes.own.to_hex()));
    }
    if let Some(tree) = &entry.tree {
        item.insert("tree_size".to_owned(), n(tree.size()));
        item.insert("tree_edge".to_owned(), AttributeValue::B(Blob::new(tree.right_edge_bytes())));
    }
    if let Some(audit_info) = audit_info {
        item.insert("told_action".to_owned(), s(audit_info.action));
        item.insert("told_actor".to_owned(), s(&audit_info.actor));
    }
    if let Some(live_data) = &entry.live_data {
        item.insert("live".to_owned(), s(json(live_data)?));
    }
    Ok(item)
}

pub(super) fn journal_entry_from_item(item: &Item) -> Result<JournalEntry, Fault> {
    let hash = |name: &str| hash_of_item(item, name);
    let state = |name: &str| item.opt_text(name).map(str::to_owned);
    Ok(JournalEntry {
        number: item.text("sk")?.parse().map_err(|_| unreadable_attribute("the number"))?,
        kind: item.opt_text("record_kind").unwrap_or(FIRST_KIND).to_owned(),
        record: item.text("record")?.parse().map_err(|_| unreadable_attribute("the record"))?,
        seq: item.number("seq")?,
        at: item.time("at_ms")?,
        latest_at: item.time("latest_ms")?,
        event: item.text("event")?.to_owned(),
        states: state("to_state").map(|to| StateChange { from: state("from_state"), to }),
        hashes: hash("previous_hash")?.zip(hash("hash")?).map(|(previous, own)| JournalHashes { previous, own }),
        tree: tree_of_item(item)?,
        live_data: item.contains_key("live").then(|| item.json("live")).transpose()?,
        totals: match item.contains_key("totals_by_kind") {
            true => item.json("totals_by_kind")?,
            false => BTreeMap::from([(FIRST_KIND.to_owned(), item.json("totals")?)]),
        },
    })
}

fn hash_of_item(item: &Item, name: &str) -> Result<Option<ChainHash>, Fault> {
    let hash = |text| ChainHash::from_hex(text).ok_or_else(|| unreadable_attribute(name));
    item.opt_text(name).map(hash).transpose()
}

fn tree_of_item(item: &Item) -> Result<Option<MerkleTree>, Fault> {
    let Some(edge) = item.get("tree_edge") else { return Ok(None) };
    let tree = edge.as_b().ok().and_then(|edge| {
        let size = item.number("tree_size").ok()?;
        MerkleTree::from_right_edge(size, edge.as_ref())
    });
    tree.map(Some).ok_or_else(|| unreadable_attribute("tree_edge"))
}

fn unreadable_attribute(name: &str) -> Fault {
    Fault::internal(format!("{name} of a journal entry can't be read"))
}

/// Adds the condition that an entry belongs to a record of this kind.
pub(super) fn kind_condition(kind: &str) -> &'static str {
    if kind == FIRST_KIND {
        "(attribute_not_exists(record_kind) OR record_kind = :kind)"
    } else {
        "record_kind = :kind"
    }
}
