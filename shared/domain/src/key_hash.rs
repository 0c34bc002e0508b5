//! The hash under which the table keeps an API key, a session or another secret that a caller sends.

use sha2::{Digest, Sha256};

use crate::ids::hex;

/// Hashes an API key for storage and lookup. Keys have 256 bits of entropy, so they need no salt and no slow hash.
pub fn hash_of_key(key: &str) -> String {
    hex(&Sha256::digest(key))
}
