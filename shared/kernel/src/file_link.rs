//! Signed links to files: `/files/{token}` hands out one file of one record, without a key, for a while.
//!
//! The link lives until the end of the next day (UTC), so it is the same on every reading of a day: what holds it does not
//! look changed each time, and nobody gets a link that dies in his hand.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;
use subtle::ConstantTimeEq;

use crate::blobs::{BlobId, BlobKey};
use crate::master::MasterKey;

const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 16;
const CLAIM_BYTES: usize = 1 + 16 + 16 + 16 + 4;
const TOKEN_BYTES: usize = CLAIM_BYTES + SIGNATURE_BYTES;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What a token claims. Worth nothing until [`FileLink::opens`] said yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLink {
    pub key: BlobKey,
    /// The first day on which it is closed, counted from 1970.
    closed_from_day: u32,
    signature: [u8; SIGNATURE_BYTES],
}

impl FileLink {
    pub fn to(master: &MasterKey, key: BlobKey, now: Timestamp) -> Self {
        let today = now.as_unix_seconds().div_euclid(DAY_SECONDS);
        let closed_from_day = u32::try_from(today + 2).unwrap_or(0);
        Self { key, closed_from_day, signature: signature(master, &claims(&key, closed_from_day)) }
    }

    pub fn token(&self) -> String {
        let mut bytes = claims(&self.key, self.closed_from_day).to_vec();
        bytes.extend(self.signature);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn parse(token: &str) -> Option<Self> {
        if token.len() != (TOKEN_BYTES * 4).div_ceil(3) {
            return None;
        }
        let bytes: [u8; TOKEN_BYTES] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let key = BlobKey {
            tenant: TenantId::from_bytes(part(&bytes, 1)),
            record: RecordId::from_bytes(part(&bytes, 17)),
            id: BlobId::from_bytes(part(&bytes, 33)),
        };
        let closed_from_day = u32::from_be_bytes(part(&bytes, 49));
        (bytes[0] == VERSION).then(|| Self { key, closed_from_day, signature: part(&bytes, CLAIM_BYTES) })
    }

    /// Is it ours, and not over?
    pub fn opens(&self, master: &MasterKey, now: Timestamp) -> bool {
        let genuine: bool = signature(master, &claims(&self.key, self.closed_from_day)).ct_eq(&self.signature).into();
        genuine && now.as_unix_seconds() < i64::from(self.closed_from_day) * DAY_SECONDS
    }
}

fn claims(key: &BlobKey, closed_from_day: u32) -> [u8; CLAIM_BYTES] {
    let mut claims = [0; CLAIM_BYTES];
    claims[0] = VERSION;
    claims[1..17].copy_from_slice(&key.tenant.to_bytes());
    claims[17..33].copy_from_slice(&key.record.to_bytes());
    claims[33..49].copy_from_slice(&key.id.to_bytes());
    claims[49..].copy_from_slice(&closed_from_day.to_be_bytes());
    claims
}

fn signature(master: &MasterKey, claims: &[u8; CLAIM_BYTES]) -> [u8; SIGNATURE_BYTES] {
    part(&master.sign_ticket("file", claims), 0)
}

fn part<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
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
    fn a_link_is_the_same_all_day_and_lives_until_the_end_of_the_next() {
        let master = MasterKey::new("m");
        let midnight = Timestamp::from_unix_ms(NOON.as_unix_ms().div_euclid(DAY_MS) * DAY_MS);
        let link = FileLink::to(&master, key(), midnight);
        assert_eq!(FileLink::to(&master, key(), midnight.plus_ms(DAY_MS - 1)).token(), link.token());
        assert_ne!(FileLink::to(&master, key(), midnight.plus_ms(DAY_MS)).token(), link.token());
        let read = FileLink::parse(&link.token()).unwrap();
        assert_eq!((read, read.key), (link, key()));
        assert!(read.opens(&master, midnight.plus_ms(2 * DAY_MS - 1)));
        assert!(!read.opens(&master, midnight.plus_ms(2 * DAY_MS)));
        assert!(!read.opens(&MasterKey::new("other"), midnight));
    }

    #[test]
    fn no_changed_character_passes() {
        let master = MasterKey::new("m");
        let token = FileLink::to(&master, key(), NOON).token();
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(FileLink::parse(&changed).is_none_or(|read| !read.opens(&master, NOON)), "{at}");
        }
        for text in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(1_000_000)] {
            assert!(FileLink::parse(text).is_none());
        }
    }
}
