//! The signed OAuth state of an installation: tenant and time of creation. A state is valid for ten minutes.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use handrail_secrets::purpose_key::PurposeKey;
use subtle::ConstantTimeEq;

pub(crate) const TTL_MS: i64 = 10 * 60 * 1000;
const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 16;
const CLAIM_BYTES: usize = 1 + 16 + 8;
const TOKEN_BYTES: usize = CLAIM_BYTES + SIGNATURE_BYTES;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthState {
    pub tenant: TenantId,
    pub created_at: Timestamp,
}

impl OAuthState {
    pub(crate) fn expires_at(self) -> Timestamp {
        self.created_at.plus_ms(TTL_MS)
    }

    pub fn sign(self, master: &PurposeKey) -> String {
        let claims = self.claims();
        BASE64_URL_SAFE_NO_PAD.encode([claims.as_slice(), &signature(master, &claims)].concat())
    }

    /// Verifies a state. Returns `None` if the signature is wrong or the state has expired.
    pub(crate) fn verify(text: &str, master: &PurposeKey, now: Timestamp) -> Option<Self> {
        // The length is checked first, so that large texts are not decoded.
        if text.len() != (TOKEN_BYTES * 4).div_ceil(3) {
            return None;
        }
        let bytes: [u8; TOKEN_BYTES] = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (claims, given_signature) = bytes.split_at(CLAIM_BYTES);
        if !bool::from(signature(master, claims).ct_eq(given_signature)) || claims.first() != Some(&VERSION) {
            return None;
        }
        let state = Self {
            tenant: TenantId::from_bytes(claims.get(1..17)?.try_into().ok()?),
            created_at: Timestamp::from_unix_ms(i64::from_be_bytes(claims.get(17..25)?.try_into().ok()?)),
        };
        (now < state.expires_at()).then_some(state)
    }

    fn claims(self) -> [u8; CLAIM_BYTES] {
        let mut claims = [VERSION; CLAIM_BYTES];
        claims[1..17].copy_from_slice(&self.tenant.to_bytes());
        claims[17..].copy_from_slice(&self.created_at.as_unix_ms().to_be_bytes());
        claims
    }
}

fn signature(master: &PurposeKey, claims: &[u8]) -> [u8; SIGNATURE_BYTES] {
    let mut signature = [0; SIGNATURE_BYTES];
    signature.copy_from_slice(&master.sign_slack(&[b"state", claims])[..SIGNATURE_BYTES]);
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    #[test]
    fn state_is_valid_for_ten_minutes() {
        let master = PurposeKey::new("m");
        let state = OAuthState { tenant: TenantId::new(NOON, [1; 10]), created_at: NOON };
        let text = state.sign(&master);
        assert_eq!(OAuthState::verify(&text, &master, NOON.plus_ms(TTL_MS - 1)), Some(state));
        assert_eq!(OAuthState::verify(&text, &master, NOON.plus_ms(TTL_MS)), None);
        assert_eq!(OAuthState::verify(&text, &PurposeKey::new("other"), NOON), None);
    }

    #[test]
    fn changed_state_is_invalid() {
        let master = PurposeKey::new("m");
        let text = OAuthState { tenant: TenantId::new(NOON, [1; 10]), created_at: NOON }.sign(&master);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(OAuthState::verify(&String::from_utf8(changed).unwrap(), &master, NOON), None, "{at}");
        }
        for wrong in ["", "x", &text[1..], &format!("{text}A"), &"A".repeat(1_000_000)] {
            assert_eq!(OAuthState::verify(wrong, &master, NOON), None);
        }
    }
}
