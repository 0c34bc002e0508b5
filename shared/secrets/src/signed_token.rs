//! Signed tokens: small data that a client keeps and returns unchanged.
//!
//! A token is valid for one purpose only. The caller of [`verify`] must check any expiry in the claims.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use crate::purpose_key::PurposeKey;

const SIGNATURE_BYTES: usize = 16;
/// Fits the claims of an upload with the longest file name, in UTF-8 and base64.
const TOKEN_CHARS_MAX: usize = 4_096;

/// Signs claims for a purpose. Returns `None` if the token would be too long.
pub fn sign<T: Serialize>(master: &PurposeKey, purpose: &str, claims: &T) -> Option<String> {
    let mut bytes = serde_json::to_vec(claims).ok()?;
    let signature = master.sign_token(purpose, &bytes);
    bytes.extend(&signature[..SIGNATURE_BYTES]);
    Some(BASE64_URL_SAFE_NO_PAD.encode(bytes)).filter(|token| token.len() <= TOKEN_CHARS_MAX)
}

/// Returns the claims of a token, or `None` if the token was changed or is for another purpose.
pub fn verify<T: DeserializeOwned>(master: &PurposeKey, purpose: &str, token: &str) -> Option<T> {
    if token.len() > TOKEN_CHARS_MAX {
        return None;
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    let (claims, signature) = bytes.split_at(bytes.len().checked_sub(SIGNATURE_BYTES)?);
    let genuine: bool = master.sign_token(purpose, claims)[..SIGNATURE_BYTES].ct_eq(signature).into();
    genuine.then(|| serde_json::from_slice(claims).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_requires_same_purpose_key_and_content() {
        let master = PurposeKey::new("m");
        let token = sign(&master, "upload", &("a", 5)).unwrap();
        assert_eq!(verify(&master, "upload", &token), Some(("a".to_owned(), 5)));
        assert_eq!(verify::<(String, u64)>(&master, "put", &token), None);
        assert_eq!(verify::<(String, u64)>(&PurposeKey::new("other"), "upload", &token), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(verify::<(String, u64)>(&master, "upload", &changed), None, "{at}");
        }
        for text in ["", "x", "AAAA", &"A".repeat(1_000_000)] {
            assert_eq!(verify::<(String, u64)>(&master, "upload", text), None);
        }
    }
}
