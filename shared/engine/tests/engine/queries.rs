//! Queries by key, prefix and index, in pages.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use handrail_engine::Item;

use crate::table::{TABLE, engine_with_table, get, item, put, text};

#[tokio::test]
async fn index_contains_only_items_with_its_keys() {
    let client = engine_with_table().await.client();
    let indexed_item = |sk: &str, index: &str| {
        let mut item = item([("pk", "a"), ("sk", sk)]);
        item.insert(format!("{index}pk"), text("shared"));
        item.insert(format!("{index}sk"), text(sk));
        item
    };
    put(&client, indexed_item("1", "one")).await;
    put(&client, indexed_item("2", "two")).await;
    put(&client, indexed_item("3", "two")).await;
    put(&client, item([("pk", "a"), ("sk", "4")])).await;

    assert_eq!(sort_keys_in_index(&client, "one").await, ["1"]);
    assert_eq!(sort_keys_in_index(&client, "two").await, ["2", "3"]);
    assert!(sort_keys_in_index(&client, "three").await.is_empty());

    client
        .update_item()
        .table_name(TABLE)
        .set_key(Some(item([("pk", "a"), ("sk", "2")])))
        .update_expression("REMOVE twopk, twosk SET threepk = :pk, threesk = :sk")
        .expression_attribute_values(":pk", text("shared"))
        .expression_attribute_values(":sk", text("2"))
        .send()
        .await
        .unwrap();
    assert_eq!(sort_keys_in_index(&client, "two").await, ["3"]);
    assert_eq!(sort_keys_in_index(&client, "three").await, ["2"]);
}

async fn sort_keys_in_index(client: &Client, index: &str) -> Vec<String> {
    let response = client
        .query()
        .table_name(TABLE)
        .index_name(index)
        .key_condition_expression("#pk = :pk")
        .expression_attribute_names("#pk", format!("{index}pk"))
        .expression_attribute_values(":pk", text("shared"))
        .send()
        .await
        .unwrap();
    sort_keys(response.items())
}

fn sort_keys(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| item["sk"].as_s().unwrap().clone()).collect()
}

#[tokio::test]
async fn index_pages_read_in_both_directions() {
    let client = engine_with_table().await.client();
    for number in 0..7 {
        let key = format!("{number}");
        // Equal index keys, to test a page that ends between them.
        let order = if number < 4 { "same" } else { &key };
        put(&client, item([("pk", "a"), ("sk", &key), ("onepk", "shared"), ("onesk", order)])).await;
    }
    for forward in [true, false] {
        let (mut seen, mut start, mut pages) = (Vec::new(), None::<Item>, 0);
        loop {
            let page = client
                .query()
                .table_name(TABLE)
                .index_name("one")
                .key_condition_expression("onepk = :pk")
                .expression_attribute_values(":pk", text("shared"))
                .scan_index_forward(forward)
                .limit(3)
                .set_exclusive_start_key(start)
                .send()
                .await
                .unwrap();
            pages += 1;
            seen.extend(sort_keys(page.items()));
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        let mut expected = ["4", "5", "6", "0", "1", "2", "3"].map(str::to_owned);
        if !forward {
            expected.reverse();
        }
        assert_eq!(seen, expected);
        assert_eq!(pages, 3);
    }
}

#[tokio::test]
async fn sort_key_prefix_selects_matching_items() {
    let client = engine_with_table().await.client();
    for sk in ["event#1", "event#2", "evening", "meta"] {
        put(&client, item([("pk", "a"), ("sk", sk)])).await;
    }
    let response = client
        .query()
        .table_name(TABLE)
        .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
        .expression_attribute_values(":pk", text("a"))
        .expression_attribute_values(":prefix", text("event#"))
        .send()
        .await
        .unwrap();
    assert_eq!(sort_keys(response.items()), ["event#1", "event#2"]);
}

#[tokio::test]
async fn batches_read_write_and_delete() {
    let client = engine_with_table().await.client();
    let write = |sk: &str| {
        let put = PutRequest::builder().set_item(Some(item([("pk", "a"), ("sk", sk)])));
        WriteRequest::builder().put_request(put.build().unwrap()).build()
    };
    client.batch_write_item().request_items(TABLE, vec![write("1"), write("2"), write("3")]).send().await.unwrap();
    let delete = DeleteRequest::builder().set_key(Some(item([("pk", "a"), ("sk", "2")])));
    let delete = WriteRequest::builder().delete_request(delete.build().unwrap()).build();
    client.batch_write_item().request_items(TABLE, vec![delete]).send().await.unwrap();

    let keys = ["1", "2", "3"].map(|sk| item([("pk", "a"), ("sk", sk)]));
    let requested_keys = KeysAndAttributes::builder().set_keys(Some(keys.to_vec())).build().unwrap();
    let response = client.batch_get_item().request_items(TABLE, requested_keys).send().await.unwrap();
    let mut found = sort_keys(&response.responses().unwrap()[TABLE]);
    found.sort();
    assert_eq!(found, ["1", "3"]);
}

#[tokio::test]
async fn every_attribute_type_round_trips() {
    let client = engine_with_table().await.client();
    let mut stored = item([("pk", "a"), ("sk", "1"), ("text", "naïve \"quoted\" \u{1F600}\n")]);
    let values = [
        ("number", AttributeValue::N("12345678901234567890.5".to_owned())),
        ("truth", AttributeValue::Bool(true)),
        ("nothing", AttributeValue::Null(true)),
        ("bytes", AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new([0, 255, 7]))),
        ("set", AttributeValue::Ss(vec!["x".to_owned()])),
        ("list", AttributeValue::L(vec![text(""), AttributeValue::M(item([("k", "v")]))])),
    ];
    stored.extend(values.map(|(name, value)| (name.to_owned(), value)));
    put(&client, stored.clone()).await;
    assert_eq!(get(&client, "a", "1").await, Some(stored));
}
