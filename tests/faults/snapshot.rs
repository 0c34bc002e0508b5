//! Contents of the database, read directly from the engine, so that reading is neither counted nor broken.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::decision::Decision;
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::time::Timestamp;
use handrail_store::{Delivery, DeliveryStatus, Item, SpecSource, read_head};
use handrail_testkit::TestServer;
use serde_json::Value;

pub(crate) const TABLE: &str = "handrail";
pub(crate) const LOCAL_TABLE: &str = "handrail-local";

pub(crate) struct Snapshot {
    /// All items of the table.
    pub items: Vec<Item>,
    pub decisions: Vec<StoredRecord>,
    pub packets: Vec<StoredRecord>,
    pub mails: Vec<Value>,
    /// Messages in the local queue.
    pub queued: Vec<Value>,
    /// Messages that failed for good.
    pub dead_letters: Vec<Value>,
}

/// Record with the items stored beside its head, as JSON.
pub(crate) struct StoredRecord {
    pub id: String,
    /// Partition key of all its items, `<tenant>#<id>`.
    pub partition: String,
    pub head: Item,
    pub spec: Value,
    /// Text of the spec, as it was hashed.
    pub spec_text: String,
    pub state_data: Value,
    /// Log entries of the head, as stored and as JSON.
    pub log: Vec<String>,
    pub entries: Vec<Value>,
    /// Spec items, if the spec is not stored in the head.
    pub spec_items: Vec<Item>,
    /// Texts of the event items, oldest first.
    pub events: Vec<String>,
    pub deliveries: Vec<Delivery>,
}

impl StoredRecord {
    pub(crate) fn state(&self) -> &str {
        string_attribute(&self.head, "state")
    }

    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        number_attribute(&self.head, "due_at").map(Timestamp::from_unix_ms)
    }
}

impl Snapshot {
    pub(crate) async fn read(server: &TestServer) -> Self {
        let mut by_partition: HashMap<String, Vec<Item>> = HashMap::new();
        let table = scan(server, TABLE).await;
        for item in table.iter().cloned() {
            by_partition.entry(string_attribute(&item, "pk").to_owned()).or_default().push(item);
        }
        let packets = by_partition.values().filter_map(|items| parse_record::<Packet>(items, "packet")).collect();
        let decisions = by_partition.values().filter_map(|items| parse_record::<Decision>(items, "decision")).collect();
        let local = scan(server, LOCAL_TABLE).await;
        let local_items = |kind: &str| {
            local
                .iter()
                .filter(|item| string_attribute(item, "pk") == kind)
                .map(|item| parse_json(string_attribute(item, "value")))
                .collect()
        };
        Self {
            items: table,
            decisions,
            packets,
            mails: local_items("mail"),
            queued: local_items("waiting"),
            dead_letters: local_items("dead"),
        }
    }

    pub(crate) fn decision(&self, id: &str) -> Option<&StoredRecord> {
        self.decisions.iter().find(|stored| stored.id == id)
    }

    pub(crate) fn packet(&self, id: &str) -> Option<&StoredRecord> {
        self.packets.iter().find(|stored| stored.id == id)
    }

    /// Returns `true` if the delivery with this purpose is recorded as delivered.
    pub(crate) fn was_sent(&self, id: &str, purpose: Purpose) -> bool {
        let deliveries = self.decision(id).or_else(|| self.packet(id)).map(|stored| &stored.deliveries);
        deliveries
            .into_iter()
            .flatten()
            .any(|delivery| delivery.purpose == purpose && delivery.status == DeliveryStatus::Delivered)
    }
}

/// Returns `true` if the item is the head of a record of this kind.
pub(crate) fn is_head(item: &Item, kind: &str) -> bool {
    string_attribute(item, "sk") == "head" && string_attribute(item, "kind") == kind
}

/// Returns the record of this kind among the items of a partition. The service must be able to read its head.
fn parse_record<L: Lifecycle>(items: &[Item], kind: &str) -> Option<StoredRecord> {
    let mut items = items.to_vec();
    items.sort_by(|a, b| string_attribute(a, "sk").cmp(string_attribute(b, "sk")));
    let head = items.iter().find(|item| is_head(item, kind))?.clone();
    let record = read_head::<L>(&head, SpecSource::Items(&items)).expect("a head can be read");
    let items_with_prefix = |prefix: &str| {
        items.iter().filter(|item| string_attribute(item, "sk").starts_with(prefix)).cloned().collect::<Vec<_>>()
    };
    let events = items_with_prefix("event#").iter().map(|item| string_attribute(item, "event").to_owned()).collect();
    let delivery =
        |item: &Item| serde_json::from_str(string_attribute(item, "delivery")).expect("a delivery can be read");
    let deliveries = items_with_prefix("delivery#").iter().map(delivery).collect();
    let partition = string_attribute(&head, "pk").to_owned();
    let (_, id) = partition.split_once('#').expect("a partition key has a tenant and an id");
    let log = head.get("log").and_then(|log| log.as_l().ok()).expect("a head has a log");
    let log: Vec<String> = log.iter().map(|entry| entry.as_s().expect("an entry is text").clone()).collect();
    let spec_text = serde_json::to_string(&record.spec).expect("a spec is JSON");
    Some(StoredRecord {
        id: id.to_owned(),
        spec: parse_json(&spec_text),
        spec_text,
        state_data: parse_json(string_attribute(&head, "standing")),
        entries: log.iter().map(|entry| parse_json(entry)).collect(),
        log,
        spec_items: items_with_prefix("head.ask#"),
        events,
        deliveries,
        partition,
        head,
    })
}

async fn scan(server: &TestServer, table: &str) -> Vec<Item> {
    let output = server.engine.client().scan().table_name(table).send().await.expect("a table can be read");
    assert!(output.last_evaluated_key().is_none(), "the table fits in one page");
    output.items.unwrap_or_default()
}

pub(crate) fn string_attribute<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

pub(crate) fn number_attribute(item: &Item, name: &str) -> Option<i64> {
    item.get(name).map(|value| match value {
        AttributeValue::N(number) => number.parse().expect("a whole number"),
        other => panic!("{name} is no number: {other:?}"),
    })
}

fn parse_json(text: &str) -> Value {
    serde_json::from_str(text).expect("a stored text is JSON")
}
