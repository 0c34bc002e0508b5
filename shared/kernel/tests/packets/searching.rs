//! A search finds every packet that has all the words, and no other.

use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Packet, Priority, State};
use handrail_domain::words::Words;
use handrail_kernel::store::{Filter, Hits, Page};

use crate::desk::{Desk, Wish, claim, content, page, tenant};

async fn search(desk: &Desk, query: &str, filter: &Filter<Packet>, page: &Page) -> Hits<Packet> {
    let words = Words::of_query(query).unwrap();
    desk.cx.store.search::<Packet>(tenant(), &words, filter, page, desk.now()).await.unwrap()
}

async fn ids(desk: &Desk, query: &str) -> Vec<RecordId> {
    let hits = search(desk, query, &Filter::default(), &page(50, 0)).await;
    assert!(hits.next.is_none());
    hits.records.iter().map(|whole| whole.record.id).collect()
}

#[tokio::test]
async fn all_words_must_be_there_and_none_needs_to_be_escaped() {
    let desk = Desk::new().await;
    let first = desk.make(Wish::summary("Migrate the billing database, C++ part")).await.id;
    desk.advance(1);
    let second = desk.make(Wish::summary("Billing migrations were reviewed")).await.id;
    assert_eq!(ids(&desk, "billing").await, [second, first]);
    assert_eq!(ids(&desk, "BILLING database").await, [first]);
    assert_eq!(ids(&desk, "review").await, [second]);
    assert_eq!(ids(&desk, "billing unknown").await, []);
    assert_eq!(ids(&desk, "data").await, [], "a word is found whole");
    for odd in ["C++", "\"billing", "a-b", "foo:bar", "*", "billing AND NOT", "%", "\0\0", "  "] {
        ids(&desk, odd).await;
    }
    assert_eq!(ids(&desk, "C++").await, [first]);
    assert_eq!(ids(&desk, "++").await, [], "no word, no packet");
}

#[tokio::test]
async fn a_packet_is_found_by_what_it_carries_now() {
    let desk = Desk::new().await;
    let id = desk.make(Wish::summary("the old words")).await.id;
    desk.dispatch().await;
    desk.edit(id, &content("the new words")).await;
    // Before the stream has taken the old version out of the index, and after.
    for _ in 0..2 {
        assert_eq!(ids(&desk, "old").await, []);
        assert_eq!(ids(&desk, "new").await, [id]);
        assert_eq!(ids(&desk, "words").await, [id]);
        desk.dispatch().await;
    }
}

#[tokio::test]
async fn pages_of_hits_lead_through_all_that_fit() {
    let desk = Desk::new().await;
    let mut wanted = Vec::new();
    for at in 0..330 {
        let priority = if at % 3 == 0 { Priority::High } else { Priority::Low };
        let made = desk.make(Wish { priority, ..Wish::summary(&format!("needle n{at}")) }).await;
        if at % 2 == 0 {
            desk.act(made.id, claim("coder"), None).await;
            if at % 3 == 0 {
                wanted.insert(0, made.id);
            }
        }
        desk.advance(1);
    }
    let filter = Filter { states: Some(vec![State::Claimed]), priority: Some("high".to_owned()), ..Filter::default() };
    let all = search(&desk, "needle", &filter, &page(200, 0)).await;
    assert_eq!(all.records.iter().map(|whole| whole.record.id).collect::<Vec<_>>(), wanted);
    let some = search(&desk, "needle", &filter, &page(10, 20)).await;
    assert_eq!(some.records.iter().map(|whole| whole.record.id).collect::<Vec<_>>(), wanted[20..30]);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let hits = search(&desk, "needle", &filter, &Page { after, ..page(9, 0) }).await;
        seen.extend(hits.records.iter().map(|whole| whole.record.id));
        after = hits.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn beyond_what_one_page_looks_at_the_cursor_goes_on() {
    let desk = Desk::new().await;
    let last = desk.make(Wish { priority: Priority::Critical, ..Wish::summary("common") }).await.id;
    for _ in 0..2_100 {
        desk.advance(1);
        // A body whose packet never came to be is looked at too.
        let (record, _, body) = Wish::summary("common").record(&desk.cx, tenant());
        desk.cx.store.put_body(&record, &body, desk.now()).await.unwrap();
    }
    let filter = Filter { priority: Some("critical".to_owned()), ..Filter::default() };
    let first = search(&desk, "common", &filter, &page(5, 0)).await;
    assert!(first.records.is_empty());
    let second = search(&desk, "common", &filter, &Page { after: first.next, ..page(5, 0) }).await;
    assert_eq!(second.records.iter().map(|whole| whole.record.id).collect::<Vec<_>>(), [last]);
    assert!(second.next.is_none());
}
