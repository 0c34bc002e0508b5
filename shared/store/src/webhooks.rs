//! Webhooks: subscriptions of a tenant's URLs to events.
//!
//! A tenant has a fixed number of slots for the webhooks of a kind, each an item. A new webhook takes a free slot, or
//! that of a closed webhook, in one conditional write: concurrent requests never create more webhooks than there are
//! slots.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use handrail_domain::webhook::WebhookId;
use handrail_domain::webhook_health::WebhookHealth;
use serde::{Deserialize, Serialize};

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::item_ops::item_key;
use crate::outcome::{or_existing_item, unless_condition_failed};
use handrail_platform::fault::Fault;

/// Number of a tenant's webhooks of a kind at most. Each event reads all of them and may create a delivery for each.
pub const WEBHOOKS_MAX: u8 = 50;

/// Webhook without its signing secret: see [`signing_secret`](handrail_records::webhook::signing_secret).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub tenant: TenantId,
    /// URL as the tenant gave it.
    pub url: String,
    /// Event types as the door publishes them.
    pub events: Vec<String>,
    pub created_at: Timestamp,
    /// Time when the webhook was closed. A closed webhook gets no deliveries.
    pub closed_at: Option<Timestamp>,
    /// `None`: active, or closed before reasons were stored.
    pub close_reason: Option<CloseReason>,
    /// Signing secret, sealed: see [`seal`](handrail_secrets::seal). A closed webhook has none.
    pub sealed_secret: Option<String>,
    pub health: WebhookHealth,
    /// Number of changes of the health, by which a concurrent change is noticed.
    pub health_version: u64,
}

/// Reason for closing a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The tenant deleted the webhook.
    Deleted,
    /// The receiver answered 410 Gone.
    Gone,
}

impl CloseReason {
    pub fn name(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Gone => "gone",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Deleted, Self::Gone].into_iter().find(|reason| reason.name() == name)
    }
}

/// Properties of a webhook that never change.
#[derive(Serialize, Deserialize)]
struct WebhookData {
    url: String,
    events: Vec<String>,
    created_at: Timestamp,
}

impl Webhook {
    pub fn is_active(&self) -> bool {
        self.closed_at.is_none()
    }

