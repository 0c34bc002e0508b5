//! The journal contains every event once, numbered without gaps, with concurrent writers and repeats.

use std::collections::{BTreeMap, BTreeSet};

use handrail_context::cx::Cx;
use handrail_domain::ids::RecordId;
use handrail_domain::journal_row::JournalRow;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Act, Packet, State};
use handrail_domain::personal_values::HashedEntry;
use handrail_domain::record::ChainHash;
use handrail_domain::totals::Totals;
use handrail_platform::fault::Fault;
use handrail_records::journal::{EventContext, JournalDetails, JournalMapper};
use handrail_records::kind::{EventMappers, follow_ups_of};
use handrail_store::{AuditInfo, HeadKey, Item, JournalEntry, JournalNumber};
use tokio::task::JoinSet;

use crate::test_app::{PacketFixture, TestApp, claim, tenant};

pub(crate) fn journal_details(context: &EventContext<'_, Packet>) -> Option<JournalDetails> {
    let is_claimed = matches!(context.record.state(), State::Claimed);
    let audit_info =
        AuditInfo { action: Packet::event_name(&context.entry.event), actor: context.record.spec.source.id.clone() };
    let age_ms = context.entry.at.ms_since(context.record.created_at);
    Some(JournalDetails {
        audit_info: Some(audit_info),
        claimed_after_ms: is_claimed.then_some(age_ms),
        ..JournalDetails::default()
    })
}

pub(crate) async fn add_change(cx: &Cx, (old, new): &(Option<Item>, Item)) -> Result<(), Fault> {
    follow_ups_of::<Packet>(cx, old.as_ref(), new, event_mappers(journal_details)).await.map(drop)
}

/// Returns the mappers of a kind without webhooks.
fn event_mappers(journal_details: JournalMapper<Packet>) -> EventMappers<Packet> {
    EventMappers { journal_details, webhook_event: |_| None }
}

async fn add_all_changes(app: &TestApp) {
    for change in app.head_changes() {
        add_change(&app.cx, &change).await.unwrap();
    }
}

pub(crate) async fn journal_entries(app: &TestApp) -> Vec<JournalEntry> {
    let (mut entries, mut after) = (Vec::new(), 0);
    loop {
        let page = app.cx.store.journal_entries_after(tenant(), after, 50).await.unwrap();
        let Some(last) = page.last() else { return entries };
        after = last.number;
        entries.extend(page);
    }
}

/// Checks the journal's invariants and returns its newest totals.
async fn check_journal(app: &TestApp) -> Totals {
    let entries = journal_entries(app).await;
    let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=entries.len() as u64).collect::<Vec<_>>(), "numbers have no gaps");
    let mut last_seqs: BTreeMap<RecordId, u64> = BTreeMap::new();
    for entry in &entries {
        let before = last_seqs.insert(entry.record, entry.seq).unwrap_or(0);
        assert_eq!(entry.seq, before + 1, "a record's events are complete and in order");
    }
    let mut hash = ChainHash::of_empty_journal(tenant());
    for entry in &entries {
        let (states, hashes) = (entry.states.as_ref().unwrap(), entry.hashes.unwrap());
        let row = JournalRow {
            number: entry.number,
            kind: Packet::KIND,
            record: &entry.record.to_string(),
            seq: entry.seq,
            from: states.from.as_deref(),
            to: &states.to,
            entry: &HashedEntry::of_stored(&entry.event).text,
        };
        assert_eq!((hashes.previous, hashes.own), (hash, row.hash_after(hash)), "each row continues the chain");
        hash = hashes.own;
    }
    let heads: BTreeSet<(RecordId, u64)> = {
        let mut newest = BTreeMap::new();
        for (_, new) in app.head_changes() {
            let key = handrail_store::head_key_of(&new).unwrap();
            newest.insert(key.id, handrail_store::seq_of(&new).unwrap());
        }
        newest.into_iter().collect()
    };
    assert_eq!(last_seqs.into_iter().collect::<BTreeSet<_>>(), heads, "the journal has every event");
    let totals = entries.last().map(|entry| entry.totals_of(Packet::KIND)).unwrap_or_default();
    assert_eq!(totals.by_action.values().sum::<u64>(), entries.len() as u64);
    totals
}

