//! One secret per installation, and what is derived from it.
//!
//! Webhook secrets and link signatures are computed, not stored: there is nothing in the table that a reader of the
//! table could sign with. See docs/decisions/0004-derived-secrets.md.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use handrail_domain::ids::{KeyId, hex};

/// Shorter ones could be guessed.
pub const MASTER_KEY_CHARS_MIN: usize = 32;

#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    pub fn new(secret: &str) -> Self {
        Self(hmac_sha256(secret.as_bytes(), &[b"handrail master v1"]))
    }

    /// The secret with which callbacks of this API key's records are signed. Readable back at any time by its owner.
    ///
    /// The form is the one of the Standard Webhooks libraries, and as a plain text it is the secret of the door's own
    /// signature.
    pub fn webhook_secret(&self, key: KeyId) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(self.derive(b"webhook", &key.to_bytes())))
    }

    pub fn sign_link(&self, claims: &[u8]) -> [u8; 32] {
        self.derive(b"link", claims)
    }

    /// For what must be read back and can't be derived: see [`seal`](crate::seal).
    pub(crate) fn sealing_key(&self, purpose: &str) -> [u8; 32] {
        self.derive(b"seal", purpose.as_bytes())
    }

    /// Signs what travels through somebody else's hands and comes back: the state of an installation, a button.
    pub fn sign_slack(&self, claims: &[&[u8]]) -> [u8; 32] {
        // Lengths before parts, so that no two lists of parts read the same.
        let parts = claims.iter().flat_map(|claim| [(claim.len() as u64).to_be_bytes().to_vec(), claim.to_vec()]);
        self.derive(b"slack", &parts.flatten().collect::<Vec<u8>>())
    }

    /// The key that takes the place of one that is rotated: the same one however often it is asked for, and nobody's to
    /// know who does not have both this secret and the table.
    pub fn key_after(&self, hash_of_key: &str) -> String {
        packets_key(self.derive(b"key after", hash_of_key.as_bytes()))
    }

    /// For what a client carries and hands back. One purpose's signatures are worth nothing for another.
    pub fn sign_ticket(&self, purpose: &str, claims: &[u8]) -> [u8; 32] {
        self.derive(b"ticket", &[purpose.as_bytes(), b"\0", claims].concat())
    }

    fn derive(&self, purpose: &[u8], of: &[u8]) -> [u8; 32] {
        hmac_sha256(&self.0, &[purpose, b"\0", of])
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Keys are stored as this, and looked up by it: 256 bits of entropy need no salt and no slow hash.
pub fn hash_of_key(key: &str) -> String {
    use sha2::Digest;
    hex(&Sha256::digest(key))
}

/// A new API key: shown once, kept nowhere.
pub fn new_api_key(entropy: [u8; 32]) -> String {
    format!("ho_live_{}", BASE64_URL_SAFE_NO_PAD.encode(entropy))
}

/// The same as the packets door publishes them.
pub fn packets_key(entropy: [u8; 32]) -> String {
    format!("hr_{}", BASE64_URL_SAFE_NO_PAD.encode(entropy))
}

/// Of all parts in a row.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_domain::time::Timestamp;

    #[test]
    fn secrets_are_stable_and_differ_by_key_purpose_and_master() {
        let (one, other) = (MasterKey::new("one"), MasterKey::new("other"));
        let key = KeyId::new(Timestamp::from_unix_ms(1), [1; 10]);
        assert_eq!(one.webhook_secret(key), MasterKey::new("one").webhook_secret(key));
        assert_ne!(one.webhook_secret(key), other.webhook_secret(key));
        assert_ne!(one.webhook_secret(key), one.webhook_secret(KeyId::new(Timestamp::from_unix_ms(1), [2; 10])));
        assert_ne!(one.sign_link(&key.to_bytes()), one.derive(b"webhook", &key.to_bytes()));
        assert_eq!(format!("{one:?}"), "MasterKey(…)");
        let after = one.key_after(&hash_of_key("a key"));
        assert!(after.len() == 46 && after.starts_with("hr_"), "{after}");
        assert_eq!(after, one.key_after(&hash_of_key("a key")));
        assert_ne!(after, one.key_after(&hash_of_key("another")));
        assert_ne!(after, other.key_after(&hash_of_key("a key")));
    }
}
