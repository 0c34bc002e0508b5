//! Lists by facets hold what fits, all of it and nothing else, and say how much that is.

use handrail_domain::packet::{Act, Packet, Priority, State};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_kernel::store::{Filter, Order, Page};

use crate::desk::{Desk, NOON, Wish, agent, claim, page};

const LONG: &str = "an agent whose id is so long that nobody would want to have it in an index, least of all twice";

/// Packets of all sorts.
async fn all_sorts(desk: &Desk) -> Vec<Record<Packet>> {
    let mut made = Vec::new();
    for at in 0..45_usize {
        let tags = ["red", "green", "", LONG].iter().enumerate().filter(|(bit, _)| at >> bit & 1 == 1);
        let wish = Wish {
            source: ["planner", LONG, ""][at % 3],
            target: ["coder", "tester"][at % 2],
            priority: [Priority::Normal, Priority::High, Priority::Low, Priority::Critical][at / 3 % 4],
            tags: tags.map(|(_, tag)| (*tag).to_owned()).collect(),
            ..Wish::summary(&format!("number {at}"))
        };
        let id = desk.make(wish).await.id;
        if at % 5 > 0 {
            desk.act(id, claim(["coder", "helper", LONG][at % 3]), None).await;
        }
        match at % 5 {
            2 => drop(desk.act(id, Act::Move { to: State::InProgress, edit: None, in_batch: false }, None).await),
            3 => drop(desk.act(id, Act::Move { to: State::Completed, edit: None, in_batch: false }, None).await),
            4 => drop(desk.act(id, Act::Delete, None).await),
            _ => {}
        }
        made.push(desk.whole(id).await.record);
        // Some share a millisecond.
        desk.advance(i64::from(at % 4 == 0));
    }
    made.sort_unstable_by_key(|record| std::cmp::Reverse((record.created_at, record.id)));
    made
}

fn filters() -> Vec<Filter<Packet>> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let states: [Option<Vec<State>>; 5] = [
        None,
        Some(vec![State::Created]),
        Some(vec![State::Claimed, State::Completed]),
        Some(vec![State::Expired, State::Failed]),
        Some(Vec::new()),
    ];
    let mut filters = Vec::new();
    for states in states {
        for source in ["", LONG] {
            for holder in ["", "coder"] {
                for priority in ["", "high"] {
                    for tags in [&[][..], &["red"], &["green", "red", "red", LONG], &["blue"]] {
                        for (from, to) in [(None, None), (Some(3), Some(9))] {
                            let at = |ms: Option<i64>| ms.map(|ms| NOON.plus_ms(ms));
                            filters.push(Filter {
                                states: states.clone(),
                                source: some(source),
                                holder: some(holder),
                                priority: some(priority),
                                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                                created_from: at(from),
                                created_to: at(to),
                            });
                        }
                    }
                }
            }
        }
    }
    filters
}

#[tokio::test]
async fn every_combination_of_filters_finds_what_fits_and_counts_it() {
    let desk = Desk::new().await;
    let made = all_sorts(&desk).await;
    let mut found_something = 0;
    for filter in filters() {
        let wanted: Vec<_> = made.iter().filter(|record| fits(&filter, record)).map(|record| record.id).collect();
        let found = desk.find(&filter, &page(200, 0)).await;
        let ids: Vec<_> = found.records.iter().map(|whole| whole.record.id).collect();
        assert_eq!(ids, wanted, "{filter:?}");
        assert_eq!((found.total, found.next), (wanted.len() as u64, None), "{filter:?}");
        found_something += usize::from(!wanted.is_empty());
    }
    assert!(found_something > 50, "{found_something}");
}

