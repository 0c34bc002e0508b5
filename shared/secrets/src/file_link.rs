//! Signed links to files: `/files/{token}` serves one file of a record without an API key for a limited time.
//!
//! A link is valid until the end of the next day (UTC). So all links of a day are equal, responses with links don't
//! change with every request, and a new link is valid for at least a day.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;
use subtle::ConstantTimeEq;

use crate::purpose_key::PurposeKey;
use handrail_platform::blob_store::{BlobId, BlobKey};

const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 16;
const CLAIM_BYTES: usize = 1 + 16 + 16 + 16 + 4;
const TOKEN_BYTES: usize = CLAIM_BYTES + SIGNATURE_BYTES;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Claims of a token. They are not trusted before [`FileLink::is_valid`] has returned `true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLink {
    pub key: BlobKey,
    /// First day on which the link is invalid, in days since 1970.
    expires_on_day: u32,
    signature: [u8; SIGNATURE_BYTES],
}

impl FileLink {
    pub fn new(master: &PurposeKey, key: BlobKey, now: Timestamp) -> Self {
        let today = now.as_unix_seconds().div_euclid(DAY_SECONDS);
        let expires_on_day = u32::try_from(today + 2).unwrap_or(0);
        Self { key, expires_on_day, signature: signature(master, &claims(&key, expires_on_day)) }
    }

    pub fn token(&self) -> String {
        let mut bytes = claims(&self.key, self.expires_on_day).to_vec();
        bytes.extend(self.signature);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn parse(token: &str) -> Option<Self> {
        if token.len() != (TOKEN_BYTES * 4).div_ceil(3) {
            return None;
        }
        let bytes: [u8; TOKEN_BYTES] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let key = BlobKey {
            tenant: TenantId::from_bytes(array_at(&bytes, 1)),
            record: RecordId::from_bytes(array_at(&bytes, 17)),
            id: BlobId::from_bytes(array_at(&bytes, 33)),
        };
        let expires_on_day = u32::from_be_bytes(array_at(&bytes, 49));
        (bytes[0] == VERSION).then(|| Self { key, expires_on_day, signature: array_at(&bytes, CLAIM_BYTES) })
    }

    /// Returns `true` if the signature is ours and the link has not expired.
    pub fn is_valid(&self, master: &PurposeKey, now: Timestamp) -> bool {
        let genuine: bool = signature(master, &claims(&self.key, self.expires_on_day)).ct_eq(&self.signature).into();
        genuine && now.as_unix_seconds() < i64::from(self.expires_on_day) * DAY_SECONDS
    }
}

fn claims(key: &BlobKey, expires_on_day: u32) -> [u8; CLAIM_BYTES] {
    let mut claims = [0; CLAIM_BYTES];
    claims[0] = VERSION;
    claims[1..17].copy_from_slice(&key.tenant.to_bytes());
    claims[17..33].copy_from_slice(&key.record.to_bytes());
    claims[33..49].copy_from_slice(&key.id.to_bytes());
    claims[49..].copy_from_slice(&expires_on_day.to_be_bytes());
    claims
}

fn signature(master: &PurposeKey, claims: &[u8; CLAIM_BYTES]) -> [u8; SIGNATURE_BYTES] {
    array_at(&master.sign_token("file", claims), 0)
}

fn array_at<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[from..from + N]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
    const DAY_MS: i64 = DAY_SECONDS * 1000;

    fn key() -> BlobKey {
        BlobKey {
            tenant: TenantId::new(NOON, [1; 10]),
            record: RecordId::new(NOON, [2; 10]),
            id: BlobId::from_bytes([3; 16]),
        }
    }

    #[test]
    fn file_link_expires_at_end_of_next_day() {
        let master = PurposeKey::new("m");
        let midnight = Timestamp::from_unix_ms(NOON.as_unix_ms().div_euclid(DAY_MS) * DAY_MS);
        let link = FileLink::new(&master, key(), midnight);
        assert_eq!(FileLink::new(&master, key(), midnight.plus_ms(DAY_MS - 1)).token(), link.token());
        assert_ne!(FileLink::new(&master, key(), midnight.plus_ms(DAY_MS)).token(), link.token());
        let read = FileLink::parse(&link.token()).unwrap();
        assert_eq!((read, read.key), (link, key()));
        assert!(read.is_valid(&master, midnight.plus_ms(2 * DAY_MS - 1)));
        assert!(!read.is_valid(&master, midnight.plus_ms(2 * DAY_MS)));
        assert!(!read.is_valid(&PurposeKey::new("other"), midnight));
    }

    #[test]
    fn changed_file_link_is_invalid() {
        let master = PurposeKey::new("m");
        let token = FileLink::new(&master, key(), NOON).token();
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(FileLink::parse(&changed).is_none_or(|read| !read.is_valid(&master, NOON)), "{at}");
        }
        for text in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(1_000_000)] {
            assert!(FileLink::parse(text).is_none());
        }
    }
}
