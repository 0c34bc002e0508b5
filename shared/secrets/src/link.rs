//! Signed links: `/d/{token}` opens a record for one approver, without an account.
//!
//! The token contains the record and the role of the approver. The signature also covers the approver's address, so a
//! link stops working when another person gets the role. A link has no expiry: the record knows whether it can still be
//! answered, and the link shows the outcome afterwards.
//!
//! A packet can have several checkpoints, each with a link of its own. That link also contains the sequence number of
//! the event that opened the checkpoint, under the same signature.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::text::EmailAddress;
use subtle::ConstantTimeEq;

use crate::purpose_key::PurposeKey;

const VERSION: u8 = 1;
/// 128 bits can't be guessed and are short enough for a mail.
const SIGNATURE_BYTES: usize = 16;
const CLAIM_BYTES: usize = 1 + 16 + 16 + 1;
const TOKEN_BYTES: usize = CLAIM_BYTES + SIGNATURE_BYTES;

/// Version byte of a link to a checkpoint. Version and length differ from those of the other links.
const CHECKPOINT_VERSION: u8 = 3;
const CHECKPOINT_CLAIM_BYTES: usize = CLAIM_BYTES + 8;
const CHECKPOINT_TOKEN_BYTES: usize = CHECKPOINT_CLAIM_BYTES + SIGNATURE_BYTES;

/// Role of the approver in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApproverRole {
    Approver,
    Backup,
}

/// Claims of a token. They are not trusted before [`Link::is_valid_for`] has returned `true`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub tenant: TenantId,
    pub record: RecordId,
    pub role: ApproverRole,
    /// Sequence number of the event that opened the checkpoint. `None` for a decision.
    pub checkpoint_seq: Option<u64>,
    signature: [u8; SIGNATURE_BYTES],
}

impl Link {
    pub fn new(
        master: &PurposeKey,
        tenant: TenantId,
        record: RecordId,
        role: ApproverRole,
        person: &EmailAddress,
    ) -> Self {
        Self { tenant, record, role, checkpoint_seq: None, signature: [0; SIGNATURE_BYTES] }
            .with_signature(master, person)
    }

    /// Restricts the link to the checkpoint that the event with this sequence number opened.
    #[must_use]
    pub fn for_checkpoint(self, checkpoint_seq: u64, master: &PurposeKey, person: &EmailAddress) -> Self {
        Self { checkpoint_seq: Some(checkpoint_seq), ..self }.with_signature(master, person)
    }

    fn with_signature(self, master: &PurposeKey, person: &EmailAddress) -> Self {
        Self { signature: signature(master, &self.claims(), person), ..self }
    }

    pub fn token(&self) -> String {
        let mut bytes = self.claims();
        bytes.extend(self.signature);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn parse(token: &str) -> Option<Self> {
        // Checks the length first, so that a very long token is not decoded.
        let version = match token.len() {
            length if length == TOKEN_BYTES * 4 / 3 + 1 => VERSION,
            length if length == CHECKPOINT_TOKEN_BYTES * 4 / 3 + 1 => CHECKPOINT_VERSION,
            _ => return None,
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (claims, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE_BYTES)?)?;
        if claims.len() < CLAIM_BYTES || claims.first() != Some(&version) {
            return None;
        }
        let role = match claims.get(33)? {
            0 => ApproverRole::Approver,
            1 => ApproverRole::Backup,
            _ => return None,
        };
        let checkpoint_seq = claims.get(CLAIM_BYTES..).filter(|bytes| !bytes.is_empty());
        Some(Self {
            tenant: TenantId::from_bytes(array_at(claims, 1)),
            record: RecordId::from_bytes(array_at(claims, 17)),
            role,
            checkpoint_seq: checkpoint_seq.map(|bytes| bytes.try_into().map(u64::from_be_bytes)).transpose().ok()?,
            signature: array_at(signature, 0),
        })
    }

    /// Returns `true` if the link was made for this person. Compares in constant time.
    pub fn is_valid_for(&self, master: &PurposeKey, person: &EmailAddress) -> bool {
        signature(master, &self.claims(), person).ct_eq(&self.signature).into()
    }

    fn claims(&self) -> Vec<u8> {
        let mut claims = vec![if self.checkpoint_seq.is_none() { VERSION } else { CHECKPOINT_VERSION }];
        claims.extend(self.tenant.to_bytes());
        claims.extend(self.record.to_bytes());
        claims.push(match self.role {
            ApproverRole::Approver => 0,
            ApproverRole::Backup => 1,
        });
        claims.extend(self.checkpoint_seq.into_iter().flat_map(u64::to_be_bytes));
        claims
    }
}

/// Link in a sign-in mail. Contains the record of the sign-in request and is valid for the person's address only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginLink {
    pub record: RecordId,
    signature: [u8; SIGNATURE_BYTES],
}

/// Version byte of a sign-in link. Differs from those of a [`Link`], so neither can pass as the other.
const LOGIN_VERSION: u8 = 2;
const LOGIN_CLAIM_BYTES: usize = 1 + 16;
const LOGIN_TOKEN_BYTES: usize = LOGIN_CLAIM_BYTES + SIGNATURE_BYTES;

impl LoginLink {
    pub fn new(master: &PurposeKey, record: RecordId, person: &EmailAddress) -> Self {
        Self { record, signature: login_signature(master, record, person) }
    }

