//! Deliveries: one outgoing webhook or mail, the bytes it was first sent with, and every attempt.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use handrail_domain::effect::Purpose;
use handrail_domain::hook::{CallId, HookId};
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::calls::item_key_of;
use super::item::{Attributes, HeadKey};
use super::outcome::met;
use super::single::{changing, item_key};
use super::{Item, ReadItem, Store, json, n, s};
use crate::fault::Fault;
use crate::slack::SlackUser;

/// A record has a handful of deliveries; a page holds them all.
const DELIVERIES_LISTED_MAX: i32 = 100;

/// A receiver that fails this often is not helped by one more.
pub const REPLAYS_MAX: u32 = 20;

/// Names one delivery: a repeat of the effect finds the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeliveryKey {
    pub tenant: TenantId,
    pub record: RecordId,
    pub seq: u64,
    pub purpose: Purpose,
    /// Of the many who are told of one event, whom this is for. What concerns the record alone has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookId>,
}

impl DeliveryKey {
    /// The same on every attempt, so that a receiver can tell a repeat.
    pub fn id(&self) -> String {
        match self.call() {
            Some(call) => call.to_string(),
            None => format!("msg_{}_{}_{}", self.record.to_string().replace('-', ""), self.seq, self.purpose.name()),
        }
    }

    /// `None`: it is no call of a hook.
    pub fn call(&self) -> Option<CallId> {
        self.hook.map(|hook| CallId::of(self.tenant, self.record, self.seq, hook))
    }

    /// A call lies by itself, everything else beside its record.
    fn item_key(&self) -> Item {
        match self.call() {
            Some(call) => item_key_of(*self, call),
            None => item_key(
                HeadKey { tenant: self.tenant, id: self.record }.pk(),
                format!("delivery#{:010}#{}", self.seq, self.purpose.name()),
            ),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub id: String,
    pub seq: u64,
    pub purpose: Purpose,
    /// A URL or a mail address.
    pub to: String,
    /// What is sent, byte for byte, on every attempt.
    pub body: String,
    /// Whose secret signs it. Mails are not signed.
    #[serde(default)]
    pub signed_by: Option<KeyId>,
    pub status: DeliveryStatus,
    pub created_at: Timestamp,
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// How often somebody asked for it to be made again.
    #[serde(default)]
    pub replays: u32,
    /// Attempts before the last of these.
    #[serde(default)]
    pub tried_before: usize,
    /// Where it lies, if it was posted in Slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<Posting>,
}

impl Delivery {
    /// One that nobody has tried yet.
    pub fn fresh(key: DeliveryKey, to: impl Into<String>, body: impl Into<String>, now: Timestamp) -> Self {
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
            tried_before: 0,
            slack: None,
        }
    }

    /// Mails are not signed.
    pub fn is_call(&self) -> bool {
        self.signed_by.is_some()
    }

    /// To be made again, from the first attempt on.
    pub(super) fn again_at(&self, now: Timestamp) -> Self {
        Self {
            status: DeliveryStatus::Pending,
            next_attempt_at: Some(now),
            replays: self.replays + 1,
            tried_before: self.attempts.len(),
            ..self.clone()
        }
    }
}

/// A message in Slack: what is needed to edit it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    #[serde(flatten)]
    pub to: SlackUser,
    pub channel: String,
    pub ts: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    Pending,
    Delivered,
    /// Given up: every attempt failed, or the receiver said no.
    Dead,
}

impl DeliveryStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub took_ms: u64,
}

impl Store {
    /// The delivery, made now if this is the first time anybody works on it.
    pub async fn open_delivery(&self, key: DeliveryKey, fresh: Delivery) -> Result<Delivery, Fault> {
        let mut item = key.item_key();
        item.insert("delivery".to_owned(), s(json(&fresh)?));
        item.insert("attempted".to_owned(), n(0));
        if self.put_if_absent(item, "open a delivery").await? {
            return Ok(fresh);
        }
        self.delivery(key).await?.ok_or_else(|| Fault::broken("a delivery vanished between two calls"))
    }

