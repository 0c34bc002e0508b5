//! Conditional writes, counters, lists and transactions with concurrent writers.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::table::{TABLE, engine_with_table, get, item, number, put, text};

#[tokio::test]
async fn conditional_put_refuses_the_second_writer() {
    let client = engine_with_table().await.client();
    let insert = || {
        client
            .put_item()
            .table_name(TABLE)
            .set_item(Some(item([("pk", "a"), ("sk", "1")])))
            .condition_expression("attribute_not_exists(pk)")
            .send()
    };
    insert().await.unwrap();
    let refusal = insert().await.unwrap_err().into_service_error();
    assert!(matches!(refusal, PutItemError::ConditionalCheckFailedException(_)), "{refusal:?}");
}

#[tokio::test]
async fn refused_update_returns_the_current_item() {
    let client = engine_with_table().await.client();
    let stored = item([("pk", "a"), ("sk", "1"), ("state", "answered")]);
    put(&client, stored.clone()).await;
    let refusal = client
        .update_item()
        .table_name(TABLE)
        .set_key(Some(item([("pk", "a"), ("sk", "1")])))
        .update_expression("SET #state = :cancelled")
        .condition_expression("#state = :open")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":cancelled", text("cancelled"))
        .expression_attribute_values(":open", text("open"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let UpdateItemError::ConditionalCheckFailedException(refusal) = refusal else {
        panic!("{refusal:?}");
    };
    assert_eq!(refusal.item(), Some(&stored));
}

#[tokio::test]
async fn update_appends_to_list_and_increments_number() {
    let client = engine_with_table().await.client();
    for line in ["first", "second"] {
        client
            .update_item()
            .table_name(TABLE)
            .set_key(Some(item([("pk", "a"), ("sk", "1")])))
            .update_expression("SET events = list_append(if_not_exists(events, :none), :line) ADD version :one")
            .expression_attribute_values(":none", AttributeValue::L(vec![]))
            .expression_attribute_values(":line", AttributeValue::L(vec![text(line)]))
            .expression_attribute_values(":one", number(1))
            .send()
            .await
            .unwrap();
    }
    let stored = get(&client, "a", "1").await.unwrap();
    assert_eq!(stored["events"], AttributeValue::L(vec![text("first"), text("second")]));
    assert_eq!(stored["version"], number(2));
}

/// Status, name, data and count are reserved words of DynamoDB.
#[tokio::test]
async fn reserved_words_need_attribute_name_placeholders() {
    let client = engine_with_table().await.client();
    let update = client
        .update_item()
        .table_name(TABLE)
        .set_key(Some(item([("pk", "a"), ("sk", "1")])))
        .update_expression("SET #s = :v, #n = :v, #d = :v, #c = :v")
        .expression_attribute_names("#s", "status")
        .expression_attribute_names("#n", "name")
        .expression_attribute_names("#d", "data")
        .expression_attribute_names("#c", "count")
        .expression_attribute_values(":v", text("value"))
        .return_values(ReturnValue::AllNew)
        .send()
        .await
        .unwrap();
    for name in ["status", "name", "data", "count"] {
        assert_eq!(update.attributes().unwrap()[name], text("value"));
    }
    let bare = client
        .update_item()
        .table_name(TABLE)
        .set_key(Some(item([("pk", "a"), ("sk", "1")])))
        .update_expression("SET status = :v")
        .expression_attribute_values(":v", text("value"))
        .send()
        .await
        .unwrap_err();
    assert_eq!(bare.into_service_error().meta().code(), Some("ValidationException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_increments_respect_the_counter_limit() {
    let client = engine_with_table().await.client();
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                client
                    .update_item()
                    .table_name(TABLE)
                    .set_key(Some(item([("pk", "a"), ("sk", "1")])))
                    .update_expression("ADD used :one")
                    .condition_expression("attribute_not_exists(used) OR used <= :last")
                    .expression_attribute_values(":one", number(1))
                    .expression_attribute_values(":last", number(9))
                    .send()
                    .await
                    .is_ok()
            })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += i64::from(task.await.unwrap());
    }
    assert_eq!(accepted, 10);
    assert_eq!(get(&client, "a", "1").await.unwrap()["used"], number(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_conditional_updates_accept_one() {
    let client = engine_with_table().await.client();
    put(&client, item([("pk", "a"), ("sk", "1"), ("state", "open")])).await;
    let tasks: Vec<_> = (0..20)
        .map(|writer| {
            let client = client.clone();
            tokio::spawn(async move {
                let outcome = client
                    .update_item()
                    .table_name(TABLE)
                    .set_key(Some(item([("pk", "a"), ("sk", "1")])))
                    .update_expression("SET #state = :done, winner = :me")
                    .condition_expression("#state = :open")
                    .expression_attribute_names("#state", "state")
                    .expression_attribute_values(":done", text("done"))
                    .expression_attribute_values(":open", text("open"))
                    .expression_attribute_values(":me", number(writer))
                    .send()
                    .await;
                match outcome.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
                    Ok(_) => Some(writer),
                    Err(UpdateItemError::ConditionalCheckFailedException(_)) => None,
                    Err(other) => panic!("{other:?}"),
                }
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        winners.extend(task.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(get(&client, "a", "1").await.unwrap()["winner"], number(winners[0]));
}

#[tokio::test]
async fn transaction_is_atomic_and_reports_failed_condition() {
    let client = engine_with_table().await.client();
    let transaction = |state: &str| {
        let put = Put::builder()
            .table_name(TABLE)
            .set_item(Some(item([("pk", "b"), ("sk", "1")])))
            .condition_expression("attribute_not_exists(pk)");
        let update = Update::builder()
            .table_name(TABLE)
            .set_key(Some(item([("pk", "a"), ("sk", "1")])))
            .update_expression("SET #state = :next")
            .condition_expression("#state = :state")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":next", text("next"))
            .expression_attribute_values(":state", text(state))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put.build().unwrap()).build())
            .transact_items(TransactWriteItem::builder().update(update.build().unwrap()).build())
            .send()
    };
    let stored = item([("pk", "a"), ("sk", "1"), ("state", "open")]);
    put(&client, stored.clone()).await;

    let refusal = transaction("other").await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(refusal) = refusal else {
        panic!("{refusal:?}");
    };
    let reasons = refusal.cancellation_reasons();
    assert_eq!(reasons[0].code(), Some("None"));
    assert_eq!(reasons[1].code(), Some("ConditionalCheckFailed"));
    assert_eq!(reasons[1].item(), Some(&stored));
    assert_eq!(get(&client, "b", "1").await, None);

    transaction("open").await.unwrap();
    assert!(get(&client, "b", "1").await.is_some());
    assert_eq!(get(&client, "a", "1").await.unwrap()["state"], text("next"));
}
