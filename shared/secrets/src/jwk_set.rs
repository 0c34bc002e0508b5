//! Sets of public keys as JSON Web Key Sets (RFC 7517), for Ed25519 keys (RFC 8037).

use serde_json::{Value, json};

use crate::signing_key::PublicKey;

/// Largest set that is read.
pub const JWK_SET_BYTES_MAX: usize = 1_000_000;

/// Public keys, of which each is found by its key id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwkSet(Vec<PublicKey>);

impl JwkSet {
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self(keys)
    }

    /// Parses the text of a key set. Keys of other types are left out, as RFC 7517 says. Returns `None` if the text is no
    /// key set, or if a key's id is not the thumbprint of the key: such a set was put together by hand, or forged.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > JWK_SET_BYTES_MAX {
            return None;
        }
        let set: Value = serde_json::from_str(text).ok()?;
        let mut keys = Vec::new();
        for jwk in set.get("keys")?.as_array()? {
            let member = |name: &str| jwk.get(name).and_then(Value::as_str);
            if (member("kty"), member("crv")) != (Some("OKP"), Some("Ed25519")) {
                continue;
            }
            let key = PublicKey::from_base64url(member("x")?)?;
            if member("kid").is_some_and(|kid| kid != key.key_id()) {
                return None;
            }
            keys.push(key);
        }
        Some(Self(keys))
    }

    pub fn to_json(&self) -> Value {
        let jwk = |key: &PublicKey| {
            json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": key.key_id(),
                "x": key.to_base64url(),
            })
        };
        json!({"keys": self.0.iter().map(jwk).collect::<Vec<_>>()})
    }

    pub fn find(&self, key_id: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.key_id() == key_id)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8037, appendix A.2.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn key_set_is_written_and_read() {
        let key = PublicKey::from_base64url(X).unwrap();
        let set = JwkSet::new(vec![key]);
        assert_eq!(JwkSet::parse(&set.to_json().to_string()), Some(set.clone()));
        assert_eq!(set.find("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"), Some(&key));
        assert_eq!(set.find(X), None);
        assert!(set.to_json()["keys"][0].get("d").is_none(), "no private key is shown");
    }

    #[test]
    fn keys_of_other_types_are_left_out() {
        let text = json!({"keys": [{"kty": "RSA", "n": "AQ", "e": "AQAB"}, {"kty": "OKP", "crv": "X25519", "x": X}]});
        assert_eq!(JwkSet::parse(&text.to_string()), Some(JwkSet::default()));
    }

    #[test]
    fn key_under_a_foreign_id_is_refused() {
        for wrong in [
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "another"}]}).to_string(),
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]}).to_string(),
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519"}]}).to_string(),
            json!({"keys": {}}).to_string(),
            "no JSON".to_owned(),
        ] {
            assert_eq!(JwkSet::parse(&wrong), None, "{wrong}");
        }
    }
}
