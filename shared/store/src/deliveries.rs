//! Deliveries: one outgoing message each, with the bytes that are sent and every attempt.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use handrail_domain::effect::Purpose;
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::delivery_key::DeliveryKey;
use crate::item::{Attributes, HeadKey};
use crate::item_ops::set_attributes;
use crate::outcome::unless_condition_failed;
use crate::partition_items::PartitionQuery;
use handrail_domain::slack_user::SlackUser;
use handrail_platform::fault::Fault;

/// Number of a record's deliveries that are listed at most. A record has a handful.
const DELIVERIES_LISTED_MAX: usize = 100;

/// Number of replays of one delivery at most: a receiver that failed so often will fail again.
pub const REPLAYS_MAX: u32 = 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub id: String,
    pub seq: u64,
    pub purpose: Purpose,
    /// URL or mail address.
    pub to: String,
    /// Content that is sent, byte for byte, on every attempt.
    pub body: String,
    /// API key whose secret signs the body. `None`: unsigned, as mails are.
    #[serde(default)]
    pub signed_by: Option<KeyId>,
    pub status: DeliveryStatus,
    pub created_at: Timestamp,
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// Number of requested replays.
    #[serde(default)]
    pub replays: u32,
    /// Time of the last requested replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_at: Option<Timestamp>,
    /// Number of attempts before the last replay.
    #[serde(rename = "tried_before", default)]
    pub earlier_attempts: usize,
    /// Message in Slack, if the delivery was posted there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<SlackMessageRef>,
}

impl Delivery {
    /// Creates a delivery without attempts.
    pub fn new(key: DeliveryKey, to: impl Into<String>, body: impl Into<String>, now: Timestamp) -> Self {
        Self {
            id: key.id(),
            seq: key.seq,
            purpose: key.purpose,
            to: to.into(),
            body: body.into(),
            signed_by: None,
            status: DeliveryStatus::Pending,
            created_at: now,
            next_attempt_at: None,
            attempts: Vec::new(),
            replays: 0,
            replayed_at: None,
            earlier_attempts: 0,
            slack: None,
        }
    }

    /// Returns the time from which the delivery has to be made: its creation or its last replay.
    pub fn pending_since(&self) -> Timestamp {
        self.replayed_at.unwrap_or(self.created_at)
    }

    /// Returns `true` if the body is signed. Mails are not.
    pub fn is_signed(&self) -> bool {
        self.signed_by.is_some()
    }

    /// Returns the delivery for a replay: pending, due now, and with its attempts counted anew.
    pub(super) fn reset_for_replay(&self, now: Timestamp) -> Self {
        Self {
            status: DeliveryStatus::Pending,
            next_attempt_at: Some(now),
            replays: self.replays + 1,
            replayed_at: Some(now),
            earlier_attempts: self.attempts.len(),
            ..self.clone()
        }
    }
}

/// Position of a message in Slack, needed to edit the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SlackMessageRef {
    #[serde(flatten)]
    pub user: SlackUser,
    pub channel: String,
    pub ts: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    Pending,
    Delivered,
    /// Failed for good: every attempt failed, or the receiver refused.
    #[serde(rename = "dead")]
    DeadLetter,
}

impl DeliveryStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::DeadLetter => "dead",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Attempt {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub took_ms: u64,
}

impl Store {
    /// Returns the stored delivery, or stores and returns the new one if there is none.
    pub async fn put_or_get_delivery(&self, key: DeliveryKey, new_delivery: Delivery) -> Result<Delivery, Fault> {
        let mut item = key.item_key();
        item.insert("delivery".to_owned(), s(json(&new_delivery)?));
        item.insert("attempted".to_owned(), n(0));
        if self.put_if_absent(item, "put a delivery").await? {
            return Ok(new_delivery);
        }
        self.delivery(key)
            .await?
            .ok_or_else(|| Fault::internal("a delivery disappeared between its write and its read"))
    }

    pub async fn delivery(&self, key: DeliveryKey) -> Result<Option<Delivery>, Fault> {
        self.get(key.item_key(), "read a delivery").await?.map(|item| item.json("delivery")).transpose()
    }

