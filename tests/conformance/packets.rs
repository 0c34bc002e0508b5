//! Packet bodies, filtered lists and search on Amazon's DynamoDB Local, whose indexes, filters and counts are the real
//! ones.

use handrail_context::cx::Cx;
use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::ids::{CommandId, KeyId, RecordId};
use handrail_domain::lifecycle::Command;
use handrail_domain::packet::{Act, AgentRef, Content, Edit, NewPacket, Packet, Priority, State};
use handrail_domain::record::Record;
use handrail_domain::search_terms::SearchTerms;
use handrail_records::transition::{PlannedChange, TransitionError, create_with_body, transition_with_body};
use handrail_store::{Body, Filter, Order, PageRequest, PutSchemaOutcome, RecordWithBody, SCHEMAS_MAX, Schema, table};
use handrail_test_app::FixedClock;
use serde_json::json;

use crate::tools::{Emulator, tenant};

const PACKET_COUNT: usize = 120;

pub(crate) async fn check_packets(cx: &Cx, clock: &FixedClock) {
    let created = create_packets(cx, clock).await;
    pages_return_all_matching_packets(cx, &created).await;
    page_is_limited_by_bytes(cx).await;
    due_timers_count_in_lists(cx, clock, created[0]).await;
    search_finds_current_body(cx, created[1]).await;
    body_in_parts_is_stored_completely(cx, created[2]).await;
    schemas_per_tenant_are_limited(cx).await;
}

/// Creates packets with as many and as long tags as allowed. Returns their ids, newest first.
async fn create_packets(cx: &Cx, clock: &FixedClock) -> Vec<RecordId> {
    let mut created = Vec::new();
    for at in 0..PACKET_COUNT {
        clock.move_to(cx.clock.now().plus_ms(1));
        let mut tags: Vec<String> = (0..49).map(|tag| format!("{tag:064}")).collect();
        tags[0] = format!("t{}", at % 5);
        let summary = format!("packet n{at} {}", if at % 2 == 0 { "even" } else { "odd" });
        let body = json!({
            "metadata": {
                "source_agent": {"id": format!("agent {}", "x".repeat(at % 2 * 90)), "name": "Planner"},
                "target_agent": {"id": "coder", "name": "Coder"},
                "priority": if at % 3 == 0 { "high" } else { "low" },
                "tags": tags,
            },
            "context": {"summary": summary},
        });
        let (spec, content) = NewPacket::read(&body).unwrap().into_spec(key(), cx.clock.now()).unwrap();
        assert_eq!(spec.priority == Priority::High, at % 3 == 0);
        let id = cx.new_record_id();
        let command = CommandId::new(&id.to_string(), b"");
        let record = Record::<Packet>::create(
            tenant(),
            id,
            spec,
            actor(),
            command.clone(),
            cx.clock.now(),
            cx.new_record_salt(),
        );
        let stored = RecordWithBody { record, body: Some(body_of(&content)) };
        let (first, _) = create_with_body(cx, stored.clone(), &command).await.unwrap();
        if at == 0 {
            assert!(create_with_body(cx, stored, &command).await.unwrap().0.is_repeat && !first.is_repeat);
        }
        created.insert(0, id);
    }
    created
}

async fn pages_return_all_matching_packets(cx: &Cx, created: &[RecordId]) {
    let at = |index: usize| PACKET_COUNT - 1 - index;
    let matching = |fits: &dyn Fn(usize) -> bool| -> Vec<RecordId> {
        created.iter().enumerate().filter(|(index, _)| fits(at(*index))).map(|(_, id)| *id).collect()
    };
    let odd = format!("agent {}", "x".repeat(90));
    let cases: [(Filter<Packet>, Vec<RecordId>); 5] = [
        (Filter::default(), matching(&|_| true)),
        (Filter { states: Some(vec![State::Created]), ..Filter::default() }, matching(&|_| true)),
        (Filter { states: Some(vec![State::Claimed, State::Expired]), ..Filter::default() }, Vec::new()),
        (
            Filter { tags: vec!["t3".to_owned(), format!("{:064}", 7)], ..Filter::default() },
            matching(&|at| at % 5 == 3),
        ),
        (
            Filter {
                source: Some(odd),
                holder: Some("coder".to_owned()),
                priority: Some("high".to_owned()),
                ..Filter::default()
            },
            matching(&|at| at % 2 == 1 && at % 3 == 0),
        ),
    ];
    for (filter, expected) in cases {
        for offset in [0, 5, 115, 500] {
            let found = find(cx, &filter, PageRequest { offset, ..page() }).await;
            let expected_page: Vec<_> = expected.iter().skip(offset).take(page().limit).copied().collect();
            assert_eq!(found.0, expected_page, "{filter:?} from {offset}");
            assert_eq!(found.1, expected.len() as u64, "{filter:?}");
        }
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let found = find(cx, &filter, PageRequest { cursor: after, order, ..page() }).await;
                assert_eq!(found.1, expected.len() as u64);
                seen.extend(found.0);
                after = found.2;
                if after.is_none() {
                    break;
                }
            }
            if order == Order::OldestFirst {
                seen.reverse();
            }
            assert_eq!(seen, expected, "{filter:?}");
        }
    }
}

