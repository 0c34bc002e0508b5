//! Search finds every packet with all the terms, and no other.

use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Packet, Priority, State};
use handrail_domain::search_terms::SearchTerms;
use handrail_store::{Filter, PageRequest, SearchPage};

use crate::test_app::{PacketFixture, TestApp, claim, content, page, tenant};

async fn search(app: &TestApp, query: &str, filter: &Filter<Packet>, page: &PageRequest) -> SearchPage<Packet> {
    let terms = SearchTerms::of_query(query).unwrap();
    app.cx.store.search::<Packet>(tenant(), &terms, filter, page, app.now()).await.unwrap()
}

async fn search_ids(app: &TestApp, query: &str) -> Vec<RecordId> {
    let found = search(app, query, &Filter::default(), &page(50, 0)).await;
    assert!(found.next.is_none());
    found.records.iter().map(|packet| packet.record.id).collect()
}

#[tokio::test]
async fn search_requires_all_words_without_escaping() {
    let app = TestApp::new().await;
    let first = app.create_packet(PacketFixture::with_summary("Migrate the billing database, C++ part")).await.id;
    app.advance(1);
    let second = app.create_packet(PacketFixture::with_summary("Billing migrations were reviewed")).await.id;
    assert_eq!(search_ids(&app, "billing").await, [second, first]);
    assert_eq!(search_ids(&app, "BILLING database").await, [first]);
    assert_eq!(search_ids(&app, "review").await, [second]);
    assert_eq!(search_ids(&app, "billing unknown").await, []);
    assert_eq!(search_ids(&app, "data").await, [], "only whole words match");
    for query in ["C++", "\"billing", "a-b", "foo:bar", "*", "billing AND NOT", "%", "\0\0", "  "] {
        search_ids(&app, query).await;
    }
    assert_eq!(search_ids(&app, "C++").await, [first]);
    assert_eq!(search_ids(&app, "++").await, [], "a query without a word matches nothing");
}

#[tokio::test]
async fn search_uses_the_current_content() {
    let app = TestApp::new().await;
    let id = app.create_packet(PacketFixture::with_summary("the old words")).await.id;
    app.dispatch().await;
    app.edit(id, &content("the new words")).await;
    // Before the worker of the stream has removed the old version from the index, and after.
    for _ in 0..2 {
        assert_eq!(search_ids(&app, "old").await, []);
        assert_eq!(search_ids(&app, "new").await, [id]);
        assert_eq!(search_ids(&app, "words").await, [id]);
        app.dispatch().await;
    }
}

#[tokio::test]
async fn search_pages_cover_all_matches() {
    let app = TestApp::new().await;
    let mut expected = Vec::new();
    for index in 0..330 {
        let priority = if index % 3 == 0 { Priority::High } else { Priority::Low };
        let packet = app
            .create_packet(PacketFixture { priority, ..PacketFixture::with_summary(&format!("needle n{index}")) })
            .await;
        if index % 2 == 0 {
            app.act(packet.id, claim("coder"), None).await;
            if index % 3 == 0 {
                expected.insert(0, packet.id);
            }
        }
        app.advance(1);
    }
    let filter = Filter { states: Some(vec![State::Claimed]), priority: Some("high".to_owned()), ..Filter::default() };
    let all = search(&app, "needle", &filter, &page(200, 0)).await;
    assert_eq!(all.records.iter().map(|packet| packet.record.id).collect::<Vec<_>>(), expected);
    let page_of_ten = search(&app, "needle", &filter, &page(10, 20)).await;
    assert_eq!(page_of_ten.records.iter().map(|packet| packet.record.id).collect::<Vec<_>>(), expected[20..30]);
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let found = search(&app, "needle", &filter, &PageRequest { cursor, ..page(9, 0) }).await;
        ids.extend(found.records.iter().map(|packet| packet.record.id));
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn search_cursor_continues_past_the_candidate_limit() {
    let app = TestApp::new().await;
    let last = app
        .create_packet(PacketFixture { priority: Priority::Critical, ..PacketFixture::with_summary("common") })
        .await
        .id;
    for _ in 0..2_100 {
        app.advance(1);
        // A body without a packet is checked too.
        let (record, _, body) = PacketFixture::with_summary("common").record(&app.cx, tenant());
        app.cx.store.put_body(&record, &body, app.now()).await.unwrap();
    }
    let filter = Filter { priority: Some("critical".to_owned()), ..Filter::default() };
    let first = search(&app, "common", &filter, &page(5, 0)).await;
    assert!(first.records.is_empty());
    let second = search(&app, "common", &filter, &PageRequest { cursor: first.next, ..page(5, 0) }).await;
    assert_eq!(second.records.iter().map(|packet| packet.record.id).collect::<Vec<_>>(), [last]);
    assert!(second.next.is_none());
}
