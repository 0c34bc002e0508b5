//! The store and the one write path on Amazon's own DynamoDB Local.

use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Choice, Decision, Given, Refusal, State};
use handrail_domain::effect::Purpose;
use handrail_domain::ids::{CommandId, KeyId};
use handrail_domain::lifecycle::Command;
use handrail_domain::record::Record;
use handrail_kernel::cx::Cx;
use handrail_kernel::store::{Attempt, Delivery, DeliveryKey, DeliveryStatus, Lease, LeaseAsked};
use handrail_kernel::transition::{Applied, Stop, create, transition};
use tokio::task::JoinSet;

use crate::tools::{Emulator, NOON, TestClock, asked, context, tenant};

/// One server for all of it: it takes seconds to start.
#[tokio::test]
async fn the_store_holds_on_dynamodb_local() {
    let Some(part) = Emulator::start("dynamodb-local") else { return };
    let clock = TestClock::at(NOON);
    let cx = context(&part, clock.clone()).await;
    what_is_made_is_read_and_made_once(&cx).await;
    of_twenty_answers_one_counts(&cx).await;
    nobody_answers_at_the_deadline(&cx, &clock).await;
    lists_are_paged_without_gap_or_double(&cx).await;
    a_budget_is_never_exceeded(&cx).await;
    a_delivery_is_opened_once_and_each_attempt_recorded_once(&cx).await;
}

async fn made(cx: &Cx, text: &str) -> Record<Decision> {
    let (record, command) = asked(cx, text);
    let Ok(Applied { record, .. }) = create(cx, record, &command).await else { panic!("a record is made") };
    record
}

fn approve(name: &str) -> Command<Decision> {
    Command {
        id: CommandId::new(name, b""),
        actor: Actor::Key { key: KeyId::new(NOON, [9; 10]), role: Role::App },
        act: Act::Answer(Choice::Approve, Given { resolved_by: Some(name.to_owned()), ..Given::default() }),
    }
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
                Lease::Granted(granted) => granted,
                Lease::Exhausted => 0,
            }
        });
    }
    let granted: u32 = askers.join_all().await.into_iter().sum();
    assert!((48..=50).contains(&granted), "{granted} of 50");
}

async fn a_delivery_is_opened_once_and_each_attempt_recorded_once(cx: &Cx) {
    let record = made(cx, "sent").await;
    let key = DeliveryKey { tenant: tenant(), record: record.id, seq: 1, purpose: Purpose::AnnounceResolved };
    let fresh = |body: &str| Delivery {
        id: key.id(),
        seq: 1,
        purpose: key.purpose,
        to: "https://example.com/".to_owned(),
        body: body.to_owned(),
        signed_by: None,
        status: DeliveryStatus::Pending,
        created_at: NOON,
        next_attempt_at: None,
        attempts: Vec::new(),
        replays: 0,
        tried_before: 0,
    };
    cx.store.open_delivery(key, fresh("first")).await.unwrap();
    let mut opened = cx.store.open_delivery(key, fresh("second")).await.unwrap();
    assert_eq!(opened.body, "first");
    opened.attempts.push(Attempt { at: NOON, status: Some(500), error: None, took_ms: 1 });
    assert!(cx.store.record_attempt(key, &opened).await.unwrap());
    assert!(!cx.store.record_attempt(key, &opened).await.unwrap());
    assert_eq!(cx.store.deliveries(tenant(), record.id).await.unwrap(), [opened]);
}
