//! The feed of the packets, against the packets themselves.

use std::collections::BTreeMap;

use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::totals::Totals;
use handrail_kernel::store::{Item, head_key_of, kind_of};

use crate::evidence::{number, text};

/// Numbers without gaps, each event of each packet under one of them and in its order, and figures that are those of the
/// packets that are there.
pub(crate) fn tells_every_event_once(table: &[Item]) {
    let mut feed: Vec<&Item> = table.iter().filter(|item| text(item, "pk").starts_with("feed#")).collect();
    feed.sort_by_key(|entry| text(entry, "sk").to_owned());
    for (at, entry) in feed.iter().enumerate() {
        assert_eq!(text(entry, "sk").parse(), Ok(at + 1), "the feed of the one account has a gap");
    }
    let mut told: BTreeMap<(&str, i64), &Item> = BTreeMap::new();
    let mut newest_of: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in &feed {
        let record = text(entry, "record");
        assert!(told.insert((record, seq(entry)), entry).is_none(), "an event is told twice");
        let before = newest_of.insert(record, seq(entry)).unwrap_or(0);
        assert!(seq(entry) > before, "an event is told too early");
    }
    // What hooks are told of packets lies in the table too.
    let is_packet = |item: &&Item| kind_of(item) == Some(Packet::KIND) && head_key_of(item).is_some();
    let heads: Vec<&Item> = table.iter().filter(is_packet).collect();
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let mut told_of_heads = 0;
    for head in &heads {
        *states.entry(text(head, "state").to_owned()).or_default() += 1;
        let id = head_key_of(head).expect("a head").id.to_string();
        let of_it = |item: &&Item| text(item, "pk") == text(head, "pk") && text(item, "sk").starts_with("event#");
        let events: Vec<&Item> = table.iter().filter(of_it).collect();
        assert_eq!(i64::try_from(events.len()).ok(), number(head, "seq"), "every event is kept");
        for event in events {
            let seq = text(event, "sk").trim_start_matches("event#").parse().expect("a number");
            let entry = told.get(&(id.as_str(), seq));
            assert_eq!(entry.is_none(), is_sign_of_life(event), "an event of {id} is not told, or a sign of life is");
            let Some(entry) = entry else { continue };
            told_of_heads += 1;
            assert_eq!(text(event, "event"), text(entry, "event"));
            assert_eq!(number(event, "feed_number"), text(entry, "sk").parse().ok(), "the event knows its number");
        }
    }
    assert_eq!(told.len(), told_of_heads, "what is told happened");
    let Some(newest) = feed.last() else { return };
    let mut totals: Totals = serde_json::from_str(text(newest, "totals")).expect("totals can be read");
    totals.states.retain(|_, count| *count > 0);
    assert_eq!(totals.states, states, "the figures are those of the packets");
    assert_eq!(totals.told.values().sum::<u64>(), feed.len() as u64);
}

/// A PATCH that says what is true already. It is nobody's news.
fn is_sign_of_life(event: &Item) -> bool {
    let line: serde_json::Value = serde_json::from_str(text(event, "event")).expect("an event can be read");
    line["event"]["type"] == "packet.edited" && line["event"]["edited"].is_null()
}

fn seq(item: &Item) -> i64 {
    number(item, "seq").expect("it has a number")
}