    pub fn subscribes_to(&self, event: &str) -> bool {
        self.is_active() && self.events.iter().any(|subscribed| subscribed == event)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseOutcome {
    Closed,
    AlreadyClosed,
    NotFound,
}

impl Store {
    /// Stores a webhook in its slot. Returns `false` if another webhook has the slot, unless that is the closed
    /// webhook `instead_of`.
    pub async fn put_webhook(
        &self,
        kind: &str,
        webhook: &Webhook,
        instead_of: Option<WebhookId>,
    ) -> Result<bool, Fault> {
        let data =
            WebhookData { url: webhook.url.clone(), events: webhook.events.clone(), created_at: webhook.created_at };
        let mut item = slot_key(webhook.tenant, kind, webhook.id.slot());
        item.insert("hook_id".to_owned(), s(webhook.id.to_string()));
        item.insert("hook".to_owned(), s(json(&data)?));
        if let Some(secret) = &webhook.sealed_secret {
            item.insert("sealed_secret".to_owned(), s(secret));
        }
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // The webhook itself is there after an attempt whose response was lost.
            .condition_expression(
                "attribute_not_exists(pk) OR hook_id = :own OR (hook_id = :other AND attribute_exists(closed_at))",
            )
            .expression_attribute_values(":own", s(webhook.id.to_string()))
            .expression_attribute_values(":other", s(instead_of.unwrap_or(webhook.id).to_string()));
        Ok(unless_condition_failed(put.send().await, "put a webhook")?.is_some())
    }

    /// Returns the tenant's webhooks of a kind, newest first, including closed ones.
    pub async fn webhooks(&self, tenant: TenantId, kind: &str) -> Result<Vec<Webhook>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
            .expression_attribute_values(":pk", s(partition(tenant)))
            .expression_attribute_values(":kind", s(slot_prefix(kind)))
            .limit(i32::from(WEBHOOKS_MAX));
        let found = query.send().await.map_err(|error| Fault::from_sdk("list webhooks", error))?;
        let webhooks = found.items().iter().map(|item| webhook_from_item(tenant, item));
        let mut webhooks = webhooks.collect::<Result<Vec<Webhook>, Fault>>()?;
        webhooks.sort_by_key(|webhook| std::cmp::Reverse((webhook.created_at, webhook.id)));
        Ok(webhooks)
    }

    pub async fn webhook(&self, tenant: TenantId, kind: &str, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        let found = self.get(slot_key(tenant, kind, id.slot()), "read a webhook").await?;
        let webhook = found.map(|item| webhook_from_item(tenant, &item)).transpose()?;
        Ok(webhook.filter(|webhook| webhook.id == id))
    }

    /// Closes a webhook and deletes its secret.
    pub async fn close_webhook(
        &self,
        tenant: TenantId,
        kind: &str,
        id: WebhookId,
        reason: CloseReason,
        now: Timestamp,
    ) -> Result<CloseOutcome, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(slot_key(tenant, kind, id.slot())))
            .update_expression("SET closed_at = :now, close_reason = :reason REMOVE sealed_secret")
            .condition_expression("hook_id = :id AND attribute_not_exists(closed_at)")
            .expression_attribute_values(":now", n(now.as_unix_ms()))
            .expression_attribute_values(":reason", s(reason.name()))
            .expression_attribute_values(":id", s(id.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(found) = or_existing_item(update.send().await, "close a webhook")? else {
            return Ok(CloseOutcome::Closed);
        };
        let found = found.as_ref().and_then(|item| item.opt_text("hook_id"));
        Ok(if found == Some(id.to_string().as_str()) { CloseOutcome::AlreadyClosed } else { CloseOutcome::NotFound })
    }

    /// Stores the new health of an active webhook. Returns `false` if another process changed the health or closed the
    /// webhook since the webhook was read.
    pub async fn put_webhook_health(
        &self,
        kind: &str,
        webhook: &Webhook,
        health: WebhookHealth,
    ) -> Result<bool, Fault> {
        let unchanged = match webhook.health_version {
            0 => "attribute_not_exists(health_version)",
            _ => "health_version = :before",
        };
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(slot_key(webhook.tenant, kind, webhook.id.slot())))
            .update_expression("SET health = :health, health_version = :version")
            .condition_expression(format!("hook_id = :id AND attribute_not_exists(closed_at) AND {unchanged}"))
            .expression_attribute_values(":id", s(webhook.id.to_string()))
            .expression_attribute_values(":health", s(json(&health)?))
            .expression_attribute_values(":version", n(webhook.health_version + 1));
        let update = match webhook.health_version {
            0 => update,
            version => update.expression_attribute_values(":before", n(version)),
        };
        Ok(unless_condition_failed(update.send().await, "put the health of a webhook")?.is_some())
    }
}

fn partition(tenant: TenantId) -> String {
    format!("hooks#{tenant}")
}

fn slot_prefix(kind: &str) -> String {
    format!("hook#{kind}#")
}

fn slot_key(tenant: TenantId, kind: &str, slot: u8) -> Item {
    item_key(s(partition(tenant)), format!("{}{slot:03}", slot_prefix(kind)))
}

fn webhook_from_item(tenant: TenantId, item: &Item) -> Result<Webhook, Fault> {
    let id = item
        .text("hook_id")?
        .parse()
        .map_err(|error| Fault::internal_with_source("a webhook's id can't be read", error))?;
    let WebhookData { url, events, created_at } = item.json("hook")?;
    Ok(Webhook {
        id,
        tenant,
        url,
        events,
        created_at,
        closed_at: item.opt_time("closed_at")?,
        close_reason: item.opt_text("close_reason").and_then(CloseReason::from_name),
        sealed_secret: item.opt_text("sealed_secret").map(str::to_owned),
        health: item.opt_text("health").map(|_| item.json("health")).transpose()?.unwrap_or_default(),
        health_version: item.number("health_version").unwrap_or(0),
    })
}
