//! Contents of the database, read directly from the engine, so that reading is neither counted nor broken.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::decision::Decision;
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::record::Record;
use handrail_store::{Delivery, DeliveryStatus, Item, SpecSource, head_key_of, kind_of, read_head};
use handrail_testkit::TestServer;
use serde_json::Value;

pub(crate) const TABLE: &str = "handrail";
pub(crate) const LOCAL_TABLE: &str = "handrail-local";

pub(crate) struct Snapshot {
    /// All items of the table.
    pub items: Vec<Item>,
    pub records: Vec<StoredDecision>,
    pub packets: Vec<StoredPacket>,
    pub mails: Vec<Value>,
    /// Messages in the local queue.
    pub queued: Vec<Value>,
    /// Messages that failed for good.
    pub dead_letters: Vec<Value>,
}

/// Decision with the items stored beside its head.
pub(crate) struct StoredDecision {
    pub record: Record<Decision>,
    pub head: Item,
    /// Spec items, if the spec is not stored in the head.
    pub spec_items: Vec<Item>,
    /// Texts of the event items, oldest first.
    pub events: Vec<String>,
    pub deliveries: Vec<Delivery>,
}

/// Packet with the items stored beside its head.
pub(crate) struct StoredPacket {
    pub record: Record<Packet>,
    pub events: Vec<String>,
    pub deliveries: Vec<Delivery>,
}

impl Snapshot {
    pub(crate) async fn read(server: &TestServer) -> Self {
        let mut by_partition: HashMap<String, Vec<Item>> = HashMap::new();
        let table = scan(server, TABLE).await;
        for item in table.iter().cloned() {
            by_partition.entry(string_attribute(&item, "pk").to_owned()).or_default().push(item);
        }
        let packets = by_partition.values().cloned().filter_map(parse_packet).collect();
        let records = by_partition.into_values().filter_map(parse_decision).collect();
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
            records,
            packets,
            mails: local_items("mail"),
            queued: local_items("waiting"),
            dead_letters: local_items("dead"),
        }
    }

    pub(crate) fn record(&self, id: &str) -> Option<&StoredDecision> {
        self.records.iter().find(|stored| stored.record.id.to_string() == id)
    }

    pub(crate) fn packet(&self, id: &str) -> Option<&StoredPacket> {
        self.packets.iter().find(|stored| stored.record.id.to_string() == id)
    }

    /// Returns `true` if the delivery with this purpose is recorded as delivered.
    pub(crate) fn was_sent(&self, id: &str, purpose: Purpose) -> bool {
        let deliveries = self.record(id).map(|stored| &stored.deliveries);
        let of_packet = self.packet(id).map(|stored| &stored.deliveries);
        deliveries
            .or(of_packet)
            .into_iter()
            .flatten()
            .any(|delivery| delivery.purpose == purpose && delivery.status == DeliveryStatus::Delivered)
    }
}

fn parse_packet(mut items: Vec<Item>) -> Option<StoredPacket> {
    items.sort_by(|a, b| string_attribute(a, "sk").cmp(string_attribute(b, "sk")));
    let is_head = |item: &&Item| head_key_of(item).is_some() && kind_of(item) == Some(Packet::KIND);
    let head = items.iter().find(is_head)?;
    let record = read_head::<Packet>(head, SpecSource::Items(&items)).expect("a head can be read");
    let items_with_prefix =
        |prefix: &str| items.iter().filter(|item| string_attribute(item, "sk").starts_with(prefix)).collect::<Vec<_>>();
    let events = items_with_prefix("event#").iter().map(|item| string_attribute(item, "event").to_owned()).collect();
    let delivery =
        |item: &&Item| serde_json::from_str(string_attribute(item, "delivery")).expect("a delivery can be read");
    let deliveries = items_with_prefix("delivery#").iter().map(delivery).collect();
    Some(StoredPacket { record, events, deliveries })
}

fn parse_decision(mut items: Vec<Item>) -> Option<StoredDecision> {
    items.sort_by(|a, b| string_attribute(a, "sk").cmp(string_attribute(b, "sk")));
    let is_head = |item: &&Item| head_key_of(item).is_some() && kind_of(item) == Some(Decision::KIND);
    let head = items.iter().find(is_head)?.clone();
    let record = read_head::<Decision>(&head, SpecSource::Items(&items)).expect("a head can be read");
    let items_with_prefix = |prefix: &str| {
        items.iter().filter(|item| string_attribute(item, "sk").starts_with(prefix)).cloned().collect::<Vec<_>>()
    };
    let events = items_with_prefix("event#").iter().map(|item| string_attribute(item, "event").to_owned()).collect();
    let delivery =
        |item: &Item| serde_json::from_str(string_attribute(item, "delivery")).expect("a delivery can be read");
    let deliveries = items_with_prefix("delivery#").iter().map(delivery).collect();
    Some(StoredDecision { record, head, spec_items: items_with_prefix("head.ask#"), events, deliveries })
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
    serde_json::from_str(text).expect("a local item is JSON")
}
