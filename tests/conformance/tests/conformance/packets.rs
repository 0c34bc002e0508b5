//! Bodies, lists by facets and search on Amazon's own DynamoDB Local: what an index holds, what a filter means and how a
//! count is told is the table's to say.

use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::ids::{CommandId, KeyId, RecordId};
use handrail_domain::lifecycle::Command;
use handrail_domain::packet::{Act, AgentRef, Content, Edit, Packet, Priority, Proposal, State};
use handrail_domain::record::Record;
use handrail_domain::words::Words;
use handrail_kernel::cx::Cx;
use handrail_kernel::store::{Body, Filter, Order, Page, PutSchema, SCHEMAS_MAX, Schema, Whole, table};
use handrail_kernel::transition::{Proposed, create_whole, rework};
use serde_json::json;

use crate::tools::{Emulator, TestClock, tenant};

const MANY: usize = 120;

pub(crate) async fn hold(cx: &Cx, clock: &TestClock) {
    let made = many(cx, clock).await;
    pages_lead_through_what_fits(cx, &made).await;
    a_page_ends_early_when_it_is_full(cx).await;
    a_deadline_counts_before_it_is_written(cx, clock, made[0]).await;
    what_is_carried_now_is_found(cx, made[1]).await;
    what_one_item_does_not_hold_is_carried(cx, made[2]).await;
    an_account_has_so_many_schemas_and_no_more(cx).await;
}

/// Newest first. Each with more and longer tags than anybody has.
async fn many(cx: &Cx, clock: &TestClock) -> Vec<RecordId> {
    let mut made = Vec::new();
    for at in 0..MANY {
        clock.set(cx.clock.now().plus_ms(1));
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
        let (ask, content) = Proposal::read(&body).unwrap().into_ask(key(), cx.clock.now()).unwrap();
        assert_eq!(ask.priority == Priority::High, at % 3 == 0);
        let id = cx.new_record_id();
        let command = CommandId::new(&id.to_string(), b"");
        let record = Record::<Packet>::open(tenant(), id, ask, by(), command.clone(), cx.clock.now());
        let whole = Whole { record, body: Some(body_of(&content)) };
        let (first, _) = create_whole(cx, whole.clone(), &command).await.unwrap();
        if at == 0 {
            assert!(create_whole(cx, whole, &command).await.unwrap().0.replayed && !first.replayed);
        }
        made.insert(0, id);
    }
    made
}

async fn pages_lead_through_what_fits(cx: &Cx, made: &[RecordId]) {
    let at = |index: usize| MANY - 1 - index;
    let fitting = |fits: &dyn Fn(usize) -> bool| -> Vec<RecordId> {
        made.iter().enumerate().filter(|(index, _)| fits(at(*index))).map(|(_, id)| *id).collect()
    };
    let odd = format!("agent {}", "x".repeat(90));
    let cases: [(Filter<Packet>, Vec<RecordId>); 5] = [
        (Filter::default(), fitting(&|_| true)),
        (Filter { states: Some(vec![State::Created]), ..Filter::default() }, fitting(&|_| true)),
        (Filter { states: Some(vec![State::Claimed, State::Expired]), ..Filter::default() }, Vec::new()),
        (Filter { tags: vec!["t3".to_owned(), format!("{:064}", 7)], ..Filter::default() }, fitting(&|at| at % 5 == 3)),
        (
            Filter {
                source: Some(odd),
                holder: Some("coder".to_owned()),
                priority: Some("high".to_owned()),
                ..Filter::default()
            },
            fitting(&|at| at % 2 == 1 && at % 3 == 0),
        ),
    ];
    for (filter, wanted) in cases {
        for offset in [0, 5, 115, 500] {
            let found = find(cx, &filter, Page { offset, ..page() }).await;
            let rest: Vec<_> = wanted.iter().skip(offset).take(page().limit).copied().collect();
            assert_eq!(found.0, rest, "{filter:?} from {offset}");
            assert_eq!(found.1, wanted.len() as u64, "{filter:?}");
        }
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let found = find(cx, &filter, Page { after, order, ..page() }).await;
                assert_eq!(found.1, wanted.len() as u64);
                seen.extend(found.0);
                after = found.2;
                if after.is_none() {
                    break;
                }
            }
            if order == Order::OldestFirst {
                seen.reverse();
            }
            assert_eq!(seen, wanted, "{filter:?}");
        }
    }
}