    pub fn token(&self) -> String {
        let mut bytes = login_claims(self.record);
        bytes.extend(self.signature);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn parse(token: &str) -> Option<Self> {
        if token.len() != LOGIN_TOKEN_BYTES / 3 * 4 {
            return None;
        }
        let bytes: [u8; LOGIN_TOKEN_BYTES] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        (bytes[0] == LOGIN_VERSION).then(|| Self {
            record: RecordId::from_bytes(array_at(&bytes, 1)),
            signature: array_at(&bytes, LOGIN_CLAIM_BYTES),
        })
    }

    /// Returns `true` if the link was made for this person. Compares in constant time.
    pub fn is_valid_for(&self, master: &PurposeKey, person: &EmailAddress) -> bool {
        login_signature(master, self.record, person).ct_eq(&self.signature).into()
    }
}

fn login_claims(record: RecordId) -> Vec<u8> {
    let mut claims = vec![LOGIN_VERSION];
    claims.extend(record.to_bytes());
    claims
}

fn login_signature(master: &PurposeKey, record: RecordId, person: &EmailAddress) -> [u8; SIGNATURE_BYTES] {
    signature(master, &login_claims(record), person)
}

fn signature(master: &PurposeKey, claims: &[u8], person: &EmailAddress) -> [u8; SIGNATURE_BYTES] {
    let mut signed = claims.to_vec();
    signed.extend(person.as_str().as_bytes());
    array_at(&master.sign_link(&signed), 0)
}

fn array_at<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[from..from + N]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_domain::time::Timestamp;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn link(master: &PurposeKey) -> (Link, EmailAddress) {
        let ann = EmailAddress::parse("ann@example.com").unwrap();
        (
            Link::new(master, TenantId::new(NOON, [1; 10]), RecordId::new(NOON, [2; 10]), ApproverRole::Approver, &ann),
            ann,
        )
    }

    #[test]
    fn link_is_valid_for_its_person_only() {
        let master = PurposeKey::new("m");
        let (link, ann) = link(&master);
        let read = Link::parse(&link.token()).unwrap();
        assert_eq!(read, link);
        assert!(read.is_valid_for(&master, &ann));
        assert!(!read.is_valid_for(&master, &EmailAddress::parse("bob@example.com").unwrap()));
        assert!(!read.is_valid_for(&PurposeKey::new("other"), &ann));
    }

    #[test]
    fn login_link_is_valid_for_its_person_only() {
        let master = PurposeKey::new("m");
        let (decision_link, ann) = link(&master);
        let login_link = LoginLink::new(&master, decision_link.record, &ann);
        let token = login_link.token();
        assert_eq!(LoginLink::parse(&token), Some(login_link.clone()));
        assert!(login_link.is_valid_for(&master, &ann) && !login_link.is_valid_for(&PurposeKey::new("other"), &ann));
        assert!(!login_link.is_valid_for(&master, &EmailAddress::parse("bob@example.com").unwrap()));
        assert!(Link::parse(&token).is_none() && LoginLink::parse(&decision_link.token()).is_none());
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(LoginLink::parse(&changed).is_none_or(|read| !read.is_valid_for(&master, &ann)), "{at}");
        }
        for text in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(1_000_000)] {
            assert!(LoginLink::parse(text).is_none());
        }
    }

    #[test]
    fn checkpoint_link_is_valid_for_its_checkpoint_only() {
        let master = PurposeKey::new("m");
        let (decision_link, ann) = link(&master);
        let first = decision_link.clone().for_checkpoint(2, &master, &ann);
        let read = Link::parse(&first.token()).unwrap();
        assert_eq!((&read, read.checkpoint_seq), (&first, Some(2)));
        assert!(
            read.is_valid_for(&master, &ann)
                && !read.is_valid_for(&master, &EmailAddress::parse("bob@example.com").unwrap())
        );
        for forged in
            [Link { checkpoint_seq: Some(5), ..first.clone() }, Link { checkpoint_seq: None, ..first.clone() }]
        {
            assert!(!Link::parse(&forged.token()).unwrap().is_valid_for(&master, &ann));
        }
        assert!(!Link { checkpoint_seq: Some(2), ..decision_link }.is_valid_for(&master, &ann));
        assert!(LoginLink::parse(&first.token()).is_none());
    }

    /// Links in mailboxes must stay valid after an upgrade.
    #[test]
    fn existing_decision_link_stays_valid() {
        let (link, ann) = link(&PurposeKey::new("m"));
        let token = "AQGgxFBsAAEBAQEBAQEBAQEBoMRQbAByAoICAgICAgICAEzwvXsstR3wc04XgWOklqw";
        assert_eq!(link.token(), token);
        assert!(Link::parse(token).unwrap().is_valid_for(&PurposeKey::new("m"), &ann));
    }

    #[test]
    fn changed_link_is_invalid() {
        let master = PurposeKey::new("m");
        let (link, ann) = link(&master);
        for token in [link.token(), link.clone().for_checkpoint(7, &master, &ann).token()] {
            for at in 0..token.len() {
                let mut changed = token.clone().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).unwrap();
                assert!(Link::parse(&changed).is_none_or(|read| !read.is_valid_for(&master, &ann)), "{at}");
            }
            for text in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(1_000_000)] {
                assert!(Link::parse(text).is_none());
            }
        }
    }
}