    pub async fn delivery(&self, key: DeliveryKey) -> Result<Option<Delivery>, Fault> {
        self.get(key.item_key(), "read a delivery").await?.map(|item| item.json("delivery")).transpose()
    }

    /// Records what an attempt brought. `false`: another process recorded one in the meantime; its word counts.
    pub async fn record_attempt(&self, key: DeliveryKey, after: &Delivery) -> Result<bool, Fault> {
        self.write_attempt(key, after, Vec::new()).await
    }

    pub(super) async fn write_attempt(
        &self,
        key: DeliveryKey,
        after: &Delivery,
        more: Attributes,
    ) -> Result<bool, Fault> {
        let mut written = more;
        written.push(("delivery", Some(s(json(after)?))));
        written.push(("attempted", Some(n(after.attempts.len()))));
        let update = self
            .written(key, written)
            .condition_expression("#attempted = :before")
            .expression_attribute_values(":before", n(after.attempts.len().saturating_sub(1)));
        Ok(met(update.send().await, "record an attempt")?.is_some())
    }

    /// The write of these attributes; without a value they go.
    fn written(&self, key: DeliveryKey, attributes: Attributes) -> UpdateItemFluentBuilder {
        changing(self.db.update_item().table_name(&self.table).set_key(Some(key.item_key())), attributes, None)
    }

    /// Asks for a delivery to be made again, from the first attempt on: the table's stream tells the workers. `None`:
    /// somebody else just did.
    pub async fn replay_delivery(
        &self,
        tenant: TenantId,
        record: RecordId,
        kind: &str,
        before: &Delivery,
        now: Timestamp,
    ) -> Result<Option<Delivery>, Fault> {
        let key = DeliveryKey { tenant, record, seq: before.seq, purpose: before.purpose, hook: None };
        self.replay(key, kind, before, before.again_at(now), Vec::new()).await
    }

    pub(super) async fn replay(
        &self,
        key: DeliveryKey,
        kind: &str,
        before: &Delivery,
        again: Delivery,
        more: Attributes,
    ) -> Result<Option<Delivery>, Fault> {
        let mut written = more;
        written.push(("delivery", Some(s(json(&again)?))));
        written.push(("replays", Some(n(again.replays))));
        written.push(("kind", Some(s(kind))));
        let update = self
            .written(key, written)
            .condition_expression("#attempted = :attempted AND (attribute_not_exists(#replays) OR #replays = :before)")
            .expression_attribute_names("#attempted", "attempted")
            .expression_attribute_values(":attempted", n(before.attempts.len()))
            .expression_attribute_values(":before", n(before.replays));
        Ok(met(update.send().await, "replay a delivery")?.map(|_| again))
    }

    /// A record's deliveries in the order of the events that caused them.
    pub async fn deliveries(&self, tenant: TenantId, record: RecordId) -> Result<Vec<Delivery>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", HeadKey { tenant, id: record }.pk())
            .expression_attribute_values(":prefix", s("delivery#"))
            .limit(DELIVERIES_LISTED_MAX);
        let found = query.send().await.map_err(|error| Fault::from_sdk("list deliveries", error))?;
        found.items().iter().map(|item| item.json("delivery")).collect()
    }
}

/// The delivery that a change asks to be made again, with the kind of its record.
pub fn replay_asked(old: Option<&Item>, new: &Item) -> Option<(String, DeliveryKey)> {
    let replays = |item: &Item| item.number::<u32>("replays").unwrap_or(0);
    let (_, rest) = new.text_if_any("sk")?.split_once("delivery#")?;
    if replays(new) <= old.map_or(0, replays) {
        return None;
    }
    let kind = new.text_if_any("kind")?.to_owned();
    if let Ok(of_a_hook) = new.json::<DeliveryKey>("key") {
        return Some((kind, of_a_hook));
    }
    let (seq, purpose) = rest.split_once('#')?;
    let head = HeadKey::parse(new.text_if_any("pk")?)?;
    let (seq, purpose) = (seq.parse().ok()?, Purpose::from_name(purpose)?);
    Some((kind, DeliveryKey { tenant: head.tenant, record: head.id, seq, purpose, hook: None }))
}
