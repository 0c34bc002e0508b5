//! Keys of deliveries: the identity of each, and the key of its item.

use handrail_domain::effect::Purpose;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::webhook::{WebhookDeliveryId, WebhookId};
use serde::{Deserialize, Serialize};

use crate::attributes::{Item, s};
use crate::item::HeadKey;
use crate::item_ops::item_key;

/// Begins like the sort keys of other deliveries, so that the stream's filter lets the item through.
pub(super) const WEBHOOK_DELIVERY_SK: &str = "delivery#call";

/// Identity of one delivery. A repeated effect finds the delivery that the first run created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeliveryKey {
    pub tenant: TenantId,
    pub record: RecordId,
    pub seq: u64,
    pub purpose: Purpose,
    /// Webhook that a webhook delivery is for. `None` for every other delivery.
    #[serde(rename = "hook", default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookId>,
}

impl DeliveryKey {
    /// Returns the id that is sent with every attempt, so that a receiver recognises a repeat.
    pub fn id(&self) -> String {
        match self.webhook_delivery_id() {
            Some(id) => id.to_string(),
            None => format!("msg_{}_{}_{}", self.record.to_string().replace('-', ""), self.seq, self.purpose.name()),
        }
    }

    /// Returns `None` if the delivery is not a webhook delivery.
    pub fn webhook_delivery_id(&self) -> Option<WebhookDeliveryId> {
        self.webhook.map(|webhook| WebhookDeliveryId::of(self.tenant, self.record, self.seq, webhook))
    }

    /// Returns the item's key. A webhook delivery has a partition of its own; other deliveries share their record's.
    pub(super) fn item_key(&self) -> Item {
        match self.webhook_delivery_id() {
            Some(id) => webhook_delivery_key(webhook_delivery_partition(self.tenant, id)),
            None => item_key(
                HeadKey { tenant: self.tenant, id: self.record }.pk(),
                format!("delivery#{:010}#{}", self.seq, self.purpose.name()),
            ),
        }
    }
}

/// Returns the key of the item of a webhook delivery.
pub(super) fn webhook_delivery_key(pk: impl Into<String>) -> Item {
    item_key(s(pk), WEBHOOK_DELIVERY_SK)
}

pub(super) fn webhook_delivery_partition(tenant: TenantId, id: WebhookDeliveryId) -> String {
    format!("call#{tenant}#{id}")
}
