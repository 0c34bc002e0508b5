//! `events/` holds one example event for each function, generated here from the code. After a change of the code,
//! `HANDRAIL_UPDATE=1 cargo test --workspace --test consistency` rewrites the files.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::decision::CallbackPurpose;
use handrail_domain::decision::Decision;
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_effects::WORKERS;
use handrail_effects::{EventSource, Message};
use handrail_engine::Change;
use handrail_runner::endpoints;
use handrail_store::{DeliveryKey, HeadKey, Item, head_key_of};
use serde_json::{Map, Value, json};

use crate::functions::queue_id;
use crate::project::{assert_same, files, root};
use crate::replay::{run_example, run_examples};
use crate::replay_app::{NOW, TABLE, record_id, tenant};
use crate::samples::sample;

const FOLDER: &str = "events/";

#[tokio::test]
async fn every_function_has_a_current_example() {
    let mut in_code = BTreeMap::new();
    for endpoint in endpoints() {
        in_code.insert(endpoint.function.to_owned(), sample(endpoint.function).event(&endpoint));
    }
    for worker in WORKERS {
        let event = match worker.event_source {
            EventSource::Stream => stream_event().await,
            EventSource::Queue(queue) => queue_event(&message(worker.function), &queue_id(queue)),
            EventSource::Schedule => schedule_event(worker.function),
        };
        in_code.insert(worker.function.to_owned(), event);
    }
    let in_code: BTreeMap<String, String> =
        in_code.into_iter().map(|(function, event)| (format!("{function}.json"), format!("{event:#}\n"))).collect();
    if std::env::var_os("HANDRAIL_UPDATE").is_some() {
        for (name, text) in &in_code {
            std::fs::write(root().join(FOLDER).join(name), text).unwrap();
        }
    }
    let found = files().into_iter().filter_map(|(path, text)| Some((path.strip_prefix(FOLDER)?.to_owned(), text)));
    assert_same("example events (HANDRAIL_UPDATE=1 rewrites them)", &in_code, &found.collect());
}

/// Returns the message that dispatch sends to this worker in the examples.
pub(crate) fn message(function: &str) -> Message {
    let kind = Decision::KIND.to_owned();
    let (tenant, record) = (tenant(), record_id());
    let delivery = |seq, purpose| DeliveryKey { tenant, record, seq, purpose, webhook: None };
    match function {
        "notify" => Message::Notify { kind, key: delivery(1, ApprovalPurpose::AskApprover.purpose()) },
        "keep" => Message::RetainFiles { kind, key: delivery(2, Purpose::RETAIN_FILES) },
        "timer" => Message::Timer { kind, key: HeadKey { tenant, id: record }, due_at: NOW.plus_ms(60 * 60_000) },
        "deliver" => Message::Deliver { kind, key: delivery(2, CallbackPurpose::Resolved.purpose()) },
        other => panic!("{other} is a new worker: add its message here"),
    }
}

fn queue_event(message: &Message, queue: &str) -> Value {
    json!({"Records": [{
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBexample",
        "body": serde_json::to_string(message).unwrap(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": NOW.as_unix_ms().to_string(),
            "SenderId": "AROAEXAMPLE:handrail",
            "ApproximateFirstReceiveTimestamp": NOW.plus_ms(5).as_unix_ms().to_string(),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:eu-west-1:123456789012:handrail-{queue}-EXAMPLE"),
        "awsRegion": "eu-west-1",
    }]})
}

fn schedule_event(function: &str) -> Value {
    json!({
        "version": "0",
        "id": "8c1e3f6a-5b0d-4f0e-9a5e-2d1c3b4a5f60",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "123456789012",
        "time": "2026-09-21T14:13:20Z",
        "region": "eu-west-1",
        "resources": [format!("arn:aws:scheduler:eu-west-1:123456789012:schedule/default/handrail-{function}")],
        "detail": "{}",
    })
}

/// Returns the stream event of the decision, created and then answered, with items as the store wrote them.
async fn stream_event() -> Value {
    let mut app = run_examples().await;
    run_example(&mut app, "decisions-page-answer").await;
    let changes = app.engine.changes_after(TABLE, None, 1_000).unwrap();
    let is_of_decision = |change: &Change| {
        change.new.as_ref().and_then(head_key_of) == Some(HeadKey { tenant: tenant(), id: record_id() })
    };
    let records = changes
        .iter()
        .filter(|change| is_of_decision(change))
        .enumerate()
        .map(|(index, change)| stream_record(index + 1, change));
    json!({"Records": records.collect::<Vec<_>>()})
}

fn stream_record(number: usize, change: &Change) -> Value {
    let new = change.new.as_ref().unwrap();
    let keys = Item::from(["pk", "sk"].map(|name| (name.to_owned(), new[name].clone())));
    let mut dynamodb = json!({
        "ApproximateCreationDateTime": NOW.as_unix_seconds(),
        "Keys": attributes(&keys),
        "NewImage": attributes(new),
    });
    if let Some(old) = &change.old {
        dynamodb["OldImage"] = attributes(old);
    }
    dynamodb["SequenceNumber"] = format!("1000000000000000000{number:02}").into();
    dynamodb["SizeBytes"] = dynamodb.to_string().len().into();
    dynamodb["StreamViewType"] = "NEW_AND_OLD_IMAGES".into();
    json!({
        "eventID": format!("{number:032x}"),
        "eventName": if change.old.is_some() { "MODIFY" } else { "INSERT" },
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": dynamodb,
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/handrail-Table-EXAMPLE/stream/2026-01-01T00:00:00.000",
    })
}

/// Converts an item to JSON, sorted by attribute name, so that the file is stable.
fn attributes(item: &Item) -> Value {
    let sorted: BTreeMap<_, _> = item.iter().collect();
    Value::Object(Map::from_iter(sorted.into_iter().map(|(name, value)| (name.clone(), attribute(value)))))
}

fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::B(bytes) => json!({"B": BASE64_STANDARD.encode(bytes)}),
        AttributeValue::L(items) => json!({"L": items.iter().map(attribute).collect::<Vec<_>>()}),
        other => panic!("the store writes no {other:?}"),
    }
}
