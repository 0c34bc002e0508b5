//! Hash chain over the events of a record.

use sha2::{Digest, Sha256};

use crate::ids::{RecordId, TenantId, hex};

/// Hash chain over all events of a record: `h = sha256(h_before ‖ event)`. A change in any event changes the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// Starts the chain of a record. The record's id is part of the hash, so a chain cannot be moved to another record.
    pub fn genesis(tenant: TenantId, id: RecordId) -> Self {
        Self::of_text(&format!("{tenant}#{id}"))
    }

    /// Starts a chain with the hash of a text that no other chain starts with.
    pub(crate) fn of_text(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Returns the chain with one more event.
    #[must_use]
    pub fn then(self, event: &str) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(event).finalize().into())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Parses the text of [`ChainHash::to_hex`]. Returns `None` for any other spelling.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        // `from_str_radix` would also accept upper case and a sign.
        if text.len() != 64 || !text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}