async fn page_is_limited_by_bytes(cx: &Cx) {
    let (ids, total, next) = find(cx, &Filter::default(), PageRequest { bytes_max: 1, ..page() }).await;
    assert_eq!((ids.len(), total, next.is_some()), (1, PACKET_COUNT as u64, true));
}

async fn due_timers_count_in_lists(cx: &Cx, clock: &FixedClock, id: RecordId) {
    let by = AgentRef { id: "helper".to_owned(), name: "Helper".to_owned(), framework: None, version: None };
    act(cx, id, Act::Claim { by, lease_seconds: Some(60) }, None).await;
    let claimed = Filter { states: Some(vec![State::Claimed]), ..Filter::default() };
    let created = Filter { states: Some(vec![State::Created]), ..Filter::default() };
    let claimed_by_helper = Filter { holder: Some("helper".to_owned()), ..Filter::default() };
    assert_eq!(find(cx, &claimed, page()).await.0, [id]);
    assert_eq!(find(cx, &claimed_by_helper, page()).await.1, 1);
    assert_eq!(find(cx, &created, page()).await.1, PACKET_COUNT as u64 - 1);
    clock.move_to(cx.clock.now().plus_ms(60_000));
    assert_eq!(find(cx, &claimed, page()).await.1, 0);
    assert_eq!(find(cx, &created, page()).await.1, PACKET_COUNT as u64);
}

async fn search_finds_current_body(cx: &Cx, id: RecordId) {
    assert_eq!(search(cx, "EVEN packets", PageRequest { limit: 200, ..page() }).await.len(), PACKET_COUNT / 2);
    assert_eq!(search(cx, "packet n118 even", page()).await, [id]);
    let stored = cx.store.record_with_body::<Packet>(tenant(), id).await.unwrap().unwrap();
    let mut content: Content = stored.body.unwrap().read().unwrap();
    content.context.summary = "something else".to_owned();
    let edit = Edit {
        base: stored.record.state_data.content,
        content: content.reference(),
        has_checkpoint: false,
        sets_checkpoint: false,
        answer_until: None,
        asks: None,
    };
    act(cx, id, Act::Edit(edit), Some(&content)).await;
    assert_eq!(search(cx, "n118", page()).await, []);
    assert_eq!(search(cx, "something", page()).await, [id]);
    let stored = cx.store.record_with_body::<Packet>(tenant(), id).await.unwrap().unwrap();
    assert_eq!(stored.body.unwrap().read::<Content>().unwrap(), content);
}

/// Uses the largest allowed body, incompressible: three parts, more than one query returns.
async fn body_in_parts_is_stored_completely(cx: &Cx, id: RecordId) {
    let mut state = 88_172_645_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b' ' + u8::try_from((state >> 8) % 95).unwrap())
    };
    let text = (0..1_040_000).map(|_| next()).collect::<String>().replace(['"', '\\'], "_");
    let stored = cx.store.record_with_body::<Packet>(tenant(), id).await.unwrap().unwrap();
    let mut content: Content = stored.body.unwrap().read().unwrap();
    content.context.summary = "dense".to_owned();
    content.context.custom.insert("text".to_owned(), text.into());
    let edit = Edit {
        base: stored.record.state_data.content,
        content: content.reference(),
        has_checkpoint: false,
        sets_checkpoint: false,
        answer_until: None,
        asks: None,
    };
    act(cx, id, Act::Edit(edit), Some(&content)).await;
    let content_of = |stored: RecordWithBody<Packet>| stored.body.unwrap().read::<Content>().unwrap();
    assert!(content_of(cx.store.record_with_body::<Packet>(tenant(), id).await.unwrap().unwrap()) == content);
    let mut records = cx.store.find(tenant(), &Filter::default(), &page(), cx.clock.now()).await.unwrap().records;
    assert!(content_of(records.swap_remove(2)) == content);
    assert_eq!(search(cx, "dense", page()).await, [id]);
}

