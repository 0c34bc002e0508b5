//! The key of one purpose, and the secrets and signatures that are derived from it.
//!
//! Secrets of callbacks and signatures of links are computed and not stored, so a reader of the table cannot sign. See
//! docs/decisions/0004-derived-secrets.md.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use handrail_domain::ids::KeyId;

/// Minimum length of a secret from which keys are derived. Shorter ones could be guessed.
pub const SECRET_CHARS_MIN: usize = 32;

#[derive(Clone)]
pub struct PurposeKey([u8; 32]);

impl PurposeKey {
    pub fn new(secret: &str) -> Self {
        Self(hmac_sha256(secret.as_bytes(), &[b"handrail master v1"]))
    }

    /// Derives the secret that signs callbacks of this API key's records. The owner can read it at any time.
    ///
    /// The format is that of Standard Webhooks; the door's own signature uses the whole text as its secret.
    pub fn webhook_secret(&self, key: KeyId) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(self.derive(b"webhook", &key.to_bytes())))
    }

    pub fn sign_link(&self, claims: &[u8]) -> [u8; 32] {
        self.derive(b"link", claims)
    }

    /// Derives the encryption key for stored secrets; see [`seal`](crate::seal).
    pub(crate) fn sealing_key(&self, purpose: &str) -> [u8; 32] {
        self.derive(b"seal", purpose.as_bytes())
    }

    /// Derives the seed of the Ed25519 key for a purpose; see [`signing_key`](crate::signing_key).
    pub(crate) fn signing_seed(&self, purpose: &str) -> [u8; 32] {
        self.derive(b"signing key", purpose.as_bytes())
    }

    /// Signs data that Slack returns later: the OAuth state and the value of a button.
    pub fn sign_slack(&self, claims: &[&[u8]]) -> [u8; 32] {
        // Each part follows its length, so that no two lists of parts have the same bytes.
        let parts = claims.iter().flat_map(|claim| [(claim.len() as u64).to_be_bytes().to_vec(), claim.to_vec()]);
        self.derive(b"slack", &parts.flatten().collect::<Vec<u8>>())
    }

    /// Derives the API key that replaces a rotated one. Every call returns the same key, and only this key and the
    /// table together give it away.
    pub fn rotated_secret(&self, hash_of_key: &str) -> String {
        new_packets_api_key(self.derive(b"key after", hash_of_key.as_bytes()))
    }

    /// Derives a secret that a run creates, so that the next run under the idempotency key creates the same one. `run`
    /// names the runs and their start.
    pub fn secret_of_run(&self, run: &str, purpose: &str) -> [u8; 32] {
        self.derive(b"once", &[purpose.as_bytes(), b"\0", run.as_bytes()].concat())
    }

    /// Signs data that a client returns later. A signature is valid for one purpose only.
    pub fn sign_token(&self, purpose: &str, claims: &[u8]) -> [u8; 32] {
        self.derive(b"ticket", &[purpose.as_bytes(), b"\0", claims].concat())
    }

    fn derive(&self, purpose: &[u8], data: &[u8]) -> [u8; 32] {
        hmac_sha256(&self.0, &[purpose, b"\0", data])
    }
}

impl std::fmt::Debug for PurposeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PurposeKey(…)")
    }
}

/// Formats a new API key.
pub fn new_api_key(entropy: [u8; 32]) -> String {
    format!("ho_live_{}", BASE64_URL_SAFE_NO_PAD.encode(entropy))
}

/// Formats a new API key of the packets API.
pub fn new_packets_api_key(entropy: [u8; 32]) -> String {
    format!("hr_{}", BASE64_URL_SAFE_NO_PAD.encode(entropy))
}

/// Computes the HMAC-SHA256 of the concatenated parts.
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
    use handrail_domain::key_hash::hash_of_key;
    use handrail_domain::time::Timestamp;

    #[test]
    fn secrets_differ_by_key_and_purpose() {
        let (one, other) = (PurposeKey::new("one"), PurposeKey::new("other"));
        let key = KeyId::new(Timestamp::from_unix_ms(1), [1; 10]);
        assert_eq!(one.webhook_secret(key), PurposeKey::new("one").webhook_secret(key));
        assert_ne!(one.webhook_secret(key), other.webhook_secret(key));
        assert_ne!(one.webhook_secret(key), one.webhook_secret(KeyId::new(Timestamp::from_unix_ms(1), [2; 10])));
        assert_ne!(one.sign_link(&key.to_bytes()), one.derive(b"webhook", &key.to_bytes()));
        assert_eq!(format!("{one:?}"), "PurposeKey(…)");
        let rotated = one.rotated_secret(&hash_of_key("a key"));
        assert!(rotated.len() == 46 && rotated.starts_with("hr_"), "{rotated}");
        assert_eq!(rotated, one.rotated_secret(&hash_of_key("a key")));
        assert_ne!(rotated, one.rotated_secret(&hash_of_key("another")));
        assert_ne!(rotated, other.rotated_secret(&hash_of_key("a key")));
    }
}
