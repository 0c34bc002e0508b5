//! Store and transitions on Amazon's DynamoDB Local.

use handrail_context::cx::Cx;
use handrail_domain::decision::CallbackPurpose;
use handrail_domain::decision::{Decision, Refusal, State};
use handrail_domain::ids::{CommandId, KeyId};
use handrail_domain::lifecycle::{DeadlineGuard, decide};
use handrail_domain::record::Record;
use handrail_records::transition::{AppliedCommand, TransitionError, create, transition};
use handrail_store::{
    ApiKey, Attempt, BlockOutcome, BlockRequest, CommitOutcome, Delivery, DeliveryKey, RevokeOutcome, table,
};
use handrail_test_app::FixedClock;
use tokio::task::JoinSet;

use crate::hooks;
use crate::packets;
use crate::tenants;
use crate::tools::{Emulator, NOON, TABLE, approve, context, new_decision, tenant};

/// All checks share one server, because it takes seconds to start.
#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn store_works_on_dynamodb_local() {
    let emulator = Emulator::start("dynamodb-local");
    let clock = FixedClock::at(NOON);
    let cx = context(&emulator, clock.clone()).await;
    table_is_created_once_as_described(&emulator).await;
    record_is_created_once(&cx).await;
    late_write_conflicts_and_returns_stored_record(&cx).await;
    concurrent_answers_accept_one(&cx).await;
    answer_at_deadline_is_refused(&cx, &clock).await;
    pages_have_no_gap_or_duplicate(&cx).await;
    rate_limit_is_never_exceeded(&cx).await;
    delivery_and_attempt_are_recorded_once(&cx).await;
    key_is_found_listed_and_revoked_once(&cx).await;
    hooks::check_webhooks(&cx).await;
    tenants::check_tenants(&cx).await;
    packets::check_packets(&cx, &clock).await;
    packets::missing_index_is_added(&emulator).await;
}

