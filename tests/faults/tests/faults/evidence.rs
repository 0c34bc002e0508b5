//! What is really in the database, read past the service and past the meter, so that looking neither breaks nor counts.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::decision::Decision;
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::record::Record;
use handrail_kernel::store::{AskFrom, Delivery, DeliveryStatus, Item, head_key_of, kind_of, read_head};
use handrail_testkit::World;
use serde_json::Value;

pub(crate) const TABLE: &str = "handrail";
pub(crate) const LOCAL_TABLE: &str = "handrail-local";

pub(crate) struct Evidence {
    /// Everything, as it lies in the table.
    pub table: Vec<Item>,
    pub records: Vec<Kept>,
    pub packets: Vec<KeptPacket>,
    pub mails: Vec<Value>,
    /// Messages that wait for their time.
    pub waiting: Vec<Value>,
    /// Messages that were given up.
    pub dead: Vec<Value>,
}

/// A record with everything that lies beside it.
pub(crate) struct Kept {
    pub record: Record<Decision>,
    pub head: Item,
    /// What was asked, where it does not lie in the head.
    pub asks: Vec<Item>,
    /// The texts of the event items, oldest first.
    pub events: Vec<String>,
    pub deliveries: Vec<Delivery>,
}

/// The same of a packet.
pub(crate) struct KeptPacket {
    pub record: Record<Packet>,
    pub events: Vec<String>,
    pub deliveries: Vec<Delivery>,
}

impl Evidence {
    pub(crate) async fn of(world: &World) -> Self {
        let mut by_partition: HashMap<String, Vec<Item>> = HashMap::new();
        let table = scan(world, TABLE).await;
        for item in table.iter().cloned() {
            by_partition.entry(text(&item, "pk").to_owned()).or_default().push(item);
        }
        let packets = by_partition.values().cloned().filter_map(kept_packet).collect();
        let records = by_partition.into_values().filter_map(kept).collect();
        let local = scan(world, LOCAL_TABLE).await;
        let of = |kind: &str| {
            local.iter().filter(|item| text(item, "pk") == kind).map(|item| json(text(item, "value"))).collect()
        };
        Self { table, records, packets, mails: of("mail"), waiting: of("waiting"), dead: of("dead") }
    }

    pub(crate) fn record(&self, id: &str) -> Option<&Kept> {
        self.records.iter().find(|kept| kept.record.id.to_string() == id)
    }

    pub(crate) fn packet(&self, id: &str) -> Option<&KeptPacket> {
        self.packets.iter().find(|kept| kept.record.id.to_string() == id)
    }

    /// Was this sent, and is it recorded that it was?
    pub(crate) fn sent(&self, id: &str, purpose: Purpose) -> bool {
        let deliveries = self.record(id).map(|kept| &kept.deliveries);
        let of_packet = self.packet(id).map(|kept| &kept.deliveries);
        deliveries
            .or(of_packet)
            .into_iter()
            .flatten()
            .any(|made| made.purpose == purpose && made.status == DeliveryStatus::Delivered)
    }
}

fn kept_packet(mut items: Vec<Item>) -> Option<KeptPacket> {
    items.sort_by(|a, b| text(a, "sk").cmp(text(b, "sk")));
    let is_head = |item: &&Item| head_key_of(item).is_some() && kind_of(item) == Some(Packet::KIND);
    let head = items.iter().find(is_head)?;
    let record = read_head::<Packet>(head, AskFrom::Items(&items)).expect("a head can be read");
    let under = |prefix: &str| items.iter().filter(|item| text(item, "sk").starts_with(prefix)).collect::<Vec<_>>();
    let events = under("event#").iter().map(|item| text(item, "event").to_owned()).collect();
    let delivery = |item: &&Item| serde_json::from_str(text(item, "delivery")).expect("a delivery can be read");
    let deliveries = under("delivery#").iter().map(delivery).collect();
    Some(KeptPacket { record, events, deliveries })
}

fn kept(mut items: Vec<Item>) -> Option<Kept> {
    items.sort_by(|a, b| text(a, "sk").cmp(text(b, "sk")));
    let is_head = |item: &&Item| head_key_of(item).is_some() && kind_of(item) == Some(Decision::KIND);
    let head = items.iter().find(is_head)?.clone();
    let record = read_head::<Decision>(&head, AskFrom::Items(&items)).expect("a head can be read");
    let under =
        |prefix: &str| items.iter().filter(|item| text(item, "sk").starts_with(prefix)).cloned().collect::<Vec<_>>();
    let events = under("event#").iter().map(|item| text(item, "event").to_owned()).collect();
    let delivery = |item: &Item| serde_json::from_str(text(item, "delivery")).expect("a delivery can be read");
    let deliveries = under("delivery#").iter().map(delivery).collect();
    Some(Kept { record, head, asks: under("head.ask#"), events, deliveries })
}

async fn scan(world: &World, table: &str) -> Vec<Item> {
    let found = world.engine.client().scan().table_name(table).send().await.expect("a table can be read");
    assert!(found.last_evaluated_key().is_none(), "a world is small enough for one page");
    found.items.unwrap_or_default()
}

pub(crate) fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

pub(crate) fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name).map(|value| match value {
        AttributeValue::N(number) => number.parse().expect("a whole number"),
        other => panic!("{name} is no number: {other:?}"),
    })
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("a local item is JSON")
}
