//! Invariants of the counts and labels, by which lists find packets, checked against the stored packets.

use std::collections::{BTreeMap, BTreeSet};

use handrail_store::Item;
use serde_json::Value;

use crate::snapshot::{Snapshot, StoredRecord, number_attribute, string_attribute};

/// Asserts that each count is the number of stored packets that match its filter, and that each packet has its labels.
pub(crate) fn check_counts_equal_a_recount(snapshot: &Snapshot) {
    let mut recount: BTreeMap<String, i64> = BTreeMap::new();
    for stored in &snapshot.packets {
        for filter in matching_filters(stored) {
            *recount.entry(filter).or_default() += 1;
        }
        check_labels(&snapshot.items, stored);
    }
    let is_count = |item: &&Item| string_attribute(item, "pk").starts_with("counts#");
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for item in snapshot.items.iter().filter(is_count) {
        let Some((filter, _)) = string_attribute(item, "sk").rsplit_once('#') else {
            assert_eq!(number_attribute(item, "complete"), Some(1), "the counts are complete");
            continue;
        };
        *counts.entry(filter.to_owned()).or_default() +=
            number_attribute(item, "records").expect("a count is a number");
    }
    counts.retain(|_, count| *count != 0);
    assert_eq!(counts, recount, "the counts are those of the stored packets");
}

/// Returns the filters that the packet matches, as text.
fn matching_filters(stored: &StoredRecord) -> BTreeSet<String> {
    let holder = stored.state_data.get("holder").unwrap_or(&stored.spec["target"]);
    let mut filters = immutable_filters(stored);
    filters.extend(["all".to_owned(), format!("state={}", stored.state()), format!("holder={}", text(&holder["id"]))]);
    filters
}

fn immutable_filters(stored: &StoredRecord) -> BTreeSet<String> {
    let spec = &stored.spec;
    let tags = spec["tags"].as_array().into_iter().flatten().map(|tag| format!("tag={}", text(tag)));
    let source = format!("source={}", text(&spec["source"]["id"]));
    tags.chain([source, format!("priority={}", text(&spec["priority"]))]).collect()
}

fn check_labels(items: &[Item], stored: &StoredRecord) {
    let pk = &stored.partition;
    let labels = items.iter().filter(|item| string_attribute(item, "pk") == pk);
    let labels = labels.filter_map(|item| string_attribute(item, "sk").strip_prefix("label#").map(str::to_owned));
    assert_eq!(labels.collect::<BTreeSet<_>>(), immutable_filters(stored), "{pk} has its labels");
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a filtered field is text")
}
