//! Webhook deliveries: one event for one webhook each, in an item of its own. Lists hold the deliveries of a webhook,
//! of a webhook by state, and the dead letters of a tenant and kind.

use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use handrail_domain::webhook::{WebhookDeliveryId, WebhookId};

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::deliveries::{Delivery, DeliveryStatus};
use crate::delivery_key::{DeliveryKey, WEBHOOK_DELIVERY_SK, webhook_delivery_key, webhook_delivery_partition};
use crate::index_ranges::{BY_FACET, BY_KIND, BY_STATE};
use crate::item::Attributes;
use crate::newest_entries::NewestEntry;
use handrail_platform::fault::Fault;

/// Time to live of a webhook delivery, from its creation or its last replay.
const TTL_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Largest offset of a list.
pub const WEBHOOK_DELIVERIES_OFFSET_MAX: usize = 10_000;

/// One event for one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDelivery {
    pub id: WebhookDeliveryId,
    pub key: DeliveryKey,
    pub webhook: WebhookId,
    /// Kind of the record and of the webhook.
    pub kind: String,
    /// Event type as the door publishes it.
    pub event: String,
    pub delivery: Delivery,
}

/// State of a webhook delivery, by which lists filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookDeliveryState {
    /// Without an attempt since its creation or its last replay.
    Pending,
    /// The last attempt failed, and another one follows.
    Failed,
    Delivered,
    /// Failed for good.
    DeadLetter,
}

impl WebhookDeliveryState {
    pub fn from_delivery(delivery: &Delivery) -> Self {
        match delivery.status {
            DeliveryStatus::Pending if delivery.attempts.len() > delivery.earlier_attempts => Self::Failed,
            DeliveryStatus::Pending => Self::Pending,
            DeliveryStatus::Delivered => Self::Delivered,
            DeliveryStatus::DeadLetter => Self::DeadLetter,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::DeadLetter => "dead",
        }
    }
}

impl Store {
    /// Stores a webhook delivery with the bytes that will be sent. An existing one stays as it is.
    pub async fn put_webhook_delivery(
        &self,
        kind: &str,
        key: DeliveryKey,
        event: &str,
        new_delivery: &Delivery,
    ) -> Result<(), Fault> {
        let (webhook, id) = webhook_and_delivery_id(key)?;
        let mut item = Item::from([
            ("pk".to_owned(), s(webhook_delivery_partition(key.tenant, id))),
            ("sk".to_owned(), s(WEBHOOK_DELIVERY_SK)),
            ("kind".to_owned(), s(kind)),
            ("key".to_owned(), s(json(&key)?)),
            ("event".to_owned(), s(event)),
            ("delivery".to_owned(), s(json(new_delivery)?)),
            ("attempted".to_owned(), n(0)),
            ("ttl".to_owned(), n(new_delivery.created_at.as_unix_seconds() + TTL_SECONDS)),
            ("kind_pk".to_owned(), s(webhook_partition(key.tenant, webhook))),
            ("kind_sk".to_owned(), s(webhook_list_position(new_delivery.created_at, webhook, id))),
            ("state_sk".to_owned(), s(webhook_list_position(new_delivery.created_at, webhook, id))),
        ]);
        let indexed = index_attributes(kind, key, new_delivery)?
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        item.extend(indexed);
        self.put_if_absent(item, "put a webhook delivery").await.map(drop)
    }

    pub async fn webhook_delivery(
        &self,
        tenant: TenantId,
        id: WebhookDeliveryId,
    ) -> Result<Option<WebhookDelivery>, Fault> {
        self.get(webhook_delivery_key(webhook_delivery_partition(tenant, id)), "read a webhook delivery")
            .await?
            .as_ref()
            .map(webhook_delivery_from_item)
            .transpose()
    }

    /// Records an attempt as [`Store::record_attempt`] does, and moves the delivery between the lists.
    pub async fn record_webhook_attempt(
        &self,
        webhook_delivery: &WebhookDelivery,
        after: &Delivery,
    ) -> Result<bool, Fault> {
        self.write_attempt(
            webhook_delivery.key,
            after,
            index_attributes(&webhook_delivery.kind, webhook_delivery.key, after)?,
        )
        .await
    }

