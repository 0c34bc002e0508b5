//! Feed of a tenant's records of one kind: one item per event, numbered without gaps. Numbers are assigned in
//! the records crate; this module makes the single database calls.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::EncodedLogEntry;
use handrail_domain::time::Timestamp;
use handrail_domain::totals::Totals;
use serde_json::Value;

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::events::{event_item, event_sort_key};
use crate::item::HeadKey;
use crate::item_ops::item_key;
use crate::outcome::or_existing_item;
use handrail_platform::fault::Fault;

/// Attribute of an event item that holds the event's feed number.
const NUMBER_ATTRIBUTE: &str = "feed_number";

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

/// Event in the feed, with the totals of all events up to it.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedEntry {
    /// Number in the feed, from 1 on.
    pub number: u64,
    pub record: RecordId,
    pub seq: u64,
    pub at: Timestamp,
    /// Latest time of any entry up to this one. Entries are in the order in which they were added, so only this time
    /// never decreases and can be searched.
    pub latest_at: Timestamp,
    /// Event as the record's log has it, encoded.
    pub event: String,
    /// Data of the record after this event, for live events. `None`: live events do not show it.
    pub live_data: Option<Value>,
    /// Totals including this event.
    pub totals: Totals,
}

/// Action and actor of an entry in the audit list, by which the list filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditInfo {
    pub action: &'static str,
    pub actor: String,
}

/// Feed number of a stored event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedNumber {
    /// The event was stored now, with the given number.
    Assigned,
    /// The event was stored before, with this number. `None`: by a version that had no feeds.
    AlreadyAssigned(Option<u64>),
}

impl Store {
    /// Stores an event of a record with the feed number that it is about to get.
    pub async fn put_numbered_event<L: Lifecycle>(
        &self,
        key: HeadKey,
        log_entry: &EncodedLogEntry<L>,
        number: u64,
    ) -> Result<FeedNumber, Fault> {
        let mut item = event_item(key, log_entry);
        item.insert(NUMBER_ATTRIBUTE.to_owned(), n(number));
        Ok(match self.put_or_get(item, "put an event").await? {
            Ok(()) => FeedNumber::Assigned,
            Err(found) => FeedNumber::AlreadyAssigned(feed_number_of(&found)),
        })
    }

    /// Changes an event's feed number, unless another process changed it first. Returns the number that the event has
    /// now.
    pub async fn renumber_event(&self, key: HeadKey, seq: u64, before: Option<u64>, number: u64) -> Result<u64, Fault> {
        let mut update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.pk(), event_sort_key(seq))))
            .update_expression("SET #number = :number")
            .expression_attribute_names("#number", NUMBER_ATTRIBUTE)
            .expression_attribute_values(":number", n(number))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        update = match before {
            Some(before) => {
                update.condition_expression("#number = :before").expression_attribute_values(":before", n(before))
            }
            None => update.condition_expression("attribute_exists(pk) AND attribute_not_exists(#number)"),
        };
        let Err(found) = or_existing_item(update.send().await, "number an event")? else { return Ok(number) };
        let found = found.as_ref().and_then(feed_number_of);
        found.ok_or_else(|| Fault::internal("an event lost its number in the feed"))
    }

    /// Stores a feed entry. Returns `false` if its number is taken.
    pub async fn put_feed_entry(
        &self,
        feed: FeedKey,
        entry: &FeedEntry,
        audit_info: Option<&AuditInfo>,
    ) -> Result<bool, Fault> {
        self.put_if_absent(feed_entry_item(feed, entry, audit_info)?, "put a feed entry").await
    }

    pub async fn newest_feed_entry(&self, feed: FeedKey) -> Result<Option<FeedEntry>, Fault> {
        let query = self.feed_query(feed, 1, u64::MAX).scan_index_forward(false).limit(1);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read the newest feed entry", error))?;
        found.items().first().map(feed_entry_from_item).transpose()
    }

    pub async fn feed_entry(&self, feed: FeedKey, number: u64) -> Result<Option<FeedEntry>, Fault> {
        let query = self.feed_query(feed, number, number);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a feed entry", error))?;
        found.items().first().map(feed_entry_from_item).transpose()
    }

    /// Returns the entries after this number, in order.
    pub async fn feed_entries_after(&self, feed: FeedKey, number: u64, limit: i32) -> Result<Vec<FeedEntry>, Fault> {
        let Some(first) = number.checked_add(1) else { return Ok(Vec::new()) };
        let query = self.feed_query(feed, first, u64::MAX).limit(limit);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a feed", error))?;
        found.items().iter().map(feed_entry_from_item).collect()
    }

    /// Builds a consistent query: a reader of number n never misses an earlier entry.
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
            .expression_attribute_values(":first", s(feed_sort_key(first)))
            .expression_attribute_values(":last", s(feed_sort_key(last)))
    }
}

fn feed_number_of(item: &Item) -> Option<u64> {
    item.number(NUMBER_ATTRIBUTE).ok()
}

/// Returns a feed entry's sort key. Twenty digits hold every number, so text order is numeric order.
fn feed_sort_key(number: u64) -> String {
    format!("{number:020}")
}

fn feed_entry_item(feed: FeedKey, entry: &FeedEntry, audit_info: Option<&AuditInfo>) -> Result<Item, Fault> {
    let mut item = Item::from([
        ("pk".to_owned(), s(feed.pk())),
        ("sk".to_owned(), s(feed_sort_key(entry.number))),
        ("record".to_owned(), s(entry.record.to_string())),
        ("seq".to_owned(), n(entry.seq)),
        ("at_ms".to_owned(), n(entry.at.as_unix_ms())),
        ("latest_ms".to_owned(), n(entry.latest_at.as_unix_ms())),
        ("event".to_owned(), s(&entry.event)),
        ("totals".to_owned(), s(json(&entry.totals)?)),
    ]);
    if let Some(audit_info) = audit_info {
        item.insert("told_action".to_owned(), s(audit_info.action));
        item.insert("told_actor".to_owned(), s(&audit_info.actor));
    }
    if let Some(live_data) = &entry.live_data {
        item.insert("live".to_owned(), s(json(live_data)?));
    }
    Ok(item)
}

pub(super) fn feed_entry_from_item(item: &Item) -> Result<FeedEntry, Fault> {
    let unreadable = |attribute: &str| Fault::internal(format!("{attribute} of a feed entry can't be read"));
    Ok(FeedEntry {
        number: item.text("sk")?.parse().map_err(|_| unreadable("the number"))?,
        record: item.text("record")?.parse().map_err(|_| unreadable("the record"))?,
        seq: item.number("seq")?,
        at: item.time("at_ms")?,
        latest_at: item.time("latest_ms")?,
        event: item.text("event")?.to_owned(),
        live_data: item.contains_key("live").then(|| item.json("live")).transpose()?,
        totals: item.json("totals")?,
    })
}
