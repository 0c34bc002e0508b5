//! The store and the one write path on Amazon's own DynamoDB Local.

use handrail_domain::decision::{Decision, Refusal, State};
use handrail_domain::effect::Purpose;
use handrail_domain::ids::{CommandId, KeyId};
use handrail_domain::lifecycle::{DeadlineGuard, decide};
use handrail_domain::record::Record;
use handrail_kernel::cx::Cx;
use handrail_kernel::store::{Attempt, Commit, Delivery, DeliveryKey, Key, Lease, LeaseAsked, Revoked, table};
use handrail_kernel::transition::{Applied, Stop, create, transition};
use tokio::task::JoinSet;

use crate::hooks;
use crate::packets;
use crate::tenants;
use crate::tools::{Emulator, NOON, TABLE, TestClock, approve, asked, context, tenant};

/// One server for all of it: it takes seconds to start.
#[tokio::test]
async fn the_store_holds_on_dynamodb_local() {
    let Some(part) = Emulator::start("dynamodb-local") else { return };
    let clock = TestClock::at(NOON);
    let cx = context(&part, clock.clone()).await;
    the_table_is_made_once_and_as_described(&part).await;
    what_is_made_is_read_and_made_once(&cx).await;
    a_late_write_changes_nothing_and_is_handed_what_is_there(&cx).await;
    of_twenty_answers_one_counts(&cx).await;
    nobody_answers_at_the_deadline(&cx, &clock).await;
    lists_are_paged_without_gap_or_double(&cx).await;
    a_budget_is_never_exceeded(&cx).await;
    a_delivery_is_opened_once_and_each_attempt_recorded_once(&cx).await;
    a_key_is_found_listed_and_revoked_once(&cx).await;
    hooks::hold(&cx).await;
    tenants::hold(&cx).await;
    packets::hold(&cx, &clock).await;
    packets::a_table_without_the_index_gets_it(&part).await;
}

async fn the_table_is_made_once_and_as_described(part: &Emulator) {
    let db = aws_sdk_dynamodb::Client::new(&part.sdk_config());
    assert!(!table::create(&db, TABLE).await.unwrap());
    let described = db.describe_table().table_name(TABLE).send().await.unwrap().table.unwrap();
    let stream = described.stream_specification().unwrap();
    assert_eq!(stream.stream_view_type(), Some(&aws_sdk_dynamodb::types::StreamViewType::NewAndOldImages));
    let mut indexes: Vec<_> =
        described.global_secondary_indexes().iter().filter_map(|index| index.index_name()).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, ["by_due", "by_facet", "by_kind", "by_state"]);
    let expiry = db.describe_time_to_live().table_name(TABLE).send().await.unwrap();
    assert_eq!(expiry.time_to_live_description().unwrap().attribute_name(), Some("ttl"));
}

/// The condition is the table's to check: neither a verdict on an old copy nor one by a slow clock is written.
async fn a_late_write_changes_nothing_and_is_handed_what_is_there(cx: &Cx) {
    let record = made(cx, "late write").await;
    let verdict = |name: &str| decide(&record, &approve(name), NOON).unwrap();
    let mut slow = verdict("slow clock");
    for guard in [record.ask.expires_at, record.ask.expires_at.plus_ms(1)] {
        slow.deadline = DeadlineGuard::NotPassedAt(guard);
        let Commit::Lost(found) = cx.store.commit(&record, &slow).await.unwrap() else { panic!("it was written") };
        assert_eq!(*found, record);
    }
    slow.deadline = DeadlineGuard::StillAt(record.ask.expires_at.plus_ms(-1));
    assert!(matches!(cx.store.commit(&record, &slow).await.unwrap(), Commit::Lost(_)));

    let first = verdict("first");
    assert!(matches!(cx.store.commit(&record, &first).await.unwrap(), Commit::Done));
    let Commit::Lost(found) = cx.store.commit(&record, &verdict("second")).await.unwrap() else {
        panic!("it was written over");
    };
    assert_eq!(*found, first.next);
}

async fn a_key_is_found_listed_and_revoked_once(cx: &Cx) {
    let key = |at: i64| Key {
        prefix: "ho_live_".to_owned(),
        ..Key::new(KeyId::new(NOON.plus_ms(at), [5; 10]), tenant(), format!("key {at}"), NOON.plus_ms(at))
    };
    assert!(cx.store.put_key("hash of the first", &key(1)).await.unwrap());
    assert!(!cx.store.put_key("hash of the first", &key(3)).await.unwrap());
    assert!(cx.store.put_key("hash of the second", &key(2)).await.unwrap());
    assert_eq!(cx.store.key_by_hash("hash of the first").await.unwrap(), Some(key(1)));
    assert_eq!(cx.store.keys(tenant()).await.unwrap(), [key(2), key(1)]);
    assert_eq!(cx.store.revoke_key(tenant(), key(3).id, NOON).await.unwrap(), Revoked::Unknown);
    assert_eq!(cx.store.revoke_key(tenant(), key(1).id, NOON).await.unwrap(), Revoked::Now);
    assert_eq!(cx.store.revoke_key(tenant(), key(1).id, NOON).await.unwrap(), Revoked::Before);
    assert_eq!(cx.store.key_by_hash("hash of the first").await.unwrap().unwrap().revoked_at, Some(NOON));
}