#[tokio::test]
async fn journal_holds_each_event_once_with_totals() {
    let app = TestApp::new().await;
    for _ in 0..3 {
        let packet = app.create_packet(PacketFixture::default()).await;
        app.advance(2_000);
        app.act(packet.id, claim("coder"), None).await;
    }
    app.create_packet(PacketFixture::default()).await;
    add_all_changes(&app).await;
    add_all_changes(&app).await;
    let totals = check_journal(&app).await;
    assert_eq!((totals.in_state("claimed"), totals.in_state("created"), totals.records()), (3, 1, 4));
    assert_eq!(totals.claims.average_seconds(), Some(2.0));
}

#[tokio::test]
async fn cached_journal_tail_saves_queries() {
    let app = TestApp::new().await;
    for _ in 0..3 {
        app.create_packet(PacketFixture::default()).await;
    }
    // Afterwards all packets are counted, which takes no query.
    app.cx.store.continue_counts::<Packet>(tenant()).await.unwrap();
    for (index, change) in app.head_changes().iter().enumerate() {
        app.take_call_counts();
        add_change(&app.cx, change).await.unwrap();
        let calls = app.take_call_counts().by_action;
        assert_eq!((calls.get("PutItem"), calls.get("Query")), (Some(&2), (index == 0).then_some(&1)), "{calls:?}");
    }
    check_journal(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_journal_writers_add_each_event_once() {
    let app = TestApp::new().await;
    for _ in 0..20 {
        let packet = app.create_packet(PacketFixture::default()).await;
        app.act(packet.id, claim("coder"), None).await;
    }
    let mut by_record: BTreeMap<String, Vec<(Option<Item>, Item)>> = BTreeMap::new();
    for change in app.head_changes() {
        by_record.entry(format!("{:?}", change.1["pk"])).or_default().push(change);
    }
    let forward: Vec<_> = by_record.into_values().collect();
    let mut backward = forward.clone();
    backward.reverse();
    let mut writers = JoinSet::new();
    for changes in [forward, backward] {
        let cx = app.other_process();
        writers.spawn(async move {
            for change in changes.iter().flatten() {
                // A writer that lost too often tries again, as the stream does.
                while let Err(fault) = add_change(&cx, change).await {
                    assert!(fault.is_retryable(), "{}", fault.with_causes());
                }
            }
        });
    }
    writers.join_all().await;
    let totals = check_journal(&app).await;
    assert_eq!((totals.in_state("claimed"), totals.records()), (20, 20));
}

#[tokio::test]
async fn unused_journal_number_is_used_or_reassigned() {
    for second_is_first in [false, true] {
        let app = TestApp::new().await;
        let (first, second) =
            (app.create_packet(PacketFixture::default()).await, app.create_packet(PacketFixture::default()).await);
        let key = HeadKey { tenant: tenant(), id: first.id };
        let number = app.cx.store.put_numbered_event::<Packet>(key, &first.log[0], 1).await.unwrap();
        assert_eq!(number, JournalNumber::Assigned);
        // The first process died here.
        let changes = app.head_changes();
        let order = if second_is_first { [1, 0] } else { [0, 1] };
        for index in order {
            add_change(&app.other_process(), &changes[index]).await.unwrap();
        }
        let records: Vec<RecordId> = journal_entries(&app).await.iter().map(|entry| entry.record).collect();
        assert_eq!(records, if second_is_first { [second.id, first.id] } else { [first.id, second.id] });
        add_all_changes(&app).await;
        check_journal(&app).await;
    }
}

#[tokio::test]
async fn event_stored_without_number_enters_journal_once() {
    let app = TestApp::new().await;
    let packet = app.create_packet(PacketFixture::default()).await;
    app.cx.store.put_event(HeadKey { tenant: tenant(), id: packet.id }, &packet.log[0]).await.unwrap();
    add_all_changes(&app).await;
    add_all_changes(&app).await;
    check_journal(&app).await;
}

#[tokio::test]
async fn event_without_journal_details_is_stored_only() {
    let app = TestApp::new().await;
    let packet = app.create_packet(PacketFixture::default()).await;
    app.act(packet.id, Act::Heartbeat, None).await;
    for (old, new) in app.head_changes() {
        let mappers = event_mappers(|context| (context.entry.seq == 1).then(JournalDetails::default));
        follow_ups_of::<Packet>(&app.cx, old.as_ref(), &new, mappers).await.unwrap();
    }
    assert_eq!(journal_entries(&app).await.len(), 1);
    assert_eq!(app.items(packet.id, "event#").await.len(), 2);
}
