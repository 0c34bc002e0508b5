//! The stream: changes in order, from any position, until they are deleted.

use handrail_engine::{Change, Engine, Item};

use crate::table::{TABLE, create_table, engine_with_table, get, item, put};

#[tokio::test]
async fn changes_carry_both_images_in_order() {
    let engine = engine_with_table().await;
    let client = engine.client();
    let (first, second) = (item_version("1"), item_version("2"));
    put(&client, first.clone()).await;
    put(&client, second.clone()).await;
    client.delete_item().table_name(TABLE).set_key(Some(item([("pk", "a"), ("sk", "1")]))).send().await.unwrap();
    let images: Vec<_> = all_changes(&engine, None).into_iter().map(|change| (change.old, change.new)).collect();
    assert_eq!(images, [(None, Some(first.clone())), (Some(first), Some(second.clone())), (Some(second), None)]);
}

#[tokio::test]
async fn reading_resumes_after_a_sequence_number() {
    let engine = engine_with_table().await;
    for number in 0..5 {
        put(&engine.client(), item_version(&number.to_string())).await;
    }
    let all = all_changes(&engine, None);
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted_by(|one, next| one.sequence < next.sequence));
    assert_eq!(all_changes(&engine, Some(&all[1].sequence)), all[2..]);
    assert!(all_changes(&engine, Some(&all[4].sequence)).is_empty());
    assert_eq!(engine.changes_after(TABLE, None, 2).unwrap(), all[..2]);
}

#[tokio::test]
async fn changes_beyond_one_page_arrive_together() {
    let engine = engine_with_table().await;
    for number in 0..1005 {
        put(&engine.client(), item_version(&number.to_string())).await;
    }
    assert_eq!(engine.changes_after(TABLE, None, 1003).unwrap().len(), 1003);
    assert_eq!(all_changes(&engine, None).len(), 1005);
}

#[tokio::test]
async fn refused_write_leaves_no_stream_record() {
    let engine = engine_with_table().await;
    let refused = engine
        .client()
        .put_item()
        .table_name(TABLE)
        .set_item(Some(item_version("1")))
        .condition_expression("attribute_exists(pk)")
        .send()
        .await;
    assert!(refused.is_err());
    assert!(all_changes(&engine, None).is_empty());
}

#[tokio::test]
async fn deleted_changes_keep_every_position_valid() {
    let engine = engine_with_table().await;
    for number in 0..5 {
        put(&engine.client(), item_version(&number.to_string())).await;
    }
    let all = all_changes(&engine, None);
    assert_eq!(engine.delete_changes_before(TABLE, &all[3].sequence).unwrap(), 3);
    assert_eq!(all_changes(&engine, None), all[3..]);
    assert_eq!(all_changes(&engine, Some(&all[0].sequence)), all[3..]);

    let beyond_the_newest = all[4].sequence.parse::<u128>().unwrap() + 1_000_000_000;
    assert_eq!(engine.delete_changes_before(TABLE, &beyond_the_newest.to_string()).unwrap(), 1);
    assert_eq!(all_changes(&engine, None), all[4..]);
    put(&engine.client(), item_version("next")).await;
    let after = all_changes(&engine, Some(&all[4].sequence));
    assert_eq!(after.len(), 1);
    assert!(after[0].sequence > all[4].sequence);
}

#[tokio::test]
async fn table_without_stream_is_a_fault() {
    assert!(Engine::in_memory().unwrap().changes_after("nothing", None, 1).is_err());
}

#[tokio::test]
async fn reopened_file_keeps_items_and_stream() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("records.db");
    let before = {
        let engine = Engine::open(&file).unwrap();
        create_table(&engine.client()).await;
        put(&engine.client(), item_version("1")).await;
        all_changes(&engine, None)
    };
    let engine = Engine::open(&file).unwrap();
    assert_eq!(get(&engine.client(), "a", "1").await, Some(item_version("1")));
    assert_eq!(all_changes(&engine, None), before);
    put(&engine.client(), item_version("2")).await;
    let after = all_changes(&engine, Some(&before[0].sequence));
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].old, Some(item_version("1")));
}

#[tokio::test]
async fn in_memory_engines_are_separate() {
    let (one, other) = (engine_with_table().await, engine_with_table().await);
    put(&one.client(), item_version("1")).await;
    assert_eq!(get(&other.client(), "a", "1").await, None);
}

fn item_version(version: &str) -> Item {
    item([("pk", "a"), ("sk", "1"), ("version", version)])
}

fn all_changes(engine: &Engine, after: Option<&str>) -> Vec<Change> {
    engine.changes_after(TABLE, after, usize::MAX).unwrap()
}
