//! Time to live: expired items and their index entries are removed, with a stream record.

use crate::table::{TABLE, engine_with_table, get, item, number, put, text};

const YEAR_2001: i64 = 1_000_000_000;
const YEAR_2096: i64 = 4_000_000_000;

#[tokio::test]
async fn only_expired_items_are_removed() {
    let engine = engine_with_table().await;
    let client = engine.client();
    for (sk, ttl) in [("passed", YEAR_2001), ("coming", YEAR_2096)] {
        let mut item = item([("pk", "a"), ("sk", sk), ("onepk", "shared"), ("onesk", sk)]);
        item.insert("ttl".to_owned(), number(ttl));
        put(&client, item).await;
    }
    put(&client, item([("pk", "a"), ("sk", "never")])).await;
    let written = engine.changes_after(TABLE, None, 10).unwrap();

    assert_eq!(engine.remove_expired().unwrap(), 1);
    assert_eq!(engine.remove_expired().unwrap(), 0);

    assert_eq!(get(&client, "a", "passed").await, None);
    assert!(get(&client, "a", "coming").await.is_some());
    assert!(get(&client, "a", "never").await.is_some());
    let indexed = client
        .query()
        .table_name(TABLE)
        .index_name("one")
        .key_condition_expression("onepk = :pk")
        .expression_attribute_values(":pk", text("shared"))
        .send()
        .await
        .unwrap();
    assert_eq!(indexed.count(), 1);
    let removed = engine.changes_after(TABLE, Some(&written[2].sequence), 10).unwrap();
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0].old.as_ref().unwrap()["sk"], text("passed"));
    assert_eq!(removed[0].new, None);
}

#[tokio::test]
async fn time_to_live_setting_is_described() {
    let client = engine_with_table().await.client();
    let response = client.describe_time_to_live().table_name(TABLE).send().await.unwrap();
    let description = response.time_to_live_description().unwrap();
    assert_eq!(description.attribute_name(), Some("ttl"));
}