    /// Records the result of an attempt. Returns `false` if another process recorded that attempt first: its result
    /// counts.
    pub async fn record_attempt(&self, key: DeliveryKey, after: &Delivery) -> Result<bool, Fault> {
        self.write_attempt(key, after, Vec::new()).await
    }

    pub(super) async fn write_attempt(
        &self,
        key: DeliveryKey,
        after: &Delivery,
        extra: Attributes,
    ) -> Result<bool, Fault> {
        let mut attributes = extra;
        attributes.push(("delivery", Some(s(json(after)?))));
        attributes.push(("attempted", Some(n(after.attempts.len()))));
        let update = self
            .update_delivery(key, attributes)
            .condition_expression("#attempted = :before")
            .expression_attribute_values(":before", n(after.attempts.len().saturating_sub(1)));
        Ok(unless_condition_failed(update.send().await, "record an attempt")?.is_some())
    }

    /// Builds the update that sets these attributes and removes those without a value.
    fn update_delivery(&self, key: DeliveryKey, attributes: Attributes) -> UpdateItemFluentBuilder {
        set_attributes(self.db.update_item().table_name(&self.table).set_key(Some(key.item_key())), attributes, None)
    }

    /// Requests a replay, from the first attempt on; the table's stream starts the worker. Returns `None` if another
    /// process changed the delivery first.
    pub async fn replay_delivery(
        &self,
        tenant: TenantId,
        record: RecordId,
        kind: &str,
        before: &Delivery,
        now: Timestamp,
    ) -> Result<Option<Delivery>, Fault> {
        let key = DeliveryKey { tenant, record, seq: before.seq, purpose: before.purpose, webhook: None };
        self.replay_with_attributes(key, kind, before, before.reset_for_replay(now), Vec::new()).await
    }

    pub(super) async fn replay_with_attributes(
        &self,
        key: DeliveryKey,
        kind: &str,
        before: &Delivery,
        reset: Delivery,
        extra: Attributes,
    ) -> Result<Option<Delivery>, Fault> {
        let mut attributes = extra;
        attributes.push(("delivery", Some(s(json(&reset)?))));
        attributes.push(("replays", Some(n(reset.replays))));
        attributes.push(("kind", Some(s(kind))));
        let update = self
            .update_delivery(key, attributes)
            .condition_expression("#attempted = :attempted AND (attribute_not_exists(#replays) OR #replays = :before)")
            .expression_attribute_names("#attempted", "attempted")
            .expression_attribute_values(":attempted", n(before.attempts.len()))
            .expression_attribute_values(":before", n(before.replays));
        Ok(unless_condition_failed(update.send().await, "replay a delivery")?.map(|_| reset))
    }

    /// Returns a record's deliveries in the order of the events that caused them.
    pub async fn deliveries(&self, tenant: TenantId, record: RecordId) -> Result<Vec<Delivery>, Fault> {
        let query = PartitionQuery {
            pk: HeadKey { tenant, id: record }.pk(),
            sk_prefix: "delivery#".to_owned(),
            after: None,
            items_max: DELIVERIES_LISTED_MAX,
            queries_max: 1,
        };
        let found = self.partition_items(query, "list deliveries").await?;
        found.items.iter().map(|item| item.json("delivery")).collect()
    }
}

/// Returns the delivery whose replay a change requests, with the kind of its record.
pub fn requested_replay(old: Option<&Item>, new: &Item) -> Option<(String, DeliveryKey)> {
    let replays = |item: &Item| item.number::<u32>("replays").unwrap_or(0);
    let (_, rest) = new.opt_text("sk")?.split_once("delivery#")?;
    if replays(new) <= old.map_or(0, replays) {
        return None;
    }
    let kind = new.opt_text("kind")?.to_owned();
    if let Ok(webhook_key) = new.json::<DeliveryKey>("key") {
        return Some((kind, webhook_key));
    }
    let (seq, purpose) = rest.split_once('#')?;
    let head = HeadKey::parse(new.opt_text("pk")?)?;
    let (seq, purpose) = (seq.parse().ok()?, Purpose::from_name(purpose)?);
    Some((kind, DeliveryKey { tenant: head.tenant, record: head.id, seq, purpose, webhook: None }))
}