async fn made(cx: &Cx, text: &str) -> Record<Decision> {
    let (record, command) = asked(cx, text);
    let Ok(Applied { record, .. }) = create(cx, record, &command).await else { panic!("a record is made") };
    record
}

async fn what_is_made_is_read_and_made_once(cx: &Cx) {
    let large: String =
        (0..9_000).map(|at| char::from(b'a' + (at * at % 26) as u8)).collect::<String>() + &"é".repeat(9_000);
    for text in ["small", &large] {
        let (record, command) = asked(cx, text);
        let first = create(cx, record.clone(), &command).await.unwrap();
        assert!(!first.replayed);
        let again = create(cx, record.clone(), &command).await.unwrap();
        assert!(again.replayed && again.record == first.record);
        let other = CommandId::new(&record.id.to_string(), b"other");
        assert!(matches!(create(cx, record.clone(), &other).await, Err(Stop::OtherContent)));
        assert_eq!(cx.store.record::<Decision>(tenant(), record.id).await.unwrap(), Some(record));
    }
}

async fn of_twenty_answers_one_counts(cx: &Cx) {
    let record = made(cx, "race").await;
    let mut racers = JoinSet::new();
    for at in 0..20 {
        let (cx, id) = (cx.clone(), record.id);
        racers.spawn(async move { transition(&cx, tenant(), id, &approve(&format!("racer {at}"))).await });
    }
    let (mut won, mut told) = (Vec::new(), Vec::new());
    for outcome in racers.join_all().await {
        match outcome {
            Ok(applied) => won.push(applied.record.standing.outcome().unwrap().answer.resolved_by.clone()),
            Err(Stop::Refused(Refusal::AlreadyAnswered { by, .. })) => told.push(by),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((won.len(), told.len()), (1, 19));
    assert!(told.iter().all(|by| *by == won[0]), "the losers learn who won");
}

async fn nobody_answers_at_the_deadline(cx: &Cx, clock: &TestClock) {
    let record = made(cx, "late").await;
    clock.set(record.ask.expires_at.plus_ms(-1));
    assert!(cx.store.overdue(cx.clock.now(), 50).await.unwrap().is_empty());
    clock.set(record.ask.expires_at);
    let overdue = cx.store.overdue(cx.clock.now(), 50).await.unwrap();
    assert!(overdue.iter().any(|found| found.key.id == record.id && found.kind == "decision"));
    assert!(matches!(
        transition(cx, tenant(), record.id, &approve("late")).await,
        Err(Stop::Refused(Refusal::Expired { .. }))
    ));
    let found = cx.store.record::<Decision>(tenant(), record.id).await.unwrap().unwrap();
    assert_eq!((found.state(), found.seq, found.due().is_none()), (State::Expired, 2, true));
}

async fn lists_are_paged_without_gap_or_double(cx: &Cx) {
    let mut ids = Vec::new();
    for at in 0..13 {
        ids.push(made(cx, &format!("listed {at}")).await.id);
    }
    for state in [None, Some(State::Pending)] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        for _ in 0..20 {
            let page = cx.store.list::<Decision>(tenant(), state, cursor.as_ref(), 4).await.unwrap();
            assert!(page.records.len() <= 4);
            seen.extend(page.records.iter().map(|record| record.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), seen.len());
        assert!(ids.iter().all(|id| seen.contains(id)));
    }
}

async fn a_budget_is_never_exceeded(cx: &Cx) {
    let mut askers = JoinSet::new();
    for _ in 0..32 {
        let cx = cx.clone();
        askers.spawn(async move {
            let asked = LeaseAsked {
                budget: "key_test#calls",
                window: 60,
                block: 3,
                limit: 50,
                month: "2026-09",
                spent: 0,
                expires_at_seconds: None,
            };
            match cx.store.lease(&asked).await.unwrap() {
                Lease::Granted { block, .. } => block,
                Lease::Exhausted => 0,
            }
        });
    }
    let granted: u32 = askers.join_all().await.into_iter().sum();
    assert!((48..=50).contains(&granted), "{granted} of 50");
}

async fn a_delivery_is_opened_once_and_each_attempt_recorded_once(cx: &Cx) {
    let record = made(cx, "sent").await;
    let key =
        DeliveryKey { tenant: tenant(), record: record.id, seq: 1, purpose: Purpose::AnnounceResolved, hook: None };
    let fresh = |body: &str| Delivery::fresh(key, "https://example.com/", body, NOON);
    cx.store.open_delivery(key, fresh("first")).await.unwrap();
    let mut opened = cx.store.open_delivery(key, fresh("second")).await.unwrap();
    assert_eq!(opened.body, "first");
    opened.attempts.push(Attempt { at: NOON, status: Some(500), error: None, took_ms: 1 });
    assert!(cx.store.record_attempt(key, &opened).await.unwrap());
    assert!(!cx.store.record_attempt(key, &opened).await.unwrap());
    assert_eq!(cx.store.deliveries(tenant(), record.id).await.unwrap(), [opened]);
}
