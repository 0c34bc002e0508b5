//! Signed texts as compact JSON Web Signatures (RFC 7515), with Ed25519 (RFC 8037) and nothing else.
//!
//! Only one algorithm is ever accepted, and the key is chosen by the reader, so a text can't choose how it is checked.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;

use crate::jwk_set::JwkSet;
use crate::signing_key::{PublicKey, SigningKey};

/// Longest signed text that is read.
pub const JWS_BYTES_MAX: usize = 1_000_000;
const ALGORITHM: &str = "EdDSA";

/// Header of a signed text. A header with any other member is refused: it may want to be checked in another way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// Signs a payload. `media_type` says what the payload is, so that it can't be taken for something else.
pub fn sign(key: &SigningKey, media_type: &str, payload: &str) -> String {
    let header = json!({"alg": ALGORITHM, "typ": media_type, "kid": key.public_key().key_id()});
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(payload.as_bytes()));
    let signature = encode(&key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Reason why a signed text counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwsError {
    /// The text does not have the form of a signed text.
    Malformed,
    /// The header names another algorithm, such as `none`.
    Algorithm(String),
    /// The text was signed as something else.
    MediaType(String),
    /// None of the keys has this id.
    UnknownKey(String),
    /// The signature is not one of this key over this text.
    Signature,
}

impl fmt::Display for JwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("it is not a compact JWS with the header members alg, typ and kid"),
            Self::Algorithm(name) => write!(f, "its algorithm is {name:?} and not {ALGORITHM}"),
            Self::MediaType(name) => write!(f, "it was signed as {name:?}, which is something else"),
            Self::UnknownKey(id) => write!(f, "it names the key {id:?}, which is none of the given keys"),
            Self::Signature => f.write_str("its signature is wrong: it was changed, or signed with another key"),
        }
    }
}

impl std::error::Error for JwsError {}

/// Returns the payload of a signed text, if one of these keys signed it as `media_type`.
pub fn verify(text: &str, media_type: &str, keys: &JwkSet) -> Result<String, JwsError> {
    if text.len() > JWS_BYTES_MAX {
        return Err(JwsError::Malformed);
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| JwsError::Malformed)?;
    if header.alg != ALGORITHM {
        return Err(JwsError::Algorithm(header.alg));
    }
    if header.typ != media_type {
        return Err(JwsError::MediaType(header.typ));
    }
    let key: &PublicKey = keys.find(&header.kid).ok_or(JwsError::UnknownKey(header.kid))?;
    if !key.verifies(signed.as_bytes(), &decode(signature)?) {
        return Err(JwsError::Signature);
    }
    String::from_utf8(decode(payload)?).map_err(|_| JwsError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose_key::{PurposeKey, hmac_sha256};
    use crate::signing_key::SigningPurpose;

    const TYPE: &str = "handrail-receipt+jwt";

    fn key() -> SigningKey {
        SigningKey::new(&PurposeKey::new("one"), SigningPurpose::Receipts)
    }

    fn keys() -> JwkSet {
        JwkSet::new(vec![key().public_key()])
    }

    fn encode(text: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(text)
    }

    /// Receipts are kept for years, so the same payload must keep the same bytes.
    #[test]
    fn signed_text_is_stable() {
        let text = sign(&key(), TYPE, r#"{"jti":"1"}"#);
        assert_eq!(sign(&key(), TYPE, r#"{"jti":"1"}"#), text);
        assert_eq!(verify(&text, TYPE, &keys()).unwrap(), r#"{"jti":"1"}"#);
        let header = BASE64_URL_SAFE_NO_PAD.decode(text.split('.').next().unwrap()).unwrap();
        let header = String::from_utf8(header).unwrap();
        let kid = key().public_key().key_id();
        assert_eq!(header, format!(r#"{{"alg":"EdDSA","typ":"handrail-receipt+jwt","kid":"{kid}"}}"#));
    }

    #[test]
    fn other_key_type_and_changed_text_are_refused() {
        let text = sign(&key(), TYPE, r#"{"jti":"1"}"#);
        let other = SigningKey::new(&PurposeKey::new("other"), SigningPurpose::Receipts).public_key();
        assert!(matches!(verify(&text, TYPE, &JwkSet::new(vec![other])), Err(JwsError::UnknownKey(_))));
        assert!(matches!(verify(&text, TYPE, &JwkSet::default()), Err(JwsError::UnknownKey(_))));
        assert_eq!(verify(&text, "other+jwt", &keys()), Err(JwsError::MediaType(TYPE.to_owned())));
        let changed = text.replace(&encode(r#"{"jti":"1"}"#), &encode(r#"{"jti":"2"}"#));
        assert_ne!(changed, text);
        assert_eq!(verify(&changed, TYPE, &keys()), Err(JwsError::Signature));
        for malformed in ["", "a.b", "a.b.c", &text[..text.len() - 1], &format!("{text}="), &format!("{text}.x")] {
            assert!(verify(malformed, TYPE, &keys()).is_err(), "{malformed}");
        }
    }

    /// Attacks on readers that let the text choose the algorithm or the key.
    #[test]
    fn algorithm_and_key_are_not_chosen_by_the_text() {
        let kid = key().public_key().key_id();
        let payload = encode(r#"{"jti":"1"}"#);
        let unsigned = |header: String| format!("{}.{payload}", encode(&header));
        let none = unsigned(format!(r#"{{"alg":"none","typ":"{TYPE}","kid":"{kid}"}}"#));
        assert_eq!(verify(&format!("{none}."), TYPE, &keys()), Err(JwsError::Algorithm("none".to_owned())));
        // The public key as the secret of an HMAC.
        let hs256 = unsigned(format!(r#"{{"alg":"HS256","typ":"{TYPE}","kid":"{kid}"}}"#));
        let mac = BASE64_URL_SAFE_NO_PAD.encode(hmac_sha256(&key().public_key().0, &[hs256.as_bytes()]));
        assert_eq!(verify(&format!("{hs256}.{mac}"), TYPE, &keys()), Err(JwsError::Algorithm("HS256".to_owned())));
        // A key that the text brings along.
        let attacker = SigningKey::new(&PurposeKey::new("attacker"), SigningPurpose::Receipts);
        let x = attacker.public_key().to_base64url();
        let own = unsigned(format!(
            r#"{{"alg":"EdDSA","typ":"{TYPE}","kid":"{kid}","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}}}"#
        ));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(attacker.sign(own.as_bytes()));
        assert_eq!(verify(&format!("{own}.{signature}"), TYPE, &keys()), Err(JwsError::Malformed));
        // The attacker's signature under the good key's id.
        let named = unsigned(format!(r#"{{"alg":"EdDSA","typ":"{TYPE}","kid":"{kid}"}}"#));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(attacker.sign(named.as_bytes()));
        assert_eq!(verify(&format!("{named}.{signature}"), TYPE, &keys()), Err(JwsError::Signature));
    }
}
