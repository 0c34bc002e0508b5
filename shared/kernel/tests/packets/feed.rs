//! Every event once, numbered without gaps, whoever writes and whatever is repeated.

use std::collections::{BTreeMap, BTreeSet};

use handrail_domain::ids::RecordId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Act, Packet, State};
use handrail_domain::totals::Totals;
use handrail_kernel::cx::Cx;
use handrail_kernel::door::{Publicity, public_news_of};
use handrail_kernel::fault::Fault;
use handrail_kernel::feed::{Happened, Headline, Headlines};
use handrail_kernel::store::{FeedEntry, FeedKey, HeadKey, Item, Numbered, Told};
use tokio::task::JoinSet;

use crate::desk::{Desk, Wish, claim, tenant};

pub(crate) fn the_feed() -> FeedKey {
    FeedKey { tenant: tenant(), kind: Packet::KIND }
}

pub(crate) fn headline(happened: &Happened<'_, Packet>) -> Option<Headline> {
    let claims = matches!(happened.record.state(), State::Claimed);
    let told = Told { action: Packet::event_name(&happened.entry.event), actor: happened.record.ask.source.id.clone() };
    let age_ms = happened.entry.at.ms_since(happened.record.created_at);
    Some(Headline { told: Some(told), claimed_after_ms: claims.then_some(age_ms), ..Headline::default() })
}

pub(crate) async fn add(cx: &Cx, (old, new): &(Option<Item>, Item)) -> Result<(), Fault> {
    public_news_of::<Packet>(cx, old.as_ref(), new, with(headline)).await.map(drop)
}

/// And no hooks.
fn with(headlines: Headlines<Packet>) -> Publicity<Packet> {
    Publicity { headlines, announcements: |_| None }
}

async fn add_all(desk: &Desk) {
    for change in desk.changes() {
        add(&desk.cx, &change).await.unwrap();
    }
}

pub(crate) async fn feed(desk: &Desk) -> Vec<FeedEntry> {
    let (mut entries, mut after) = (Vec::new(), 0);
    loop {
        let page = desk.cx.store.feed_after(the_feed(), after, 50).await.unwrap();
        let Some(last) = page.last() else { return entries };
        after = last.number;
        entries.extend(page);
    }
}

/// Panics where the feed is not what was promised. Gives its newest totals.
async fn check(desk: &Desk) -> Totals {
    let entries = feed(desk).await;
    let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=entries.len() as u64).collect::<Vec<_>>(), "numbered without gaps");
    let mut seen: BTreeMap<RecordId, u64> = BTreeMap::new();
    for entry in &entries {
        let before = seen.insert(entry.record, entry.seq).unwrap_or(0);
        assert_eq!(entry.seq, before + 1, "each event of a record once and in its order");
    }
    let heads: BTreeSet<(RecordId, u64)> = {
        let mut newest = BTreeMap::new();
        for (_, new) in desk.changes() {
            let key = handrail_kernel::store::head_key_of(&new).unwrap();
            newest.insert(key.id, handrail_kernel::store::seq_of(&new).unwrap());
        }
        newest.into_iter().collect()
    };
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), heads, "all of them");
    let totals = entries.last().map(|entry| entry.totals.clone()).unwrap_or_default();
    assert_eq!(totals.told.values().sum::<u64>(), entries.len() as u64);
    totals
}

#[tokio::test]
async fn every_event_is_there_once_and_the_figures_add_up() {
    let desk = Desk::new().await;
    for _ in 0..3 {
        let made = desk.make(Wish::default()).await;
        desk.advance(2_000);
        desk.act(made.id, claim("coder"), None).await;
    }
    desk.make(Wish::default()).await;
    add_all(&desk).await;
    add_all(&desk).await;
    let totals = check(&desk).await;
    assert_eq!((totals.in_state("claimed"), totals.in_state("created"), totals.records()), (3, 1, 4));
    assert_eq!(totals.claims.average_seconds(), Some(2.0));
}

#[tokio::test]
async fn what_is_remembered_saves_reading_the_newest() {
    let desk = Desk::new().await;
    for _ in 0..3 {
        desk.make(Wish::default()).await;
    }
    for (at, change) in desk.changes().iter().enumerate() {
        desk.asked();
        add(&desk.cx, change).await.unwrap();
        let asked = desk.asked().by_action;
        assert_eq!((asked.get("PutItem"), asked.get("Query")), (Some(&2), (at == 0).then_some(&1)), "{asked:?}");
    }
    check(&desk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_that_write_at_once_neither_loses_or_repeats_anything() {
    let desk = Desk::new().await;
    for _ in 0..20 {
        let made = desk.make(Wish::default()).await;
        desk.act(made.id, claim("coder"), None).await;
    }
    let mut by_record: BTreeMap<String, Vec<(Option<Item>, Item)>> = BTreeMap::new();
    for change in desk.changes() {
        by_record.entry(format!("{:?}", change.1["pk"])).or_default().push(change);
    }
    let forwards: Vec<_> = by_record.into_values().collect();
    let mut backwards = forwards.clone();
    backwards.reverse();
    let mut writers = JoinSet::new();
    for changes in [forwards, backwards] {
        let cx = desk.another();
        writers.spawn(async move {
            for change in changes.iter().flatten() {
                // Whoever lost too often comes again, as the stream does.
                while let Err(fault) = add(&cx, change).await {
                    assert!(fault.may_pass(), "{}", fault.chain());
                }
            }
        });
    }
    writers.join_all().await;
    let totals = check(&desk).await;
    assert_eq!((totals.in_state("claimed"), totals.records()), (20, 20));
}

#[tokio::test]
async fn a_number_that_was_noted_and_not_taken_is_taken_or_given_up() {
    for another_was_faster in [false, true] {
        let desk = Desk::new().await;
        let (first, second) = (desk.make(Wish::default()).await, desk.make(Wish::default()).await);
        let key = HeadKey { tenant: tenant(), id: first.id };
        let noted = desk.cx.store.keep_numbered_event::<Packet>(key, &first.log[0], 1).await.unwrap();
        assert_eq!(noted, Numbered::Now);
        // Here the process died.
        let changes = desk.changes();
        let order = if another_was_faster { [1, 0] } else { [0, 1] };
        for at in order {
            add(&desk.another(), &changes[at]).await.unwrap();
        }
        let records: Vec<RecordId> = feed(&desk).await.iter().map(|entry| entry.record).collect();
        assert_eq!(records, if another_was_faster { [second.id, first.id] } else { [first.id, second.id] });
        add_all(&desk).await;
        check(&desk).await;
    }
}

#[tokio::test]
async fn an_event_that_was_kept_before_there_were_feeds_joins_once() {
    let desk = Desk::new().await;
    let made = desk.make(Wish::default()).await;
    desk.cx.store.keep_event(HeadKey { tenant: tenant(), id: made.id }, &made.log[0]).await.unwrap();
    add_all(&desk).await;
    add_all(&desk).await;
    check(&desk).await;
}

#[tokio::test]
async fn an_event_without_a_headline_is_kept_and_not_added() {
    let desk = Desk::new().await;
    let made = desk.make(Wish::default()).await;
    desk.act(made.id, Act::Renew, None).await;
    for (old, new) in desk.changes() {
        let publicity = with(|happened| (happened.entry.seq == 1).then(Headline::default));
        public_news_of::<Packet>(&desk.cx, old.as_ref(), &new, publicity).await.unwrap();
    }
    assert_eq!(feed(&desk).await.len(), 1);
    assert_eq!(desk.items(made.id, "event#").await.len(), 2);
}
