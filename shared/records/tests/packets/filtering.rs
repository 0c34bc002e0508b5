//! Lists by filter contain all matching packets and no others, with their total.

use handrail_domain::packet::{Act, Packet, Priority, State};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_store::{Filter, Order, PageRequest};

use crate::test_app::{NOON, PacketFixture, TestApp, agent, claim, page};

const LONG_AGENT_ID: &str =
    "an agent id that is longer than the 64 bytes that an index stores of a value, so it is stored as a digest";

/// Creates packets that differ in source, target, priority, tags and state.
async fn create_varied_packets(app: &TestApp) -> Vec<Record<Packet>> {
    let mut created = Vec::new();
    for index in 0..45_usize {
        let tags = ["red", "green", "", LONG_AGENT_ID].iter().enumerate().filter(|(bit, _)| index >> bit & 1 == 1);
        let fixture = PacketFixture {
            source: ["planner", LONG_AGENT_ID, ""][index % 3],
            target: ["coder", "tester"][index % 2],
            priority: [Priority::Normal, Priority::High, Priority::Low, Priority::Critical][index / 3 % 4],
            tags: tags.map(|(_, tag)| (*tag).to_owned()).collect(),
            ..PacketFixture::with_summary(&format!("number {index}"))
        };
        let id = app.create_packet(fixture).await.id;
        if index % 5 > 0 {
            app.act(id, claim(["coder", "helper", LONG_AGENT_ID][index % 3]), None).await;
        }
        match index % 5 {
            2 => drop(app.act(id, Act::Move { to: State::InProgress, edit: None, in_batch: false }, None).await),
            3 => drop(app.act(id, Act::Move { to: State::Completed, edit: None, in_batch: false }, None).await),
            4 => drop(app.act(id, Act::Delete, None).await),
            _ => {}
        }
        created.push(app.packet_with_body(id).await.record);
        // Some packets share a millisecond.
        app.advance(i64::from(index % 4 == 0));
    }
    created.sort_unstable_by_key(|record| std::cmp::Reverse((record.created_at, record.id)));
    created
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
        for source in ["", LONG_AGENT_ID] {
            for holder in ["", "coder"] {
                for priority in ["", "high"] {
                    for tags in [&[][..], &["red"], &["green", "red", "red", LONG_AGENT_ID], &["blue"]] {
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
async fn every_filter_combination_finds_and_counts_matches() {
    let app = TestApp::new().await;
    let created = create_varied_packets(&app).await;
    // Without counts, and with counts.
    for _ in 0..2 {
        let mut non_empty = 0;
        for filter in filters() {
            let expected: Vec<_> =
                created.iter().filter(|record| expected_match(&filter, record)).map(|record| record.id).collect();
            let found = app.find(&filter, &page(200, 0)).await;
            let ids: Vec<_> = found.records.iter().map(|packet| packet.record.id).collect();
            assert_eq!(ids, expected, "{filter:?}");
            assert_eq!((found.total.count, found.next), (expected.len() as u64, None), "{filter:?}");
            non_empty += usize::from(!expected.is_empty());
        }
        assert!(non_empty > 50, "{non_empty}");
        app.dispatch().await;
    }
}

/// Checks a filter against the record alone, without an index.
fn expected_match(filter: &Filter<Packet>, record: &Record<Packet>) -> bool {
    let holder = record.state_data.holder.as_ref().unwrap_or(&record.spec.target);
    filter.states.as_ref().is_none_or(|states| states.contains(&record.state_data.state))
        && filter.source.as_ref().is_none_or(|source| *source == record.spec.source.id)
        && filter.holder.as_ref().is_none_or(|expected| *expected == holder.id)
        && filter.priority.as_ref().is_none_or(|priority| priority == record.spec.priority.name())
        && filter.tags.iter().all(|tag| record.spec.tags.contains(tag))
        && filter.created_from.is_none_or(|from| record.created_at >= from)
        && filter.created_to.is_none_or(|to| record.created_at <= to)
}

#[tokio::test]
async fn extreme_timestamps_work_as_filters() {
    let app = TestApp::new().await;
    app.create_packet(PacketFixture::default()).await;
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
            let found = app.find(&filter, &page(5, 0)).await;
            assert_eq!((found.total.count, found.records.len()), (total, total as usize), "{filter:?}");
        }
    }
}

#[tokio::test]
async fn passed_deadline_counts_before_its_timer_fires() {
    check_passed_deadlines(false).await;
    check_passed_deadlines(true).await;
}

/// Checks lists by state at deadlines whose timers have not fired: of packets that are counted already, or not yet.
async fn check_passed_deadlines(is_counted: bool) {
    let app = TestApp::new().await;
    let open = app.create_packet(PacketFixture::with_summary("left alone")).await;
    let leased = app.create_packet(PacketFixture::with_summary("with a lease")).await;
    let act = Act::Claim { by: agent("coder"), lease_seconds: Some(60) };
    app.act(leased.id, act, None).await;
    let done = app.create_packet(PacketFixture::with_summary("done")).await;
    app.act(done.id, claim("coder"), None).await;
    app.act(done.id, Act::Move { to: State::Completed, edit: None, in_batch: false }, None).await;
    if is_counted {
        app.dispatch().await;
    }
    let listed = async |state: State| {
        let filter = Filter { states: Some(vec![state]), ..Filter::default() };
        let found = app.find(&filter, &page(10, 0)).await;
        assert!(found.records.iter().all(|packet| packet.record.state_data.state == state));
        assert_eq!(found.total.count, found.records.len() as u64);
        let mut ids: Vec<_> = found.records.iter().map(|packet| packet.record.id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(listed(State::Claimed).await, [leased.id]);
    app.advance(60_000);
    assert_eq!(listed(State::Claimed).await, []);
    assert_eq!(listed(State::Created).await, [open.id, leased.id]);
    // Firing the timer writes the end of the lease and changes no list.
    assert!(handrail_records::transition::fire_due_timers::<Packet>(&app.cx, leased.tenant, leased.id).await.unwrap());
    assert_eq!(listed(State::Created).await, [open.id, leased.id]);
    app.advance(24 * 60 * 60 * 1000);
    assert_eq!(listed(State::Created).await, []);
    assert_eq!(listed(State::Expired).await, [open.id, leased.id]);
    assert_eq!(listed(State::Completed).await, [done.id]);
}

#[tokio::test]
async fn list_can_start_with_the_oldest() {
    let app = TestApp::new().await;
    let created = create_varied_packets(&app).await;
    let filter = Filter { states: Some(vec![State::Created, State::Claimed]), ..Filter::default() };
    let expected: Vec<_> =
        created.iter().rev().filter(|record| expected_match(&filter, record)).map(|record| record.id).collect();
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageRequest { limit: 7, offset: 0, cursor, order: Order::OldestFirst, bytes_max: usize::MAX };
        let found = app.find(&filter, &page).await;
        assert_eq!(found.total.count, expected.len() as u64);
        ids.extend(found.records.iter().map(|packet| packet.record.id));
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(ids, expected);
}
