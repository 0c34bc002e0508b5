//! Subscriptions of an account to what happens to its records: a hook is called for each event that it wants.
//!
//! What the events are called, how a call reads and when it is made again is each door's own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::ids::{NotAnId, RecordId, TenantId};
use crate::time::Timestamp;

/// Where a UUID keeps nothing of its version: its last byte.
const SLOT_AT: usize = 15;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
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
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.parse().map(Self)
            }
        }
    };
}

id! {
    /// A subscription, on the wire a UUID. An account has a fixed number of places for them, and the last byte says which
    /// one it is in: so no two can be made in one place, and each is found by its id alone.
    HookId
}

id! {
    /// One event on its way to one hook.
    CallId
}

impl HookId {
    pub fn new(at: Timestamp, entropy: [u8; 10], slot: u8) -> Self {
        let mut bytes = RecordId::new(at, entropy).to_bytes();
        bytes[SLOT_AT] = slot;
        Self::from_bytes(bytes)
    }

    pub fn slot(self) -> u8 {
        self.0.to_bytes()[SLOT_AT]
    }
}

impl CallId {
    /// Always the same for the same event and hook: whoever tells of it again finds what was told before.
    pub fn of(tenant: TenantId, record: RecordId, seq: u64, hook: HookId) -> Self {
        let hash = Sha256::new()
            .chain_update("call of a hook\0")
            .chain_update(tenant.to_bytes())
            .chain_update(record.to_bytes())
            .chain_update(seq.to_be_bytes())
            .chain_update(hook.0.to_bytes());
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
    fn a_hook_knows_its_place_and_is_a_uuid() {
        for slot in [0, 7, 49, 255] {
            let id = HookId::new(AT, [9; 10], slot);
            assert_eq!(id.slot(), slot);
            let uuid: Uuid = id.to_string().parse().unwrap();
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
        }
    }

    #[test]
    fn every_part_of_a_call_names_it() {
        let (tenant, record) = (TenantId::new(AT, [1; 10]), RecordId::new(AT, [2; 10]));
        let hook = HookId::new(AT, [3; 10], 0);
        let call = CallId::of(tenant, record, 1, hook);
        assert_eq!(call, CallId::of(tenant, record, 1, hook));
        for other in [
            CallId::of(TenantId::new(AT, [4; 10]), record, 1, hook),
            CallId::of(tenant, RecordId::new(AT, [4; 10]), 1, hook),
            CallId::of(tenant, record, 2, hook),
            CallId::of(tenant, record, 1, HookId::new(AT, [3; 10], 1)),
        ] {
            assert_ne!(call, other);
        }
        assert_eq!(call.to_string().parse::<Uuid>().unwrap().get_version_num(), 8);
    }
}
