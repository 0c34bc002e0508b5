//! The newest entries that fit, how many there are, and where a time begins.

use handrail_kernel::store::{FoundEntries, ToldFilter};

use crate::desk::{Desk, NOON, Wish, claim};
use crate::feed::{add, the_feed};

const SECOND_MS: i64 = 1_000;

/// A packet each second, every third claimed at once.
async fn busy(desk: &Desk, packets: usize) {
    for at in 0..packets {
        let made = desk.make(Wish { source: if at % 2 == 0 { "even" } else { "odd" }, ..Wish::default() }).await;
        if at % 3 == 0 {
            desk.act(made.id, claim("coder"), None).await;
        }
        desk.advance(SECOND_MS);
    }
    for change in desk.changes() {
        add(&desk.cx, &change).await.unwrap();
    }
}

async fn found(desk: &Desk, filter: &ToldFilter, offset: usize, limit: usize) -> (Vec<u64>, u64) {
    let found = desk.cx.store.find_told(the_feed(), filter, offset, limit).await.unwrap();
    let FoundEntries { entries, total } = found.unwrap();
    (entries.iter().map(|entry| entry.number).collect(), total)
}

#[tokio::test]
async fn pages_and_totals_agree_under_every_filter() {
    let desk = Desk::new().await;
    assert_eq!(found(&desk, &ToldFilter::default(), 0, 10).await, (Vec::new(), 0));
    busy(&desk, 30).await;
    let after = |seconds: i64| Some(NOON.plus_ms(seconds * SECOND_MS));
    let named = |action: &str| Some(action.to_owned());
    let filters = [
        (ToldFilter::default(), 40),
        (ToldFilter { action: named("packet.claimed"), ..ToldFilter::default() }, 10),
        (ToldFilter { action: named("nothing"), ..ToldFilter::default() }, 0),
        (ToldFilter { actor: named("even"), ..ToldFilter::default() }, 20),
        (ToldFilter { actor: named("odd"), action: named("packet.created"), ..ToldFilter::default() }, 15),
        (ToldFilter { from: after(20), ..ToldFilter::default() }, 13),
        (ToldFilter { to: after(2), ..ToldFilter::default() }, 4),
        (ToldFilter { from: after(10), to: after(19), action: named("packet.claimed"), ..ToldFilter::default() }, 3),
        (ToldFilter { from: after(1_000), ..ToldFilter::default() }, 0),
        (ToldFilter { to: after(-1), ..ToldFilter::default() }, 0),
    ];
    for (filter, total) in filters {
        let (all, counted) = found(&desk, &filter, 0, 200).await;
        assert_eq!((all.len() as u64, counted), (total, total), "{filter:?}");
        assert!(all.is_sorted_by(|a, b| a > b), "newest first");
        for limit in [1, 7] {
            for offset in [0, 1, 5, 9, 13, 40, 1_000, usize::MAX] {
                let (page, counted) = found(&desk, &filter, offset, limit).await;
                let expected: Vec<u64> = all.iter().skip(offset).take(limit).copied().collect();
                assert_eq!((page, counted), (expected, total), "{filter:?} from {offset}, {limit}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_noticed_late_is_found_by_its_own_time() {
    let desk = Desk::new().await;
    desk.make(Wish::default()).await;
    desk.advance(10 * SECOND_MS);
    desk.make(Wish::default()).await;
    let changes = desk.changes();
    for at in [1, 0] {
        add(&desk.cx, &changes[at]).await.unwrap();
    }
    let middle = Some(NOON.plus_ms(5 * SECOND_MS));
    assert_eq!(found(&desk, &ToldFilter { from: middle, ..ToldFilter::default() }, 0, 10).await, (vec![1], 1));
    assert_eq!(found(&desk, &ToldFilter { to: middle, ..ToldFilter::default() }, 0, 10).await, (vec![2], 1));
}

#[tokio::test]
async fn counting_loads_no_entries() {
    let desk = Desk::new().await;
    busy(&desk, 30).await;
    desk.asked();
    found(&desk, &ToldFilter::default(), 0, 5).await;
    assert_eq!(desk.asked().by_action["Query"], 2, "the newest, and the page");
    let newest = desk.cx.store.newest_feed_entry(the_feed()).await.unwrap().unwrap();
    desk.asked();
    let before = desk.cx.store.last_before(the_feed(), &newest, NOON.plus_ms(15 * SECOND_MS)).await.unwrap().unwrap();
    assert_eq!(before.totals.told_as("packet.created"), 15);
    assert!(desk.asked().by_action["Query"] <= 6, "a search, not a walk");
}
