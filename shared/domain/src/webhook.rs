//! Ids of webhooks, which subscribe a tenant to events of its records, and of their deliveries.
//!
//! Event types, bodies and backoff of webhooks differ between doors, so each door defines its own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::ids::{InvalidId, RecordId, TenantId};
use crate::time::Timestamp;

/// Index of the byte that holds the slot. The last byte of a UUID is free of version and variant bits.
const SLOT_BYTE: usize = 15;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        #[schemars(inline)]
        pub struct $name(RecordId);

        impl $name {
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(RecordId::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().map(Self)
            }
        }
    };
}

id! {
    /// Id of a webhook, published as a UUID.
    ///
    /// A tenant has a fixed number of webhook slots, and the last byte of the id is the slot. So no two webhooks can
    /// share a slot, and a webhook is found by its id alone.
    WebhookId
}

id! {
    /// Id of the delivery of one event to one webhook.
    WebhookDeliveryId
}

impl WebhookId {
    pub fn new(at: Timestamp, entropy: [u8; 10], slot: u8) -> Self {
        let mut bytes = RecordId::new(at, entropy).to_bytes();
        bytes[SLOT_BYTE] = slot;
        Self::from_bytes(bytes)
    }

    pub fn slot(self) -> u8 {
        self.0.to_bytes()[SLOT_BYTE]
    }
}

impl WebhookDeliveryId {
    /// Returns the id of a delivery. Always equal for equal arguments, so a repeated delivery finds the first one.
    pub fn of(tenant: TenantId, record: RecordId, seq: u64, webhook: WebhookId) -> Self {
        let hash = Sha256::new()
            .chain_update("call of a hook\0")
            .chain_update(tenant.to_bytes())
            .chain_update(record.to_bytes())
            .chain_update(seq.to_be_bytes())
            .chain_update(webhook.0.to_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        let id: Uuid = uuid::Builder::from_custom_bytes(bytes).into_uuid();
        Self::from_bytes(id.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    #[test]
    fn webhook_id_is_uuid_with_slot() {
        for slot in [0, 7, 49, 255] {
            let id = WebhookId::new(AT, [9; 10], slot);
            assert_eq!(id.slot(), slot);
            let uuid: Uuid = id.to_string().parse().unwrap();
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
        }
    }

    #[test]
    fn delivery_id_depends_on_every_argument() {
        let (tenant, record) = (TenantId::new(AT, [1; 10]), RecordId::new(AT, [2; 10]));
        let webhook = WebhookId::new(AT, [3; 10], 0);
        let delivery = WebhookDeliveryId::of(tenant, record, 1, webhook);
        assert_eq!(delivery, WebhookDeliveryId::of(tenant, record, 1, webhook));
        for other in [
            WebhookDeliveryId::of(TenantId::new(AT, [4; 10]), record, 1, webhook),
            WebhookDeliveryId::of(tenant, RecordId::new(AT, [4; 10]), 1, webhook),
            WebhookDeliveryId::of(tenant, record, 2, webhook),
            WebhookDeliveryId::of(tenant, record, 1, WebhookId::new(AT, [3; 10], 1)),
        ] {
            assert_ne!(delivery, other);
        }
        assert_eq!(delivery.to_string().parse::<Uuid>().unwrap().get_version_num(), 8);
    }
}
