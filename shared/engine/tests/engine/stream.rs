//! The stream: what changed, in order, from any position, for as long as it is kept.

use handrail_engine::{Change, Engine, Item};

use crate::table::{TABLE, create, engine, get, item, put};

#[tokio::test]
async fn changes_carry_both_images_in_order() {
    let engine = engine().await;
    let client = engine.client();
    let (first, second) = (version("1"), version("2"));
    put(&client, first.clone()).await;
    put(&client, second.clone()).await;
    client.delete_item().table_name(TABLE).set_key(Some(item([("pk", "a"), ("sk", "1")]))).send().await.unwrap();
    let images: Vec<_> = changes(&engine, None).into_iter().map(|change| (change.old, change.new)).collect();
    assert_eq!(images, [(None, Some(first.clone())), (Some(first), Some(second.clone())), (Some(second), None)]);
}

#[tokio::test]
async fn reading_resumes_after_a_sequence_number() {
    let engine = engine().await;
    for number in 0..5 {
        put(&engine.client(), version(&number.to_string())).await;
    }
    let all = changes(&engine, None);
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted_by(|one, next| one.sequence < next.sequence));
    assert_eq!(changes(&engine, Some(&all[1].sequence)), all[2..]);
    assert!(changes(&engine, Some(&all[4].sequence)).is_empty());
    assert_eq!(engine.changes_after(TABLE, None, 2).unwrap(), all[..2]);
}

#[tokio::test]
async fn more_changes_than_one_page_holds_arrive_in_one_call() {
    let engine = engine().await;
    for number in 0..1005 {
        put(&engine.client(), version(&number.to_string())).await;
    }
    assert_eq!(engine.changes_after(TABLE, None, 1003).unwrap().len(), 1003);
    assert_eq!(changes(&engine, None).len(), 1005);
}

#[tokio::test]
async fn a_write_that_changes_nothing_or_is_refused_leaves_no_false_trace() {
    let engine = engine().await;
    let refused = engine
        .client()
        .put_item()
        .table_name(TABLE)
        .set_item(Some(version("1")))
        .condition_expression("attribute_exists(pk)")
        .send()
        .await;
    assert!(refused.is_err());
    assert!(changes(&engine, None).is_empty());
}

#[tokio::test]
async fn forgotten_changes_leave_every_position_valid() {
    let engine = engine().await;
    for number in 0..5 {
        put(&engine.client(), version(&number.to_string())).await;
    }
    let all = changes(&engine, None);
    assert_eq!(engine.forget_changes_before(TABLE, &all[3].sequence).unwrap(), 3);
    assert_eq!(changes(&engine, None), all[3..]);
    assert_eq!(changes(&engine, Some(&all[0].sequence)), all[3..]);

    let beyond_the_newest = all[4].sequence.parse::<u128>().unwrap() + 1_000_000_000;
    assert_eq!(engine.forget_changes_before(TABLE, &beyond_the_newest.to_string()).unwrap(), 1);
    assert_eq!(changes(&engine, None), all[4..]);
    put(&engine.client(), version("next")).await;
    let after = changes(&engine, Some(&all[4].sequence));
    assert_eq!(after.len(), 1);
    assert!(after[0].sequence > all[4].sequence);
}

#[tokio::test]
async fn a_table_without_a_stream_is_a_fault() {
    assert!(Engine::memory().unwrap().changes_after("nothing", None, 1).is_err());
}

#[tokio::test]
async fn a_reopened_file_has_its_items_and_its_stream() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("records.db");
    let before = {
        let engine = Engine::open(&file).unwrap();
        create(&engine.client()).await;
        put(&engine.client(), version("1")).await;
        changes(&engine, None)
    };
    let engine = Engine::open(&file).unwrap();
    assert_eq!(get(&engine.client(), "a", "1").await, Some(version("1")));
    assert_eq!(changes(&engine, None), before);
    put(&engine.client(), version("2")).await;
    let after = changes(&engine, Some(&before[0].sequence));
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].old, Some(version("1")));
}

#[tokio::test]
async fn engines_in_memory_are_separate() {
    let (one, other) = (engine().await, engine().await);
    put(&one.client(), version("1")).await;
    assert_eq!(get(&other.client(), "a", "1").await, None);
}

fn version(version: &str) -> Item {
    item([("pk", "a"), ("sk", "1"), ("version", version)])
}

fn changes(engine: &Engine, after: Option<&str>) -> Vec<Change> {
    engine.changes_after(TABLE, after, usize::MAX).unwrap()
}
