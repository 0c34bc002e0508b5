//! Ed25519 keys that sign what others check without asking us: receipts of decisions, and checkpoints of the journal.
//!
//! The private keys are derived from the secret of a purpose, so none is stored, and every process signs the same bytes
//! alike. Each purpose has a key of its own, also where all share one secret: a signature made for one purpose is worth nothing for another.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use crate::purpose_key::PurposeKey;

pub const PUBLIC_KEY_BYTES: usize = 32;
pub const SIGNATURE_BYTES: usize = 64;

/// Purpose of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningPurpose {
    Receipts,
    JournalCheckpoints,
}

impl SigningPurpose {
    /// Name in the derivation of the key. A changed name makes another key.
    fn name(self) -> &'static str {
        match self {
            Self::Receipts => "receipts v1",
            Self::JournalCheckpoints => "journal checkpoints v1",
        }
    }
}

/// Private key for one purpose.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    pub fn new(master: &PurposeKey, purpose: SigningPurpose) -> Self {
        #[expect(clippy::expect_used, reason = "every 32 bytes are the seed of an Ed25519 key")]
        let pair = Ed25519KeyPair::from_seed_unchecked(&master.signing_seed(purpose.name())).expect("32 bytes");
        Self(pair)
    }

    pub fn public_key(&self) -> PublicKey {
        let mut bytes = [0; PUBLIC_KEY_BYTES];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// Signs a message. The same message always gets the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(self.0.sign(message).as_ref());
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Public key, which anyone may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(pub [u8; PUBLIC_KEY_BYTES]);

impl PublicKey {
    /// Returns `true` if the owner of the private key signed exactly this message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }

    /// Key in base64url without padding, as a JWK has it in `x`.
    pub fn to_base64url(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    pub fn from_base64url(text: &str) -> Option<Self> {
        BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The key's name: its JWK thumbprint (RFC 7638), which anyone can compute from the key.
    pub fn key_id(&self) -> String {
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.to_base64url());
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(jwk.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_requires_same_key_purpose_and_message() {
        let key = SigningKey::new(&PurposeKey::new("one"), SigningPurpose::Receipts);
        let signature = key.sign(b"yes");
        assert!(key.public_key().verifies(b"yes", &signature));
        assert_eq!(key.sign(b"yes"), signature);
        assert!(!key.public_key().verifies(b"yes!", &signature));
        assert!(!key.public_key().verifies(b"yes", &signature[..63]));
        for other in [
            SigningKey::new(&PurposeKey::new("other"), SigningPurpose::Receipts),
            SigningKey::new(&PurposeKey::new("one"), SigningPurpose::JournalCheckpoints),
        ] {
            assert!(!other.public_key().verifies(b"yes", &signature));
        }
        assert_eq!(format!("{key:?}"), "SigningKey(…)");
    }

    /// The example of RFC 8037, appendices A.2 and A.3.
    #[test]
    fn key_id_is_the_thumbprint_of_the_key() {
        let key = PublicKey::from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(key.key_id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(PublicKey::from_base64url("11qYAYKxCrfVS"), None);
    }

    /// Receipts that were given out must stay checkable, so the derivation must not change.
    #[test]
    fn derived_keys_are_stable() {
        let master = PurposeKey::new("one");
        let public_key = |purpose| SigningKey::new(&master, purpose).public_key().to_base64url();
        assert_eq!(public_key(SigningPurpose::Receipts), "iu06eOKWMBX5ykzgcgO2aQTxnizjq-xzHByz0cOfzEw");
        assert_eq!(public_key(SigningPurpose::JournalCheckpoints), "f6Fj3AhEZFKGTvyF6fPUWhvyHKyXp5M-UZZyJXvolJU");
    }
}
