//! Digests of the JSON that a record stores or refers to: its log entries, its spec and its body.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::hex;

/// Digest of a record's spec, which the record's first event stores.
pub fn digest_of<T: Serialize>(spec: &T) -> String {
    hex(&Sha256::digest(to_stored_json(spec)))
}

/// Reference to one version of a body that is stored in items of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentRef {
    /// SHA-256 of the body's JSON, in hexadecimal.
    pub sha256: String,
    /// Size of the body's JSON before compression.
    pub bytes: u64,
}

impl ContentRef {
    /// Returns the reference to `body`.
    pub fn of<T: Serialize>(body: &T) -> Self {
        let text = to_stored_json(body);
        Self { sha256: hex(&Sha256::digest(&text)), bytes: text.len() as u64 }
    }
}

/// JSON that is stored and hashed.
pub(crate) fn to_stored_json<T: Serialize>(value: &T) -> String {
    #[expect(
        clippy::expect_used,
        reason = "events, specs and bodies consist of strings and numbers, which always serialise"
    )]
    serde_json::to_string(value).expect("events, specs and bodies always serialise")
}
