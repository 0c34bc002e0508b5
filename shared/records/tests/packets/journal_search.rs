//! Search of the audit list: the newest matching entries, their total, and the first entry of a time.

use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_store::{AuditFilter, JournalPage};

use crate::journal::add_change;
use crate::test_app::{NOON, PacketFixture, TestApp, claim, tenant};

const SECOND_MS: i64 = 1_000;

/// Creates a packet each second, and claims every third at once.
async fn create_and_claim_packets(app: &TestApp, packets: usize) {
    for index in 0..packets {
        let packet = app
            .create_packet(PacketFixture {
                source: if index % 2 == 0 { "even" } else { "odd" },
                ..PacketFixture::default()
            })
            .await;
        if index % 3 == 0 {
            app.act(packet.id, claim("coder"), None).await;
        }
        app.advance(SECOND_MS);
    }
    for change in app.head_changes() {
        add_change(&app.cx, &change).await.unwrap();
    }
}

async fn find_entries(app: &TestApp, filter: &AuditFilter, offset: usize, limit: usize) -> (Vec<u64>, u64) {
    let found = app.cx.store.find_audit_entries(tenant(), Packet::KIND, filter, offset, limit).await.unwrap();
    let JournalPage { entries, total } = found.unwrap();
    (entries.iter().map(|entry| entry.number).collect(), total)
}

#[tokio::test]
async fn audit_pages_and_totals_agree_for_every_filter() {
    let app = TestApp::new().await;
    assert_eq!(find_entries(&app, &AuditFilter::default(), 0, 10).await, (Vec::new(), 0));
    create_and_claim_packets(&app, 30).await;
    let after = |seconds: i64| Some(NOON.plus_ms(seconds * SECOND_MS));
    let text = |action: &str| Some(action.to_owned());
    let filters = [
        (AuditFilter::default(), 40),
        (AuditFilter { action: text("packet.claimed"), ..AuditFilter::default() }, 10),
        (AuditFilter { action: text("nothing"), ..AuditFilter::default() }, 0),
        (AuditFilter { actor: text("even"), ..AuditFilter::default() }, 20),
        (AuditFilter { actor: text("odd"), action: text("packet.created"), ..AuditFilter::default() }, 15),
        (AuditFilter { from: after(20), ..AuditFilter::default() }, 13),
        (AuditFilter { to: after(2), ..AuditFilter::default() }, 4),
        (AuditFilter { from: after(10), to: after(19), action: text("packet.claimed"), ..AuditFilter::default() }, 3),
        (AuditFilter { from: after(1_000), ..AuditFilter::default() }, 0),
        (AuditFilter { to: after(-1), ..AuditFilter::default() }, 0),
    ];
    for (filter, total) in filters {
        let (all, found_total) = find_entries(&app, &filter, 0, 200).await;
        assert_eq!((all.len() as u64, found_total), (total, total), "{filter:?}");
        assert!(all.is_sorted_by(|a, b| a > b), "newest first");
        for limit in [1, 7] {
            for offset in [0, 1, 5, 9, 13, 40, 1_000, usize::MAX] {
                let (page, found_total) = find_entries(&app, &filter, offset, limit).await;
                let expected: Vec<u64> = all.iter().skip(offset).take(limit).copied().collect();
                assert_eq!((page, found_total), (expected, total), "{filter:?} from {offset}, {limit}");
            }
        }
    }
}

#[tokio::test]
async fn late_entry_is_found_by_event_time() {
    let app = TestApp::new().await;
    app.create_packet(PacketFixture::default()).await;
    app.advance(10 * SECOND_MS);
    app.create_packet(PacketFixture::default()).await;
    let changes = app.head_changes();
    for index in [1, 0] {
        add_change(&app.cx, &changes[index]).await.unwrap();
    }
    let middle = Some(NOON.plus_ms(5 * SECOND_MS));
    assert_eq!(find_entries(&app, &AuditFilter { from: middle, ..AuditFilter::default() }, 0, 10).await, (vec![1], 1));
    assert_eq!(find_entries(&app, &AuditFilter { to: middle, ..AuditFilter::default() }, 0, 10).await, (vec![2], 1));
}

#[tokio::test]
async fn counting_entries_loads_none() {
    let app = TestApp::new().await;
    create_and_claim_packets(&app, 30).await;
    app.take_call_counts();
    find_entries(&app, &AuditFilter::default(), 0, 5).await;
    assert_eq!(app.take_call_counts().by_action["Query"], 2, "one for the newest entry and one for the page");
    let newest = app.cx.store.newest_journal_entry(tenant()).await.unwrap().unwrap();
    app.take_call_counts();
    let before =
        app.cx.store.last_entry_before(tenant(), &newest, NOON.plus_ms(15 * SECOND_MS)).await.unwrap().unwrap();
    assert_eq!(before.totals_of(Packet::KIND).count_of_action("packet.created"), 15);
    assert!(app.take_call_counts().by_action["Query"] <= 6, "binary search takes few queries");
}
