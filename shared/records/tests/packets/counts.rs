//! Counts of a tenant's packets, which lists with a single filter return as their total.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Act, Packet, State};
use handrail_domain::record::Record;
use handrail_records::kind::{EventMappers, follow_ups_of};
use handrail_store::{Filter, Item};

use crate::test_app::{PacketFixture, TABLE, TestApp, agent, claim, page, tenant, text};

/// Packets in several states, with one tag or two of their own.
async fn create_some_packets(app: &TestApp, count: usize) -> Vec<RecordId> {
    let mut ids = Vec::new();
    for index in 0..count {
        let tags = vec![format!("t{}", index % 3), format!("t{}", index % 2)];
        let id = app.create_packet(PacketFixture { tags, ..PacketFixture::with_summary("counted") }).await.id;
        if index % 4 > 0 {
            app.act(id, claim("helper"), None).await;
        }
        match index % 4 {
            2 => drop(app.act(id, Act::Move { to: State::Completed, edit: None, in_batch: false }, None).await),
            3 => drop(app.act(id, Act::Delete, None).await),
            _ => {}
        }
        app.advance(1);
        ids.push(id);
    }
    ids
}

/// Counts that are stored, without those that are zero, by the name of their filter.
async fn stored_counts(app: &TestApp) -> BTreeMap<String, i64> {
    let db = app.engine.client();
    let query = db.query().table_name(TABLE).key_condition_expression("pk = :pk");
    let query = query.expression_attribute_values(":pk", text(&format!("counts#{}#packet", tenant())));
    let mut counts = BTreeMap::new();
    for item in query.send().await.unwrap().items() {
        let Some(AttributeValue::N(records)) = item.get("records") else { continue };
        let filter = item["sk"].as_s().unwrap().rsplit_once('#').unwrap().0.to_owned();
        *counts.entry(filter).or_default() += records.parse::<i64>().unwrap();
    }
    counts.retain(|_, count| *count != 0);
    counts
}

/// Counts of the stored packets, from the packets themselves.
async fn recount(app: &TestApp, ids: &[RecordId]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for id in ids {
        let record: Record<Packet> = app.packet_with_body(*id).await.record;
        let holder = record.state_data.holder.as_ref().unwrap_or(&record.spec.target);
        let mut tags = record.spec.tags.clone();
        tags.sort();
        tags.dedup();
        let fields = [
            "all".to_owned(),
            format!("state={}", record.state_data.state.name()),
            format!("source={}", record.spec.source.id),
            format!("holder={}", holder.id),
            format!("priority={}", record.spec.priority.name()),
        ];
        for filter in fields.into_iter().chain(tags.into_iter().map(|tag| format!("tag={tag}"))) {
            *counts.entry(filter).or_default() += 1;
        }
    }
    counts
}

#[tokio::test]
async fn counts_equal_a_recount_after_late_and_repeated_changes() {
    let app = TestApp::new().await;
    let ids = create_some_packets(&app, 20).await;
    let changes = app.head_changes();
    let apply = async |changes: &mut dyn Iterator<Item = &(Option<Item>, Item)>| {
        for (old, new) in changes {
            follow_ups_of::<Packet>(&app.cx, old.as_ref(), new, EventMappers::NONE).await.unwrap();
        }
    };
    // The newest changes first, then all again in their order, then every third one once more.
    apply(&mut changes.iter().rev()).await;
    assert_eq!(stored_counts(&app).await, recount(&app, &ids).await);
    apply(&mut changes.iter()).await;
    apply(&mut changes.iter().step_by(3)).await;
    assert_eq!(stored_counts(&app).await, recount(&app, &ids).await);
}

#[tokio::test]
async fn change_with_unknown_outcome_counts_once() {
    let app = TestApp::new().await;
    let ids = create_some_packets(&app, 3).await;
    for (old, new) in app.head_changes() {
        app.lose_response_to("TransactWriteItems");
        // The client of the database repeats the call, or the stream repeats the change.
        if follow_ups_of::<Packet>(&app.cx, old.as_ref(), &new, EventMappers::NONE).await.is_err() {
            follow_ups_of::<Packet>(&app.cx, old.as_ref(), &new, EventMappers::NONE).await.unwrap();
        }
    }
    app.take_call_counts();
    assert_eq!(stored_counts(&app).await, recount(&app, &ids).await);
}

#[tokio::test]
async fn edits_and_heartbeats_are_not_counted() {
    let app = TestApp::new().await;
    let id = create_some_packets(&app, 2).await[1];
    app.dispatch().await;
    app.act(id, Act::Heartbeat, None).await;
    app.take_call_counts();
    app.dispatch().await;
    let calls = app.take_call_counts().by_action;
    assert_eq!(calls.get("TransactWriteItems"), None, "{calls:?}");
}

