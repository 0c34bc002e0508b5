//! Invariants of the journals, checked against the stored records.

use std::collections::BTreeMap;

use handrail_store::Item;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::rules;
use crate::snapshot::{is_head, number_attribute, string_attribute};

/// Kinds whose events are in their tenant's journal.
const JOURNALED_KINDS: [&str; 2] = ["decision", "packet"];

/// Asserts that each journal has the events of its tenant's records once and in order, without gaps and chained by
/// hashes, and that its totals match the stored records.
pub(crate) fn check_journals(table: &[Item]) {
    let mut entry_of_event: BTreeMap<(&str, i64), &Item> = BTreeMap::new();
    for (tenant, journal) in &journals(table) {
        check_numbers_and_hashes(tenant, journal);
        check_trees(journal);
        let mut newest_seq: BTreeMap<&str, i64> = BTreeMap::new();
        for entry in journal {
            let record = string_attribute(entry, "record");
            assert!(entry_of_event.insert((record, seq(entry)), entry).is_none(), "an event is in the journal twice");
            let previous = newest_seq.insert(record, seq(entry)).unwrap_or(0);
            assert!(seq(entry) > previous, "events of a record are out of order");
        }
        for kind in JOURNALED_KINDS {
            check_totals(table, tenant, kind, journal);
        }
    }
    let mut events_found = 0;
    for kind in JOURNALED_KINDS {
        for head in table.iter().filter(|item| is_head(item, kind)) {
            events_found += check_events_of_record(table, head, &entry_of_event);
        }
    }
    assert_eq!(entry_of_event.len(), events_found, "every journal entry belongs to an event");
}

/// Returns the journal of each tenant, in order.
fn journals(table: &[Item]) -> BTreeMap<&str, Vec<&Item>> {
    let mut journals: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in table {
        let parts: Vec<&str> = string_attribute(item, "pk").split('#').collect();
        if let ["feed", tenant, "packet"] = parts[..] {
            journals.entry(tenant).or_default().push(item);
        }
    }
    for journal in journals.values_mut() {
        journal.sort_by_key(|entry| string_attribute(entry, "sk").to_owned());
    }
    journals
}

fn check_numbers_and_hashes(tenant: &str, journal: &[&Item]) {
    let mut hash = Sha256::digest(format!("journal#{tenant}"));
    for (index, entry) in journal.iter().enumerate() {
        let text = |name| string_attribute(entry, name);
        assert_eq!(text("sk").parse(), Ok(index + 1), "the tenant's journal has a gap");
        let from = entry.get("from_state").and_then(|state| state.as_s().ok());
        let row = format!(
            r#"{{"number":{},"kind":{},"record":{},"seq":{},"from":{},"to":{},"entry":{}}}"#,
            index + 1,
            json!(text("record_kind")),
            json!(text("record")),
            seq(entry),
            json!(from),
            json!(text("to_state")),
            json!(rules::hashed_text(text("event"))),
        );
        assert_eq!(text("previous_hash"), hex(&hash), "a row does not continue the chain");
        hash = Sha256::new().chain_update(hash).chain_update(row).finalize();
        assert_eq!(text("hash"), hex(&hash), "a row's hash does not cover the row");
    }
}

/// Asserts that each entry holds the complete subtrees of RFC 6962's tree over the hashes up to it, the largest first.
fn check_trees(journal: &[&Item]) {
    let mut leaves: Vec<[u8; 32]> = Vec::new();
    for entry in journal {
        leaves.push(unhex(string_attribute(entry, "hash")));
        assert_eq!(number_attribute(entry, "tree_size"), i64::try_from(leaves.len()).ok(), "the tree has every row");
        let (mut edge, mut rest) = (Vec::new(), leaves.as_slice());
        while !rest.is_empty() {
            let (complete, others) = rest.split_at(1 << rest.len().ilog2());
            edge.extend(subtree_hash(complete));
            rest = others;
        }
        let stored = entry.get("tree_edge").and_then(|edge| edge.as_b().ok()).expect("an entry has a tree");
        assert_eq!(stored.as_ref(), edge, "the right edge covers the hashes of all rows");
    }
}

