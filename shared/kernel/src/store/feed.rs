//! The feed of a tenant's records of one kind: one item for each event, numbered without gaps. How an event gets its
//! number, once, is in `crate::feed`; here are the single calls.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::LogLine;
use handrail_domain::time::Timestamp;
use handrail_domain::totals::Totals;
use serde_json::Value;

use super::events::{event_item, place_of};
use super::item::HeadKey;
use super::outcome::met_or_found;
use super::single::item_key;
use super::{Item, ReadItem, Store, json, n, s};
use crate::fault::Fault;

/// Under which an event item remembers its number in the feed.
const NUMBER: &str = "feed_number";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FeedKey {
    pub tenant: TenantId,
    pub kind: &'static str,
}

impl FeedKey {
    pub(super) fn pk(self) -> String {
        format!("feed#{}#{}", self.tenant, self.kind)
    }
}

/// One event, with everything that was before it added up.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedEntry {
    /// From 1 on.
    pub number: u64,
    pub record: RecordId,
    pub seq: u64,
    pub at: Timestamp,
    /// The latest time of any entry up to this one. Entries stand in the order in which they were noticed, and by this
    /// their times can be searched.
    pub latest_at: Timestamp,
    /// The event as the record's log has it.
    pub event: String,
    /// What of the record a live event shows, as it was after this event. `None`: it is not shown.
    pub live: Option<Value>,
    /// This event included.
    pub totals: Totals,
}

/// How the door's history tells an event: by this its entry is found. What it says beyond that follows from the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub action: &'static str,
    pub actor: String,
}

/// The number that an event item has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// This one, from now on.
    Now,
    /// Another one from before. `None`: it was kept by a program that had no feeds.
    Before(Option<u64>),
}

impl Store {
    /// Keeps an event beside its record, with the number that it is about to get.
    pub async fn keep_numbered_event<L: Lifecycle>(
        &self,
        key: HeadKey,
        line: &LogLine<L>,
        number: u64,
    ) -> Result<Numbered, Fault> {
        let mut item = event_item(key, line);
        item.insert(NUMBER.to_owned(), n(number));
        Ok(match self.put_or_find(item, "keep an event").await? {
            Ok(()) => Numbered::Now,
            Err(found) => Numbered::Before(number_in(&found)),
        })
    }

    /// Gives an event another number, if nobody did before. Answers which one it has.
    pub async fn renumber_event(&self, key: HeadKey, seq: u64, before: Option<u64>, number: u64) -> Result<u64, Fault> {
        let mut update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.pk(), place_of(seq))))
            .update_expression("SET #number = :number")
            .expression_attribute_names("#number", NUMBER)
            .expression_attribute_values(":number", n(number))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        update = match before {
            Some(before) => {
                update.condition_expression("#number = :before").expression_attribute_values(":before", n(before))
            }
            None => update.condition_expression("attribute_exists(pk) AND attribute_not_exists(#number)"),
        };
        let Err(found) = met_or_found(update.send().await, "number an event")? else { return Ok(number) };
        let found = found.as_ref().and_then(number_in);
        found.ok_or_else(|| Fault::broken("an event lost its number in the feed"))
    }

    /// `false`: that number is taken.
    pub async fn put_feed_entry(&self, feed: FeedKey, entry: &FeedEntry, told: Option<&Told>) -> Result<bool, Fault> {
        self.put_if_absent(entry_item(feed, entry, told)?, "write a feed's entry").await
    }

    pub async fn newest_feed_entry(&self, feed: FeedKey) -> Result<Option<FeedEntry>, Fault> {
        let query = self.feed_query(feed, 1, u64::MAX).scan_index_forward(false).limit(1);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a feed's newest entry", error))?;
        found.items().first().map(read_entry).transpose()
    }

    pub async fn feed_entry(&self, feed: FeedKey, number: u64) -> Result<Option<FeedEntry>, Fault> {
        let query = self.feed_query(feed, number, number);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a feed's entry", error))?;
        found.items().first().map(read_entry).transpose()
    }

    /// What comes after an entry, in the order of their numbers.
    pub async fn feed_after(&self, feed: FeedKey, number: u64, limit: i32) -> Result<Vec<FeedEntry>, Fault> {
        let Some(first) = number.checked_add(1) else { return Ok(Vec::new()) };
        let query = self.feed_query(feed, first, u64::MAX).limit(limit);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a feed", error))?;
        found.items().iter().map(read_entry).collect()
    }

    /// Consistent: whoever read number n never misses one before it.
    pub(super) fn feed_query(
        &self,
        feed: FeedKey,
        first: u64,
        last: u64,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", s(feed.pk()))
            .expression_attribute_values(":first", s(place_of_number(first)))
            .expression_attribute_values(":last", s(place_of_number(last)))
    }
}

fn number_in(item: &Item) -> Option<u64> {
    item.number(NUMBER).ok()
}

/// Twenty digits hold every number: text order is their order.
fn place_of_number(number: u64) -> String {
    format!("{number:020}")
}

fn entry_item(feed: FeedKey, entry: &FeedEntry, told: Option<&Told>) -> Result<Item, Fault> {
    let mut item = Item::from([
        ("pk".to_owned(), s(feed.pk())),
        ("sk".to_owned(), s(place_of_number(entry.number))),
        ("record".to_owned(), s(entry.record.to_string())),
        ("seq".to_owned(), n(entry.seq)),
        ("at_ms".to_owned(), n(entry.at.as_unix_ms())),
        ("latest_ms".to_owned(), n(entry.latest_at.as_unix_ms())),
        ("event".to_owned(), s(&entry.event)),
        ("totals".to_owned(), s(json(&entry.totals)?)),
    ]);
    if let Some(told) = told {
        item.insert("told_action".to_owned(), s(told.action));
        item.insert("told_actor".to_owned(), s(&told.actor));
    }
    if let Some(live) = &entry.live {
        item.insert("live".to_owned(), s(json(live)?));
    }
    Ok(item)
}

pub(super) fn read_entry(item: &Item) -> Result<FeedEntry, Fault> {
    let unread = |what: &str| Fault::broken(format!("{what} of a feed's entry can't be read"));
    Ok(FeedEntry {
        number: item.text("sk")?.parse().map_err(|_| unread("the number"))?,
        record: item.text("record")?.parse().map_err(|_| unread("the record"))?,
        seq: item.number("seq")?,
        at: item.time("at_ms")?,
        latest_at: item.time("latest_ms")?,
        event: item.text("event")?.to_owned(),
        live: item.contains_key("live").then(|| item.json("live")).transpose()?,
        totals: item.json("totals")?,
    })
}
