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
    let mut told: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in &feed {
        let before = told.insert(text(entry, "record"), seq(entry)).unwrap_or(0);
        assert_eq!(seq(entry), before + 1, "an event is told twice, too early or not at all");
        let event = table.iter().find(|item| {
            text(item, "pk").ends_with(text(entry, "record")) && text(item, "sk") == format!("event#{:010}", seq(entry))
        });
        let event = event.expect("what is told was kept");
        assert_eq!(text(event, "event"), text(entry, "event"));
        assert_eq!(number(event, "feed_number"), text(entry, "sk").parse().ok(), "the event knows its number");
    }
    let heads: Vec<&Item> = table.iter().filter(|item| kind_of(item) == Some(Packet::KIND)).collect();
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    for head in &heads {
        let id = head_key_of(head).expect("a head").id.to_string();
        assert_eq!(told.get(id.as_str()), Some(&seq(head)), "an event of {id} is not told");
        *states.entry(text(head, "state").to_owned()).or_default() += 1;
    }
    assert_eq!(told.len(), heads.len());
    let Some(newest) = feed.last() else { return };
    let mut totals: Totals = serde_json::from_str(text(newest, "totals")).expect("totals can be read");
    totals.states.retain(|_, count| *count > 0);
    assert_eq!(totals.states, states, "the figures are those of the packets");
    assert_eq!(totals.told.values().sum::<u64>(), feed.len() as u64);
}

fn seq(item: &Item) -> i64 {
    number(item, "seq").expect("it has a number")
}