async fn table_is_created_once_as_described(emulator: &Emulator) {
    let db = aws_sdk_dynamodb::Client::new(&emulator.sdk_config());
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

/// The table checks the write condition: transitions planned on an old copy or by a slow clock are not written.
async fn late_write_conflicts_and_returns_stored_record(cx: &Cx) {
    let record = create_decision(cx, "late write").await;
    let planned = |name: &str| decide(&record, &approve(name), NOON).unwrap();
    let mut slow = planned("slow clock");
    for guard in [record.spec.expires_at, record.spec.expires_at.plus_ms(1)] {
        slow.deadline = DeadlineGuard::After(guard);
        let CommitOutcome::Conflict(found) = cx.store.commit(&record, &slow).await.unwrap() else {
            panic!("the late write succeeded")
        };
        assert_eq!(*found, record);
    }
    slow.deadline = DeadlineGuard::Equals(record.spec.expires_at.plus_ms(-1));
    assert!(matches!(cx.store.commit(&record, &slow).await.unwrap(), CommitOutcome::Conflict(_)));

    let first = planned("first");
    assert!(matches!(cx.store.commit(&record, &first).await.unwrap(), CommitOutcome::Done));
    let CommitOutcome::Conflict(found) = cx.store.commit(&record, &planned("second")).await.unwrap() else {
        panic!("the second write succeeded");
    };
    assert_eq!(*found, first.next);
}

async fn key_is_found_listed_and_revoked_once(cx: &Cx) {
    let key = |number: i64| ApiKey {
        prefix: "ho_live_".to_owned(),
        ..ApiKey::new(
            KeyId::new(NOON.plus_ms(number), [5; 10]),
            tenant(),
            format!("key {number}"),
            NOON.plus_ms(number),
        )
    };
    assert!(cx.store.put_key("hash of the first", &key(1)).await.unwrap());
    assert!(!cx.store.put_key("hash of the first", &key(3)).await.unwrap());
    assert!(cx.store.put_key("hash of the second", &key(2)).await.unwrap());
    assert_eq!(cx.store.key_by_hash("hash of the first").await.unwrap(), Some(key(1)));
    assert_eq!(cx.store.keys(tenant()).await.unwrap(), [key(2), key(1)]);
    assert_eq!(cx.store.revoke_key(tenant(), key(3).id, NOON).await.unwrap(), RevokeOutcome::NotFound);
    assert_eq!(cx.store.revoke_key(tenant(), key(1).id, NOON).await.unwrap(), RevokeOutcome::Revoked);
    assert_eq!(cx.store.revoke_key(tenant(), key(1).id, NOON).await.unwrap(), RevokeOutcome::AlreadyRevoked);
    assert_eq!(cx.store.key_by_hash("hash of the first").await.unwrap().unwrap().revoked_at, Some(NOON));
}

async fn create_decision(cx: &Cx, text: &str) -> Record<Decision> {
    let (record, command) = new_decision(cx, text);
    let Ok(AppliedCommand { record, .. }) = create(cx, record, &command).await else {
        panic!("the record is not created")
    };
    record
}

async fn record_is_created_once(cx: &Cx) {
    let large: String = (0..9_000).map(|number| char::from(b'a' + (number * number % 26) as u8)).collect::<String>()
        + &"é".repeat(9_000);
    for text in ["small", &large] {
        let (record, command) = new_decision(cx, text);
        let first = create(cx, record.clone(), &command).await.unwrap();
        assert!(!first.is_repeat);
        let repeat = create(cx, record.clone(), &command).await.unwrap();
        assert!(repeat.is_repeat && repeat.record == first.record);
        let other = CommandId::new(&record.id.to_string(), b"other");
        assert!(matches!(create(cx, record.clone(), &other).await, Err(TransitionError::IdempotencyConflict)));
        assert_eq!(cx.store.record::<Decision>(tenant(), record.id).await.unwrap(), Some(record));
    }
}

async fn concurrent_answers_accept_one(cx: &Cx) {
    let record = create_decision(cx, "race").await;
    let mut racers = JoinSet::new();
    for number in 0..20 {
        let (cx, id) = (cx.clone(), record.id);
        racers.spawn(async move { transition(&cx, tenant(), id, &approve(&format!("racer {number}"))).await });
    }
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for outcome in racers.join_all().await {
        match outcome {
            Ok(applied) => accepted.push(applied.record.state_data.outcome().unwrap().answer.resolved_by.clone()),
            Err(TransitionError::Refused(Refusal::AlreadyAnswered { by, .. })) => refused.push(by),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((accepted.len(), refused.len()), (1, 19));
    assert!(refused.iter().all(|by| *by == accepted[0]), "refusals name the first approver");
}

async fn answer_at_deadline_is_refused(cx: &Cx, clock: &FixedClock) {
    let record = create_decision(cx, "late").await;
    clock.move_to(record.spec.expires_at.plus_ms(-1));
    assert!(cx.store.overdue(cx.clock.now(), 50).await.unwrap().is_empty());
    clock.move_to(record.spec.expires_at);
    let overdue = cx.store.overdue(cx.clock.now(), 50).await.unwrap();
    assert!(overdue.iter().any(|found| found.key.id == record.id && found.kind == "decision"));
    assert!(matches!(
        transition(cx, tenant(), record.id, &approve("late")).await,
        Err(TransitionError::Refused(Refusal::Expired { .. }))
    ));
    let found = cx.store.record::<Decision>(tenant(), record.id).await.unwrap().unwrap();
    assert_eq!((found.state(), found.seq, found.due().is_none()), (State::Expired, 2, true));
}

async fn pages_have_no_gap_or_duplicate(cx: &Cx) {
    let mut ids = Vec::new();
    for number in 0..13 {
        ids.push(create_decision(cx, &format!("listed {number}")).await.id);
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

async fn rate_limit_is_never_exceeded(cx: &Cx) {
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        let cx = cx.clone();
        callers.spawn(async move {
            let request = BlockRequest {
                limit_key: "key_test#calls",
                window: 60,
                block_size: 3,
                limit: 50,
                month: "2026-09",
                unreported: 0,
                expires_at_seconds: None,
            };
            match cx.store.reserve_block(&request).await.unwrap() {
                BlockOutcome::Granted { block_size: block, .. } => block,
                BlockOutcome::Exhausted => 0,
            }
        });
    }
    let granted: u32 = callers.join_all().await.into_iter().sum();
    assert!((48..=50).contains(&granted), "{granted} of 50");
}

async fn delivery_and_attempt_are_recorded_once(cx: &Cx) {
    let record = create_decision(cx, "sent").await;
    let key = DeliveryKey {
        tenant: tenant(),
        record: record.id,
        seq: 1,
        purpose: CallbackPurpose::Resolved.purpose(),
        webhook: None,
    };
    let new_delivery = |body: &str| Delivery::new(key, "https://example.com/", body, NOON);
    cx.store.put_or_get_delivery(key, new_delivery("first")).await.unwrap();
    let mut delivery = cx.store.put_or_get_delivery(key, new_delivery("second")).await.unwrap();
    assert_eq!(delivery.body, "first");
    delivery.attempts.push(Attempt { at: NOON, status: Some(500), error: None, took_ms: 1 });
    assert!(cx.store.record_attempt(key, &delivery).await.unwrap());
    assert!(!cx.store.record_attempt(key, &delivery).await.unwrap());
    assert_eq!(cx.store.deliveries(tenant(), record.id).await.unwrap(), [delivery]);
}
