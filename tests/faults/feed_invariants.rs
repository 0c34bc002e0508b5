//! Invariants of the tenant's feed, checked against the stored packets.

use std::collections::BTreeMap;

use handrail_store::Item;
use serde_json::Value;

use crate::snapshot::{is_head, number_attribute, string_attribute};

/// Asserts that feed numbers have no gaps, that each packet's events appear once and in order, and that the totals
/// match the stored packets.
pub(crate) fn check_feed_has_each_event_once(table: &[Item]) {
    let mut feed: Vec<&Item> = table.iter().filter(|item| string_attribute(item, "pk").starts_with("feed#")).collect();
    feed.sort_by_key(|entry| string_attribute(entry, "sk").to_owned());
    for (index, entry) in feed.iter().enumerate() {
        assert_eq!(string_attribute(entry, "sk").parse(), Ok(index + 1), "the tenant's feed has a gap");
    }
    let mut entry_of_event: BTreeMap<(&str, i64), &Item> = BTreeMap::new();
    let mut newest_seq: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in &feed {
        let record = string_attribute(entry, "record");
        assert!(entry_of_event.insert((record, seq(entry)), entry).is_none(), "an event is in the feed twice");
        let previous = newest_seq.insert(record, seq(entry)).unwrap_or(0);
        assert!(seq(entry) > previous, "events of a packet are out of order");
    }
    let heads: Vec<&Item> = table.iter().filter(|item| is_head(item, "packet")).collect();
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let mut events_found = 0;
    for head in &heads {
        *states.entry(string_attribute(head, "state").to_owned()).or_default() += 1;
        let (_, id) = string_attribute(head, "pk").split_once('#').expect("a partition key has a tenant and an id");
        let is_event_of_head = |item: &&Item| {
            string_attribute(item, "pk") == string_attribute(head, "pk")
                && string_attribute(item, "sk").starts_with("event#")
        };
        let events: Vec<&Item> = table.iter().filter(is_event_of_head).collect();
        assert_eq!(i64::try_from(events.len()).ok(), number_attribute(head, "seq"), "every event is stored");
        for event in events {
            let seq = string_attribute(event, "sk").trim_start_matches("event#").parse().expect("a number");
            let entry = entry_of_event.get(&(id, seq));
            assert_eq!(entry.is_none(), is_heartbeat(event), "an event of {id} is not in the feed, or a heartbeat is");
            let Some(entry) = entry else { continue };
            events_found += 1;
            assert_eq!(string_attribute(event, "event"), string_attribute(entry, "event"));
            assert_eq!(
                number_attribute(event, "feed_number"),
                string_attribute(entry, "sk").parse().ok(),
                "the event item has the feed number"
            );
        }
    }
    assert_eq!(entry_of_event.len(), events_found, "every feed entry belongs to an event");
    let Some(newest) = feed.last() else { return };
    let totals: Value = serde_json::from_str(string_attribute(newest, "totals")).expect("totals can be read");
    let counts = |name: &str| -> BTreeMap<String, u64> {
        let counts = totals[name].as_object().into_iter().flatten();
        let counts = counts.map(|(of, count)| (of.clone(), count.as_u64().expect("a count is a number")));
        counts.filter(|(_, count)| *count > 0).collect()
    };
    assert_eq!(counts("states"), states, "the totals count the stored packets");
    assert_eq!(counts("told").values().sum::<u64>(), feed.len() as u64, "the totals count every entry");
}

/// Returns `true` for a PATCH without changes, which makes no feed entry.
fn is_heartbeat(event: &Item) -> bool {
    let log_entry: Value = serde_json::from_str(string_attribute(event, "event")).expect("an event can be read");
    log_entry["event"]["type"] == "packet.edited" && log_entry["event"]["edited"].is_null()
}

fn seq(item: &Item) -> i64 {
    number_attribute(item, "seq").expect("a feed entry has a sequence number")
}