async fn schemas_per_tenant_are_limited(cx: &Cx) {
    let schema = |at: usize| Schema {
        id: RecordId::from_bytes([u8::try_from(at).unwrap(); 16]),
        name: "order".to_owned(),
        version: 1,
        text: json!({"type": "object", "title": "x".repeat(at * 200)}).to_string(),
        created_at: cx.clock.now(),
    };
    for at in 0..SCHEMAS_MAX {
        assert!(matches!(cx.store.put_schema(tenant(), schema(at)).await.unwrap(), PutSchemaOutcome::Done(_)));
    }
    assert_eq!(cx.store.put_schema(tenant(), schema(SCHEMAS_MAX)).await.unwrap(), PutSchemaOutcome::TooMany);
    assert_eq!(cx.store.put_schema(tenant(), schema(3)).await.unwrap(), PutSchemaOutcome::Done(schema(3)), "a repeat");
    let other = Schema { version: 2, ..schema(3) };
    assert_eq!(cx.store.put_schema(tenant(), other).await.unwrap(), PutSchemaOutcome::IdempotencyConflict);
    assert_eq!(cx.store.schemas(tenant()).await.unwrap().len(), SCHEMAS_MAX);
    assert_eq!(cx.store.schema(tenant(), schema(199).id).await.unwrap(), Some(schema(199)));
}

pub(crate) async fn missing_index_is_added(emulator: &Emulator) {
    let db = aws_sdk_dynamodb::Client::new(&emulator.sdk_config());
    table::create(&db, "older").await.unwrap();
    let delete = aws_sdk_dynamodb::types::DeleteGlobalSecondaryIndexAction::builder().index_name("by_facet");
    let update = aws_sdk_dynamodb::types::GlobalSecondaryIndexUpdate::builder().delete(delete.build().unwrap()).build();
    db.update_table().table_name("older").global_secondary_index_updates(update).send().await.unwrap();
    assert!(!table::create(&db, "older").await.unwrap());
    let described = db.describe_table().table_name("older").send().await.unwrap().table.unwrap();
    assert!(described.global_secondary_indexes().iter().any(|index| index.index_name() == Some("by_facet")));
}

fn page() -> PageRequest {
    PageRequest { limit: 50, offset: 0, cursor: None, order: Order::NewestFirst, bytes_max: usize::MAX }
}

fn key() -> KeyId {
    KeyId::new(crate::tools::NOON, [9; 10])
}

fn actor() -> Actor {
    Actor::Key { key: key(), role: Role::App }
}

fn body_of(content: &Content) -> Body {
    Body::new(content, SearchTerms::of_record([content.context.summary.as_str()])).unwrap()
}

async fn act(cx: &Cx, id: RecordId, act: Act, content: Option<&Content>) {
    let command = Command { id: CommandId::new(&cx.new_record_id().to_string(), b""), actor: actor(), act };
    let propose = |_: &RecordWithBody<Packet>| -> Result<_, TransitionError<Packet>> {
        Ok(PlannedChange { command: command.clone(), body: content.map(body_of) })
    };
    transition_with_body(cx, tenant(), id, propose).await.unwrap();
}

type FoundIds = (Vec<RecordId>, u64, Option<handrail_store::Cursor>);

async fn find(cx: &Cx, filter: &Filter<Packet>, page: PageRequest) -> FoundIds {
    let found = cx.store.find(tenant(), filter, &page, cx.clock.now()).await.unwrap();
    (found.records.iter().map(|stored| stored.record.id).collect(), found.total.count, found.next)
}

async fn search(cx: &Cx, query: &str, page: PageRequest) -> Vec<RecordId> {
    let words = SearchTerms::of_query(query).unwrap();
    let found = cx.store.search::<Packet>(tenant(), &words, &Filter::default(), &page, cx.clock.now()).await.unwrap();
    found.records.iter().map(|stored| stored.record.id).collect()
}