async fn a_page_ends_early_when_it_is_full(cx: &Cx) {
    let (ids, total, next) = find(cx, &Filter::default(), Page { bytes_max: 1, ..page() }).await;
    assert_eq!((ids.len(), total, next.is_some()), (1, MANY as u64, true));
}

async fn a_deadline_counts_before_it_is_written(cx: &Cx, clock: &TestClock, id: RecordId) {
    let by = AgentRef { id: "helper".to_owned(), name: "Helper".to_owned(), framework: None, version: None };
    act(cx, id, Act::Claim { by, lease_seconds: Some(60) }, None).await;
    let claimed = Filter { states: Some(vec![State::Claimed]), ..Filter::default() };
    let created = Filter { states: Some(vec![State::Created]), ..Filter::default() };
    let helpers = Filter { holder: Some("helper".to_owned()), ..Filter::default() };
    assert_eq!(find(cx, &claimed, page()).await.0, [id]);
    assert_eq!(find(cx, &helpers, page()).await.1, 1);
    assert_eq!(find(cx, &created, page()).await.1, MANY as u64 - 1);
    clock.set(cx.clock.now().plus_ms(60_000));
    assert_eq!(find(cx, &claimed, page()).await.1, 0);
    assert_eq!(find(cx, &created, page()).await.1, MANY as u64);
}

async fn what_is_carried_now_is_found(cx: &Cx, id: RecordId) {
    assert_eq!(search(cx, "EVEN packets", Page { limit: 200, ..page() }).await.len(), MANY / 2);
    assert_eq!(search(cx, "packet n118 even", page()).await, [id]);
    let whole = cx.store.whole::<Packet>(tenant(), id).await.unwrap().unwrap();
    let mut content: Content = whole.body.unwrap().read().unwrap();
    content.context.summary = "something else".to_owned();
    let edit = Edit {
        base: whole.record.standing.content,
        content: content.reference(),
        has_checkpoint: false,
        sets_checkpoint: false,
        answer_until: None,
        asks: None,
    };
    act(cx, id, Act::Edit(edit), Some(&content)).await;
    assert_eq!(search(cx, "n118", page()).await, []);
    assert_eq!(search(cx, "something", page()).await, [id]);
    let whole = cx.store.whole::<Packet>(tenant(), id).await.unwrap().unwrap();
    assert_eq!(whole.body.unwrap().read::<Content>().unwrap(), content);
}

/// As large as may be, and dense: three parts, which are more than a query answers at once where a fourth comes.
async fn what_one_item_does_not_hold_is_carried(cx: &Cx, id: RecordId) {
    let mut state = 88_172_645_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b' ' + u8::try_from((state >> 8) % 95).unwrap())
    };
    let text = (0..1_040_000).map(|_| next()).collect::<String>().replace(['"', '\\'], "_");
    let whole = cx.store.whole::<Packet>(tenant(), id).await.unwrap().unwrap();
    let mut content: Content = whole.body.unwrap().read().unwrap();
    content.context.summary = "dense".to_owned();
    content.context.custom.insert("text".to_owned(), text.into());
    let edit = Edit {
        base: whole.record.standing.content,
        content: content.reference(),
        has_checkpoint: false,
        sets_checkpoint: false,
        answer_until: None,
        asks: None,
    };
    act(cx, id, Act::Edit(edit), Some(&content)).await;
    let carried = |whole: Whole<Packet>| whole.body.unwrap().read::<Content>().unwrap();
    assert!(carried(cx.store.whole::<Packet>(tenant(), id).await.unwrap().unwrap()) == content);
    let mut listed = cx.store.find(tenant(), &Filter::default(), &page(), cx.clock.now()).await.unwrap().records;
    assert!(carried(listed.swap_remove(2)) == content);
    assert_eq!(search(cx, "dense", page()).await, [id]);
}