    /// Returns the webhook's deliveries, newest first: all of them, or those in one state. The index follows the table
    /// within moments.
    pub async fn webhook_deliveries_of(
        &self,
        tenant: TenantId,
        webhook: WebhookId,
        state: Option<WebhookDeliveryState>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<WebhookDelivery>, Fault> {
        let (index, partition) = match state {
            None => (BY_KIND, webhook_partition(tenant, webhook)),
            Some(state) => (BY_STATE, state_partition(tenant, webhook, state)),
        };
        let newest = self.newest_entries(index, &partition, offset + limit, LIST_OPERATION).await?;
        let mut deliveries = self.webhook_deliveries_at(newest.into_iter().skip(offset)).await?;
        deliveries.retain(|webhook_delivery| {
            state.is_none_or(|state| WebhookDeliveryState::from_delivery(&webhook_delivery.delivery) == state)
        });
        Ok(deliveries)
    }

    /// Counts the webhook's deliveries created since a time: all of them, or those in one state. Counts to
    /// [`WEBHOOK_DELIVERIES_OFFSET_MAX`], and reads only the index.
    pub async fn count_webhook_deliveries(
        &self,
        tenant: TenantId,
        webhook: WebhookId,
        state: Option<WebhookDeliveryState>,
        since: Timestamp,
    ) -> Result<usize, Fault> {
        let (index, partition) = match state {
            None => (BY_KIND, webhook_partition(tenant, webhook)),
            Some(state) => (BY_STATE, state_partition(tenant, webhook, state)),
        };
        self.count_entries_since(index, &partition, &position_prefix(since), WEBHOOK_DELIVERIES_OFFSET_MAX).await
    }

    /// Counts the tenant's dead letters of a kind, to [`WEBHOOK_DELIVERIES_OFFSET_MAX`].
    pub async fn count_dead_letters(&self, tenant: TenantId, kind: &str) -> Result<usize, Fault> {
        let partition = dead_letter_partition(tenant, kind);
        self.count_entries_since(BY_FACET, &partition, "", WEBHOOK_DELIVERIES_OFFSET_MAX).await
    }

    /// Returns the tenant's dead letters of a kind, newest first.
    pub async fn dead_letters(
        &self,
        tenant: TenantId,
        kind: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<WebhookDelivery>, Fault> {
        let newest =
            self.newest_entries(BY_FACET, &dead_letter_partition(tenant, kind), offset + limit, LIST_OPERATION).await?;
        let mut deliveries = self.webhook_deliveries_at(newest.into_iter().skip(offset)).await?;
        deliveries.retain(|webhook_delivery| webhook_delivery.delivery.status == DeliveryStatus::DeadLetter);
        Ok(deliveries)
    }

    /// Returns the newest dead letters of a kind that were for one of these webhooks.
    pub async fn dead_letters_of_webhooks(
        &self,
        tenant: TenantId,
        kind: &str,
        webhooks: &[WebhookId],
        limit: usize,
    ) -> Result<Vec<WebhookDelivery>, Fault> {
        let newest = self
            .newest_entries(
                BY_FACET,
                &dead_letter_partition(tenant, kind),
                WEBHOOK_DELIVERIES_OFFSET_MAX,
                LIST_OPERATION,
            )
            .await?;
        let is_for_webhooks = |entry: &NewestEntry| {
            webhook_of_position(&entry.position).is_some_and(|webhook| webhooks.contains(&webhook))
        };
        let mut deliveries = self.webhook_deliveries_at(newest.into_iter().filter(is_for_webhooks).take(limit)).await?;
        deliveries.retain(|webhook_delivery| webhook_delivery.delivery.status == DeliveryStatus::DeadLetter);
        Ok(deliveries)
    }

    /// Requests a replay of a dead letter, from the first attempt on. Returns `None` if another process changed the
    /// delivery first.
    pub async fn replay_webhook_delivery(
        &self,
        webhook_delivery: &WebhookDelivery,
        now: Timestamp,
    ) -> Result<Option<Delivery>, Fault> {
        let reset = webhook_delivery.delivery.reset_for_replay(now);
        let mut attributes = index_attributes(&webhook_delivery.kind, webhook_delivery.key, &reset)?;
        attributes.push(("ttl", Some(n(now.as_unix_seconds() + TTL_SECONDS))));
        self.replay_with_attributes(
            webhook_delivery.key,
            &webhook_delivery.kind,
            &webhook_delivery.delivery,
            reset,
            attributes,
        )
        .await
    }

    /// Reads the deliveries of these entries, in their order. Deleted ones are left out.
    async fn webhook_deliveries_at(
        &self,
        entries: impl Iterator<Item = NewestEntry>,
    ) -> Result<Vec<WebhookDelivery>, Fault> {
        let partitions: Vec<String> = entries.map(|entry| entry.pk).collect();
        let items = self.batch_get(partitions.iter().map(webhook_delivery_key).collect()).await?;
        let find_item = |pk: &String| items.iter().find(|item| item.opt_text("pk") == Some(pk));
        partitions.iter().filter_map(find_item).map(webhook_delivery_from_item).collect()
    }
}

/// Name of the list operation in faults.
const LIST_OPERATION: &str = "list webhook deliveries";
/// Returns the attributes that an attempt changes. `None`: to be removed.
fn index_attributes(kind: &str, key: DeliveryKey, after: &Delivery) -> Result<Attributes, Fault> {
    let (webhook, id) = webhook_and_delivery_id(key)?;
    let state = WebhookDeliveryState::from_delivery(after);
    let is_dead = state == WebhookDeliveryState::DeadLetter;
    Ok(vec![
        ("state_pk", Some(s(state_partition(key.tenant, webhook, state)))),
        ("facet_pk", is_dead.then(|| s(dead_letter_partition(key.tenant, kind)))),
        ("facet_sk", is_dead.then(|| s(webhook_list_position(after.created_at, webhook, id)))),
    ])
}

fn webhook_and_delivery_id(key: DeliveryKey) -> Result<(WebhookId, WebhookDeliveryId), Fault> {
    let ids = key.webhook.zip(key.webhook_delivery_id());
    ids.ok_or_else(|| Fault::internal("a delivery is not for a webhook"))
}

/// Returns the partition of a webhook's list. It has no shards: a receiver takes far fewer than the thousand writes a
/// second that a partition allows.
fn webhook_partition(tenant: TenantId, webhook: WebhookId) -> String {
    format!("{tenant}#call#{webhook}")
}

fn state_partition(tenant: TenantId, webhook: WebhookId, state: WebhookDeliveryState) -> String {
    format!("{tenant}#call#{webhook}#{}", state.name())
}

fn dead_letter_partition(tenant: TenantId, kind: &str) -> String {
    format!("{tenant}#call#{kind}#dead")
}

/// Returns the sort key in the lists. Thirteen digits, so that text order is time order.
fn webhook_list_position(created_at: Timestamp, webhook: WebhookId, id: WebhookDeliveryId) -> String {
    format!("{}#{webhook}#{id}", position_prefix(created_at))
}

fn position_prefix(created_at: Timestamp) -> String {
    format!("{:013}", created_at.as_unix_ms())
}

fn webhook_of_position(position: &str) -> Option<WebhookId> {
    position.split('#').nth(1)?.parse().ok()
}

fn webhook_delivery_from_item(item: &Item) -> Result<WebhookDelivery, Fault> {
    let key: DeliveryKey = item.json("key")?;
    let (webhook, id) = webhook_and_delivery_id(key)?;
    let text = |name| item.text(name).map(str::to_owned);
    Ok(WebhookDelivery {
        id,
        key,
        webhook,
        kind: text("kind")?,
        event: text("event")?,
        delivery: item.json("delivery")?,
    })
}