fn single_filters() -> Vec<Filter<Packet>> {
    let text = |text: &str| Some(text.to_owned());
    vec![
        Filter::default(),
        Filter { states: Some(vec![State::Created]), ..Filter::default() },
        Filter { states: Some(vec![State::Claimed, State::Completed, State::Claimed]), ..Filter::default() },
        Filter { source: text("planner"), ..Filter::default() },
        Filter { holder: text("helper"), ..Filter::default() },
        Filter { priority: text("normal"), ..Filter::default() },
        Filter { tags: vec!["t1".to_owned(), "t1".to_owned()], ..Filter::default() },
    ]
}

#[tokio::test]
async fn list_with_one_filter_makes_the_same_calls_for_any_number_of_packets() {
    let app = TestApp::new().await;
    let mut calls_before: Option<Vec<BTreeMap<String, usize>>> = None;
    let mut ids = Vec::new();
    // With so many packets, each filter has more than a page of matches.
    for more in [230, 60] {
        ids.extend(create_some_packets(&app, more).await);
        app.dispatch().await;
        let expected = recount(&app, &ids).await;
        let mut calls = Vec::new();
        for filter in single_filters() {
            app.take_call_counts();
            let found = app.find(&filter, &page(5, 0)).await;
            let counted = app.take_call_counts();
            assert!(counted.keys_in_batches <= 10 + 8, "{filter:?}: {counted:?}");
            calls.push(counted.by_action);
            assert!(!found.total.is_minimum && found.records.len() == 5, "{filter:?}");
            let count_of = |name: &str| u64::try_from(expected[name]).unwrap();
            let total = match &filter {
                Filter { states: Some(states), .. } if states.len() == 1 => count_of("state=created"),
                Filter { states: Some(_), .. } => count_of("state=claimed") + count_of("state=completed"),
                Filter { holder: Some(_), .. } => count_of("holder=helper"),
                Filter { tags, .. } if !tags.is_empty() => count_of("tag=t1"),
                _ => ids.len() as u64,
            };
            assert_eq!(found.total.count, total, "{filter:?}");
        }
        if let Some(before) = calls_before.replace(calls.clone()) {
            assert_eq!(before, calls);
        }
    }
}

#[tokio::test]
async fn total_is_never_below_what_was_seen() {
    let app = TestApp::new().await;
    create_some_packets(&app, 10).await;
    app.dispatch().await;
    // These packets are not counted yet.
    create_some_packets(&app, 240).await;
    for filter in single_filters() {
        let (mut seen, mut cursor) = (0, None);
        loop {
            let request = handrail_store::PageRequest { cursor, ..page(40, 0) };
            let found = app.find(&filter, &request).await;
            seen += found.records.len() as u64;
            assert!(found.total.count >= seen, "{filter:?}: {} of {seen}", found.total.count);
            cursor = found.next;
            if cursor.is_none() {
                break;
            }
        }
        assert!(seen >= 60, "{filter:?}: {seen}");
    }
}

/// Removes what a version without counts would not have written.
async fn remove_counts_and_labels(app: &TestApp) {
    let db = app.engine.client();
    let table = db.scan().table_name(TABLE).send().await.unwrap();
    assert!(table.last_evaluated_key.is_none());
    for item in table.items() {
        let (pk, sk) = (item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap());
        let key = |name: &str| item[name].clone();
        if pk.starts_with("counts#") || sk == "counted" || sk.starts_with("label#") {
            let delete = db.delete_item().table_name(TABLE).key("pk", key("pk")).key("sk", key("sk"));
            delete.send().await.unwrap();
        } else if sk == "head" {
            let update = db.update_item().table_name(TABLE).key("pk", key("pk")).key("sk", key("sk"));
            update.update_expression("REMOVE state_pk, labeled").send().await.unwrap();
        }
    }
}

#[tokio::test]
async fn earlier_packets_are_counted_step_by_step() {
    let app = TestApp::new().await;
    let mut ids = create_some_packets(&app, 60).await;
    remove_counts_and_labels(&app).await;
    app.skip_changes();
    let mut steps = 0;
    loop {
        // Until all packets are counted, lists count their matches.
        for filter in single_filters() {
            let found = app.find(&filter, &page(200, 0)).await;
            assert_eq!(found.total.count, found.records.len() as u64, "{filter:?}");
        }
        // New packets and changes of earlier ones are counted meanwhile, each once.
        ids.extend(create_some_packets(&app, 1).await);
        if steps == 1 {
            app.act(ids[0], Act::Claim { by: agent("other"), lease_seconds: None }, None).await;
        }
        app.dispatch().await;
        steps += 1;
        if stored_counts(&app).await == recount(&app, &ids).await {
            break;
        }
        assert!(steps < 20, "the counts are never complete");
    }
    assert!(steps > 1, "one step does not count everything");
    let (mut with_counts, created) = (0, app.find(&Filter::default(), &page(200, 0)).await);
    for filter in single_filters() {
        let found = app.find(&filter, &page(200, 0)).await;
        let expected = created.records.iter().filter(|packet| filter.matches(&packet.record)).count();
        assert_eq!((found.records.len(), found.total.count), (expected, expected as u64), "{filter:?}");
        with_counts += usize::from(expected > 0);
    }
    assert_eq!(with_counts, single_filters().len());
}
