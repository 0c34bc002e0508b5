//! Signed links: `/d/{token}` opens one record for one person, without an account.
//!
//! The token names the record and which of the people it asks; the signature also covers that person's address, so a
//! link stops working when somebody else is asked in their place. It carries no expiry of its own: the record knows
//! whether it can still be answered, and after that the link shows the outcome.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::text::EmailAddress;
use subtle::ConstantTimeEq;

use crate::master::MasterKey;

const VERSION: u8 = 1;
/// 128 bits: what a link needs to be unguessable, and short enough for a mail.
const SIGNATURE_BYTES: usize = 16;
const CLAIM_BYTES: usize = 1 + 16 + 16 + 1;
const TOKEN_BYTES: usize = CLAIM_BYTES + SIGNATURE_BYTES;

/// Which of the people that a record asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    Approver,
    Backup,
}

/// What a token claims. Worth nothing until [`Link::is_for`] said yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub tenant: TenantId,
    pub record: RecordId,
    pub seat: Seat,
    signature: [u8; SIGNATURE_BYTES],
}

impl Link {
    pub fn to(master: &MasterKey, tenant: TenantId, record: RecordId, seat: Seat, person: &EmailAddress) -> Self {
        Self { tenant, record, seat, signature: signature(master, &claims(tenant, record, seat), person) }
    }

    pub fn token(&self) -> String {
        let mut bytes = claims(self.tenant, self.record, self.seat).to_vec();
        bytes.extend(self.signature);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn parse(token: &str) -> Option<Self> {
        // The length first: whoever sends a megabyte is not decoded.
        if token.len() != TOKEN_BYTES * 4 / 3 + 1 {
            return None;
        }
        let bytes: [u8; TOKEN_BYTES] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let seat = match (bytes[0], bytes[33]) {
            (VERSION, 0) => Seat::Approver,
            (VERSION, 1) => Seat::Backup,
            _ => return None,
        };
        Some(Self {
            tenant: TenantId::from_bytes(part(&bytes, 1)),
            record: RecordId::from_bytes(part(&bytes, 17)),
            seat,
            signature: part(&bytes, CLAIM_BYTES),
        })
    }

    /// Was this link made for this person? Takes the same time whatever the answer.
    pub fn is_for(&self, master: &MasterKey, person: &EmailAddress) -> bool {
        signature(master, &claims(self.tenant, self.record, self.seat), person).ct_eq(&self.signature).into()
    }
}

/// The link in a mail that signs a person in. Names the record of their request, and is for their address alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginLink {
    pub record: RecordId,
    signature: [u8; SIGNATURE_BYTES],
}

/// Another first byte than a [`Link`]'s, so that neither is ever taken for the other.
const LOGIN_VERSION: u8 = 2;
const LOGIN_CLAIM_BYTES: usize = 1 + 16;
const LOGIN_TOKEN_BYTES: usize = LOGIN_CLAIM_BYTES + SIGNATURE_BYTES;

impl LoginLink {
    pub fn to(master: &MasterKey, record: RecordId, person: &EmailAddress) -> Self {
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
        (bytes[0] == LOGIN_VERSION)
            .then(|| Self { record: RecordId::from_bytes(part(&bytes, 1)), signature: part(&bytes, LOGIN_CLAIM_BYTES) })
    }

    /// Takes the same time whatever the answer.
    pub fn is_for(&self, master: &MasterKey, person: &EmailAddress) -> bool {
        login_signature(master, self.record, person).ct_eq(&self.signature).into()
    }
}

fn login_claims(record: RecordId) -> Vec<u8> {
    let mut claims = vec![LOGIN_VERSION];
    claims.extend(record.to_bytes());
    claims
}

fn login_signature(master: &MasterKey, record: RecordId, person: &EmailAddress) -> [u8; SIGNATURE_BYTES] {
    let mut signed = login_claims(record);
    signed.extend(person.as_str().as_bytes());
    part(&master.sign_link(&signed), 0)
}

fn claims(tenant: TenantId, record: RecordId, seat: Seat) -> [u8; CLAIM_BYTES] {
    let mut claims = [0; CLAIM_BYTES];
    claims[0] = VERSION;
    claims[1..17].copy_from_slice(&tenant.to_bytes());
    claims[17..33].copy_from_slice(&record.to_bytes());
    claims[33] = match seat {
        Seat::Approver => 0,
        Seat::Backup => 1,
    };
    claims
}

fn signature(master: &MasterKey, claims: &[u8; CLAIM_BYTES], person: &EmailAddress) -> [u8; SIGNATURE_BYTES] {
    let mut signed = claims.to_vec();
    signed.extend(person.as_str().as_bytes());
    part(&master.sign_link(&signed), 0)
}

fn part<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[from..from + N]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_domain::time::Timestamp;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn link(master: &MasterKey) -> (Link, EmailAddress) {
        let ann = EmailAddress::parse("ann@example.com").unwrap();
        (Link::to(master, TenantId::new(NOON, [1; 10]), RecordId::new(NOON, [2; 10]), Seat::Approver, &ann), ann)
    }

    #[test]
    fn a_link_reads_back_and_is_for_its_person_alone() {
        let master = MasterKey::new("m");
        let (link, ann) = link(&master);
        let read = Link::parse(&link.token()).unwrap();
        assert_eq!(read, link);
        assert!(read.is_for(&master, &ann));
        assert!(!read.is_for(&master, &EmailAddress::parse("bob@example.com").unwrap()));
        assert!(!read.is_for(&MasterKey::new("other"), &ann));
    }

    #[test]
    fn a_login_link_is_for_its_person_and_no_other_link_is_one() {
        let master = MasterKey::new("m");
        let (decides, ann) = link(&master);
        let made = LoginLink::to(&master, decides.record, &ann);
        let token = made.token();
        assert_eq!(LoginLink::parse(&token), Some(made.clone()));
        assert!(made.is_for(&master, &ann) && !made.is_for(&MasterKey::new("other"), &ann));
        assert!(!made.is_for(&master, &EmailAddress::parse("bob@example.com").unwrap()));
        assert!(Link::parse(&token).is_none() && LoginLink::parse(&decides.token()).is_none());
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(LoginLink::parse(&changed).is_none_or(|read| !read.is_for(&master, &ann)), "{at}");
        }
        for text in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(1_000_000)] {
            assert!(LoginLink::parse(text).is_none());
        }
    }

    #[test]
    fn no_changed_character_passes() {
        let master = MasterKey::new("m");
        let (link, ann) = link(&master);
        let token = link.token();
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(Link::parse(&changed).is_none_or(|read| !read.is_for(&master, &ann)), "{at}");
        }
        for text in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(1_000_000)] {
            assert!(Link::parse(text).is_none());
        }
    }
}