/// What the filter says, told once more and without an index.
fn fits(filter: &Filter<Packet>, record: &Record<Packet>) -> bool {
    let holder = record.standing.holder.as_ref().unwrap_or(&record.ask.target);
    filter.states.as_ref().is_none_or(|states| states.contains(&record.standing.state))
        && filter.source.as_ref().is_none_or(|source| *source == record.ask.source.id)
        && filter.holder.as_ref().is_none_or(|wanted| *wanted == holder.id)
        && filter.priority.as_ref().is_none_or(|priority| priority == record.ask.priority.name())
        && filter.tags.iter().all(|tag| record.ask.tags.contains(tag))
        && filter.created_from.is_none_or(|from| record.created_at >= from)
        && filter.created_to.is_none_or(|to| record.created_at <= to)
}

#[tokio::test]
async fn times_beyond_all_reason_are_times() {
    let desk = Desk::new().await;
    desk.make(Wish::default()).await;
    let at = |ms: i64| Some(Timestamp::from_unix_ms(ms));
    let year_9999 = 253_402_300_799_999;
    for (from, to, total) in [
        (at(-1), None, 1),
        (None, at(-1), 0),
        (at(year_9999), None, 0),
        (None, at(year_9999), 1),
        (at(year_9999), at(-1), 0),
        (at(NOON.as_unix_ms()), at(NOON.as_unix_ms()), 1),
        (at(NOON.as_unix_ms() + 1), at(NOON.as_unix_ms()), 0),
    ] {
        for source in [None, Some("planner".to_owned())] {
            let filter = Filter { created_from: from, created_to: to, source, ..Filter::default() };
            let found = desk.find(&filter, &page(5, 0)).await;
            assert_eq!((found.total, found.records.len()), (total, total as usize), "{filter:?}");
        }
    }
}

#[tokio::test]
async fn a_deadline_counts_before_its_timer_has_written_it() {
    let desk = Desk::new().await;
    let open = desk.make(Wish::summary("left alone")).await;
    let leased = desk.make(Wish::summary("with a lease")).await;
    let act = Act::Claim { by: agent("coder"), lease_seconds: Some(60) };
    desk.act(leased.id, act, None).await;
    let done = desk.make(Wish::summary("done")).await;
    desk.act(done.id, claim("coder"), None).await;
    desk.act(done.id, Act::Move { to: State::Completed, edit: None, in_batch: false }, None).await;
    let listed = async |state: State| {
        let filter = Filter { states: Some(vec![state]), ..Filter::default() };
        let found = desk.find(&filter, &page(10, 0)).await;
        assert!(found.records.iter().all(|whole| whole.record.standing.state == state));
        assert_eq!(found.total, found.records.len() as u64);
        let mut ids: Vec<_> = found.records.iter().map(|whole| whole.record.id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(listed(State::Claimed).await, [leased.id]);
    desk.advance(60_000);
    assert_eq!(listed(State::Claimed).await, []);
    assert_eq!(listed(State::Created).await, [open.id, leased.id]);
    // The timer writes the lapse of the lease; nothing else is written.
    assert!(handrail_kernel::transition::raise_due::<Packet>(&desk.cx, leased.tenant, leased.id).await.unwrap());
    assert_eq!(listed(State::Created).await, [open.id, leased.id]);
    desk.advance(24 * 60 * 60 * 1000);
    assert_eq!(listed(State::Created).await, []);
    assert_eq!(listed(State::Expired).await, [open.id, leased.id]);
    assert_eq!(listed(State::Completed).await, [done.id]);
}

#[tokio::test]
async fn lists_begin_with_the_oldest_where_that_is_wanted() {
    let desk = Desk::new().await;
    let made = all_sorts(&desk).await;
    let filter = Filter { states: Some(vec![State::Created, State::Claimed]), ..Filter::default() };
    let wanted: Vec<_> = made.iter().rev().filter(|record| fits(&filter, record)).map(|record| record.id).collect();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = Page { limit: 7, offset: 0, after, order: Order::OldestFirst, bytes_max: usize::MAX };
        let found = desk.find(&filter, &page).await;
        assert_eq!(found.total, wanted.len() as u64);
        seen.extend(found.records.iter().map(|whole| whole.record.id));
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, wanted);
}