async fn an_account_has_so_many_schemas_and_no_more(cx: &Cx) {
    let schema = |at: usize| Schema {
        id: RecordId::from_bytes([u8::try_from(at).unwrap(); 16]),
        name: "order".to_owned(),
        version: 1,
        text: json!({"type": "object", "title": "x".repeat(at * 200)}).to_string(),
        created_at: cx.clock.now(),
    };
    for at in 0..SCHEMAS_MAX {
        assert!(matches!(cx.store.put_schema(tenant(), schema(at)).await.unwrap(), PutSchema::Done(_)));
    }
    assert_eq!(cx.store.put_schema(tenant(), schema(SCHEMAS_MAX)).await.unwrap(), PutSchema::TooMany);
    assert_eq!(cx.store.put_schema(tenant(), schema(3)).await.unwrap(), PutSchema::Done(schema(3)), "a repeat");
    let other = Schema { version: 2, ..schema(3) };
    assert_eq!(cx.store.put_schema(tenant(), other).await.unwrap(), PutSchema::OtherContent);
    assert_eq!(cx.store.schemas(tenant()).await.unwrap().len(), SCHEMAS_MAX);
    assert_eq!(cx.store.schema(tenant(), schema(199).id).await.unwrap(), Some(schema(199)));
}

pub(crate) async fn a_table_without_the_index_gets_it(part: &Emulator) {
    let db = aws_sdk_dynamodb::Client::new(&part.sdk_config());
    table::create(&db, "older").await.unwrap();
    let delete = aws_sdk_dynamodb::types::DeleteGlobalSecondaryIndexAction::builder().index_name("by_facet");
    let update = aws_sdk_dynamodb::types::GlobalSecondaryIndexUpdate::builder().delete(delete.build().unwrap()).build();
    db.update_table().table_name("older").global_secondary_index_updates(update).send().await.unwrap();
    assert!(!table::create(&db, "older").await.unwrap());
    let described = db.describe_table().table_name("older").send().await.unwrap().table.unwrap();
    assert!(described.global_secondary_indexes().iter().any(|index| index.index_name() == Some("by_facet")));
}

fn page() -> Page {
    Page { limit: 50, offset: 0, after: None, order: Order::NewestFirst, bytes_max: usize::MAX }
}

fn key() -> KeyId {
    KeyId::new(crate::tools::NOON, [9; 10])
}

fn by() -> Actor {
    Actor::Key { key: key(), role: Role::App }
}

fn body_of(content: &Content) -> Body {
    Body::of(content, Words::of_record([content.context.summary.as_str()])).unwrap()
}

async fn act(cx: &Cx, id: RecordId, act: Act, content: Option<&Content>) {
    let command = Command { id: CommandId::new(&cx.new_record_id().to_string(), b""), actor: by(), act };
    let propose = |_: &Whole<Packet>| Ok(Proposed { command: command.clone(), body: content.map(body_of) });
    rework(cx, tenant(), id, propose).await.unwrap();
}

type FoundIds = (Vec<RecordId>, u64, Option<handrail_kernel::store::ListingCursor>);

async fn find(cx: &Cx, filter: &Filter<Packet>, page: Page) -> FoundIds {
    let found = cx.store.find(tenant(), filter, &page, cx.clock.now()).await.unwrap();
    (found.records.iter().map(|whole| whole.record.id).collect(), found.total, found.next)
}

async fn search(cx: &Cx, query: &str, page: Page) -> Vec<RecordId> {
    let words = Words::of_query(query).unwrap();
    let hits = cx.store.search::<Packet>(tenant(), &words, &Filter::default(), &page, cx.clock.now()).await.unwrap();
    hits.records.iter().map(|whole| whole.record.id).collect()
}