/// Hash of a complete subtree.
fn subtree_hash(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [leaf] => Sha256::new().chain_update([0]).chain_update(leaf).finalize().into(),
        _ => {
            let (left, right) = leaves.split_at(leaves.len() / 2);
            let nodes = Sha256::new().chain_update([1]).chain_update(subtree_hash(left));
            nodes.chain_update(subtree_hash(right)).finalize().into()
        }
    }
}

/// Asserts that the newest entry's totals count the stored records and all entries of a kind.
fn check_totals(table: &[Item], tenant: &str, kind: &str, journal: &[&Item]) {
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let is_of_tenant = |head: &&Item| string_attribute(head, "pk").split('#').next() == Some(tenant);
    for head in table.iter().filter(|item| is_head(item, kind)).filter(is_of_tenant) {
        *states.entry(string_attribute(head, "state").to_owned()).or_default() += 1;
    }
    let newest = journal.last().expect("a journal has an entry");
    let totals: Value = serde_json::from_str(string_attribute(newest, "totals_by_kind")).expect("totals can be read");
    let counts = |name: &str| -> BTreeMap<String, u64> {
        let counts = totals[kind][name].as_object().into_iter().flatten();
        let counts = counts.map(|(of, count)| (of.clone(), count.as_u64().expect("a count is a number")));
        counts.filter(|(_, count)| *count > 0).collect()
    };
    assert_eq!(counts("states"), states, "the totals count the stored records of kind {kind}");
    let of_kind = journal.iter().filter(|entry| string_attribute(entry, "record_kind") == kind).count();
    assert_eq!(counts("told").values().sum::<u64>(), of_kind as u64, "the totals count every entry of kind {kind}");
}

/// Asserts that every event of a record is stored and, unless it is a heartbeat, in the journal. Returns the number of
/// its journal entries.
fn check_events_of_record(table: &[Item], head: &Item, entry_of_event: &BTreeMap<(&str, i64), &Item>) -> usize {
    let (_, id) = string_attribute(head, "pk").split_once('#').expect("a partition key has a tenant and an id");
    let is_event_of_head = |item: &&Item| {
        string_attribute(item, "pk") == string_attribute(head, "pk")
            && string_attribute(item, "sk").starts_with("event#")
    };
    let events: Vec<&Item> = table.iter().filter(is_event_of_head).collect();
    assert_eq!(i64::try_from(events.len()).ok(), number_attribute(head, "seq"), "every event is stored");
    let mut found = 0;
    for event in events {
        let seq = string_attribute(event, "sk").trim_start_matches("event#").parse().expect("a number");
        let entry = entry_of_event.get(&(id, seq));
        assert_eq!(entry.is_none(), is_heartbeat(event), "an event of {id} is not in the journal, or a heartbeat is");
        let Some(entry) = entry else { continue };
        found += 1;
        assert_eq!(string_attribute(event, "event"), string_attribute(entry, "event"));
        let number = string_attribute(entry, "sk").parse().ok();
        assert_eq!(number_attribute(event, "feed_number"), number, "the event item has the journal number");
    }
    found
}

/// Returns `true` for a PATCH without changes, which makes no journal entry.
fn is_heartbeat(event: &Item) -> bool {
    let log_entry: Value = serde_json::from_str(string_attribute(event, "event")).expect("an event can be read");
    log_entry["event"]["type"] == "packet.edited" && log_entry["event"]["edited"].is_null()
}

fn seq(item: &Item) -> i64 {
    number_attribute(item, "seq").expect("a journal entry has a sequence number")
}

fn unhex(text: &str) -> [u8; 32] {
    std::array::from_fn(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).expect("a hash is hexadecimal"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
