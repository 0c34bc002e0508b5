//! Pages lead through all of it without gap or double, however much there is.

use handrail_domain::packet::{Packet, State};
use handrail_kernel::store::{Filter, ListingCursor, Page};

use crate::bodies::noise;
use crate::desk::{Desk, Wish, claim, page};

/// Where the next page begins, by way of the text that a client sends back.
fn sent_back(cursor: Option<ListingCursor>) -> Option<ListingCursor> {
    cursor.map(|cursor| ListingCursor::parse(&cursor.text()).unwrap())
}

/// DynamoDB answers a query with 1 MB at most. Entries of the index are made as large as they get, so that a tenant of some
/// packets has what another has of ten thousand.
#[tokio::test]
async fn many_packets_are_counted_and_paged_and_not_loaded() {
    const MANY: usize = 1_400;
    let desk = Desk::new().await;
    let mut made = Vec::new();
    for at in 0..MANY {
        let mut tags: Vec<String> = (0..48).map(|tag| format!("{tag:064}")).collect();
        tags.push(format!("t{}", at % 7));
        made.push(desk.make(Wish { tags, ..Wish::summary("many") }).await.id);
        desk.advance(1);
    }
    made.reverse();
    let tagged = Filter { tags: vec!["t3".to_owned()], ..Filter::default() };
    let open = Filter { states: Some(vec![State::Created]), ..Filter::default() };
    for (filter, every, from) in [(&Filter::default(), 1, 0), (&open, 1, 0), (&tagged, 7, (MANY - 1 - 3) % 7)] {
        let fitting: Vec<_> = made.iter().skip(from).step_by(every).copied().collect();
        for offset in [0, 1, 150, fitting.len() - 10, fitting.len(), usize::MAX] {
            desk.asked();
            let found = desk.find(filter, &page(20, offset)).await;
            let ids: Vec<_> = found.records.iter().map(|whole| whole.record.id).collect();
            let wanted: Vec<_> = fitting.iter().skip(offset).take(20).copied().collect();
            assert_eq!(ids, wanted, "at {offset}");
            assert_eq!(found.total, fitting.len() as u64);
            assert_eq!(found.next.is_some(), offset.saturating_add(20) < fitting.len());
            let asked = desk.asked();
            assert!(asked.keys_in_batches <= 40, "heads and bodies of the page, and no others: {asked:?}");
        }
    }
    desk.asked();
    desk.find(&tagged, &page(1, 0)).await;
    let asked = desk.asked().by_action["Query"];
    assert!(asked > 7 * 4, "each partition with packets is read in more than one query: {asked}");
    let after = sent_back(middle(&desk, &open).await);
    let found = desk.find(&tagged, &Page { after, ..page(200, 9_999) }).await;
    assert_eq!((found.records.len(), found.total), (108, 200), "a cursor leaves the offset without effect");
}

async fn middle(desk: &Desk, filter: &Filter<Packet>) -> Option<ListingCursor> {
    desk.find(filter, &page(20, 627)).await.next
}

#[tokio::test]
async fn a_cursor_leads_through_all_even_while_they_move() {
    let desk = Desk::new().await;
    let mut made = Vec::new();
    for at in 0..61 {
        made.insert(0, desk.make(Wish::summary("one of some")).await.id);
        desk.advance(i64::from(at % 3 == 0));
    }
    made.sort_unstable_by(|a, b| b.cmp(a));
    for limit in [1, 7, 60, 61, 62] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let found = desk.find(&Filter::default(), &Page { after, ..page(limit, 0) }).await;
            assert_eq!(found.total, 61);
            assert!(found.records.len() <= limit);
            seen.extend(found.records.iter().map(|whole| whole.record.id));
            after = sent_back(found.next);
            if after.is_none() {
                break;
            }
            if limit == 7 {
                // Neither this one nor its place in the list is lost.
                desk.act(*seen.last().unwrap(), claim("coder"), None).await;
            }
        }
        assert_eq!(seen, made);
    }
}

#[tokio::test]
async fn a_page_ends_early_when_it_is_full() {
    let desk = Desk::new().await;
    let mut made = Vec::new();
    for at in 0..40 {
        made.insert(0, desk.make(Wish::summary(&noise(60_000, at + 1))).await.id);
        desk.advance(1);
    }
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let found = desk.find(&Filter::default(), &Page { after, bytes_max: 1_000_000, ..page(200, 0) }).await;
        let bytes: usize = found.records.iter().map(|whole| whole.body.as_ref().unwrap().bytes()).sum();
        assert!(bytes <= 1_000_000 && !found.records.is_empty());
        assert_eq!(found.total, 40);
        seen.extend(found.records.iter().map(|whole| whole.record.id));
        pages += 1;
        after = sent_back(found.next);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (made, 3));
    let one = desk.find(&Filter::default(), &Page { bytes_max: 10, ..page(200, 0) }).await;
    assert_eq!(one.records.len(), 1, "one always has room");
}

#[tokio::test]
async fn another_tenants_packets_are_neither_listed_nor_counted() {
    let desk = Desk::new().await;
    desk.make(Wish::default()).await;
    let other = handrail_domain::ids::TenantId::new(desk.now(), [8; 10]);
    for filter in [Filter::default(), Filter { source: Some("planner".to_owned()), ..Filter::default() }] {
        let found = desk.cx.store.find::<Packet>(other, &filter, &page(5, 0), desk.now()).await.unwrap();
        assert_eq!((found.records.len(), found.total), (0, 0));
    }
}
