//! Pages contain every packet once, for any number of packets.

use handrail_domain::packet::{Packet, State};
use handrail_store::{Cursor, Filter, PageRequest};

use crate::bodies::incompressible_text;
use crate::test_app::{PacketFixture, TestApp, claim, page};

/// Encodes and parses a cursor, as a client does that sends it back.
fn round_trip_cursor(cursor: Option<Cursor>) -> Option<Cursor> {
    cursor.map(|cursor| Cursor::parse(&cursor.encode()).unwrap())
}

/// More packets than a combination of filters is counted to, with large index entries.
#[tokio::test]
async fn counting_and_paging_load_only_the_page() {
    const PACKET_COUNT: usize = 1_050;
    let app = TestApp::new().await;
    let mut created = Vec::new();
    for index in 0..PACKET_COUNT {
        let mut tags: Vec<String> = (0..8).map(|tag| format!("{tag:064}")).collect();
        tags.push(format!("t{}", index % 7));
        created.push(app.create_packet(PacketFixture { tags, ..PacketFixture::with_summary("many") }).await.id);
        app.advance(1);
    }
    created.reverse();
    let tagged = Filter { tags: vec!["t3".to_owned()], ..Filter::default() };
    let open = Filter { states: Some(vec![State::Created]), ..Filter::default() };
    for (filter, step, from) in [(&Filter::default(), 1, 0), (&open, 1, 0), (&tagged, 7, (PACKET_COUNT - 1 - 3) % 7)] {
        let matching: Vec<_> = created.iter().skip(from).step_by(step).copied().collect();
        for offset in [0, 1, 150, matching.len() - 10, matching.len(), usize::MAX] {
            app.take_call_counts();
            let found = app.find(filter, &page(20, offset)).await;
            let ids: Vec<_> = found.records.iter().map(|packet| packet.record.id).collect();
            let expected: Vec<_> = matching.iter().skip(offset).take(20).copied().collect();
            assert_eq!(ids, expected, "offset {offset}");
            let seen = offset.min(matching.len()) + ids.len();
            let totals =
                if found.total.is_minimum { seen.max(1_000)..=matching.len() } else { matching.len()..=matching.len() };
            assert!(
                totals.contains(&usize::try_from(found.total.count).unwrap()),
                "offset {offset}: {}",
                found.total.count
            );
            assert!(!found.total.is_minimum || matching.len() > 1_000, "offset {offset}");
            assert_eq!(found.next.is_some(), offset.saturating_add(20) < matching.len());
            let calls = app.take_call_counts();
            assert!(
                calls.keys_in_batches <= 40 + 5,
                "only counts, and heads and bodies of the page are read: {calls:?}"
            );
        }
    }
    app.take_call_counts();
    app.find(&tagged, &page(1, 0)).await;
    let calls = app.take_call_counts().by_action["Query"];
    assert!(calls > 7 * 4, "each partition with packets is read in more than one query: {calls}");
    let cursor = round_trip_cursor(cursor_after_half(&app, &open).await);
    let found = app.find(&tagged, &PageRequest { cursor, ..page(200, 9_999) }).await;
    assert_eq!((found.records.len(), found.total.count), (58, 150), "a cursor leaves the offset without effect");
}

async fn cursor_after_half(app: &TestApp, filter: &Filter<Packet>) -> Option<Cursor> {
    app.find(filter, &page(20, 627)).await.next
}

#[tokio::test]
async fn cursor_reaches_all_packets_while_they_change() {
    let app = TestApp::new().await;
    let mut created = Vec::new();
    for index in 0..61 {
        created.insert(0, app.create_packet(PacketFixture::with_summary("one of some")).await.id);
        app.advance(i64::from(index % 3 == 0));
    }
    created.sort_unstable_by(|a, b| b.cmp(a));
    for limit in [1, 7, 60, 61, 62] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let found = app.find(&Filter::default(), &PageRequest { cursor, ..page(limit, 0) }).await;
            assert_eq!(found.total.count, 61);
            assert!(found.records.len() <= limit);
            seen.extend(found.records.iter().map(|packet| packet.record.id));
            cursor = round_trip_cursor(found.next);
            if cursor.is_none() {
                break;
            }
            if limit == 7 {
                // Neither the packet nor its position in the list is lost.
                app.act(*seen.last().unwrap(), claim("coder"), None).await;
            }
        }
        assert_eq!(seen, created);
    }
}

#[tokio::test]
async fn page_ends_at_its_byte_limit() {
    let app = TestApp::new().await;
    let mut created = Vec::new();
    for index in 0..40 {
        created.insert(
            0,
            app.create_packet(PacketFixture::with_summary(&incompressible_text(60_000, index + 1))).await.id,
        );
        app.advance(1);
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let found = app.find(&Filter::default(), &PageRequest { cursor, bytes_max: 1_000_000, ..page(200, 0) }).await;
        let bytes: usize = found.records.iter().map(|packet| packet.body.as_ref().unwrap().byte_len()).sum();
        assert!(bytes <= 1_000_000 && !found.records.is_empty());
        assert_eq!(found.total.count, 40);
        seen.extend(found.records.iter().map(|packet| packet.record.id));
        pages += 1;
        cursor = round_trip_cursor(found.next);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (created, 3));
    let smallest_page = app.find(&Filter::default(), &PageRequest { bytes_max: 10, ..page(200, 0) }).await;
    assert_eq!(smallest_page.records.len(), 1, "one packet always has room");
}

#[tokio::test]
async fn packets_of_other_tenants_are_hidden() {
    let app = TestApp::new().await;
    app.create_packet(PacketFixture::default()).await;
    let other = handrail_domain::ids::TenantId::new(app.now(), [8; 10]);
    for filter in [Filter::default(), Filter { source: Some("planner".to_owned()), ..Filter::default() }] {
        let found = app.cx.store.find::<Packet>(other, &filter, &page(5, 0), app.now()).await.unwrap();
        assert_eq!((found.records.len(), found.total.count), (0, 0));
    }
}
