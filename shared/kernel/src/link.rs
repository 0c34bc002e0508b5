//! Signed links: `/d/{token}` opens one record for one person, without an account.
//!
//! The token names the record and which of the people it asks; the signature also covers that person's address, so a
//! link stops working when somebody else is asked in their place. It carries no expiry of its own: the record knows
//! whether it can still be answered, and after that the link shows the outcome.
//!
//! A record that may ask more than once, such as a packet, has a link for each question: it is told by the number of the
//! event that asked, which the signature covers too.

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

/// Of a link to one of a record's questions. Another first byte and another length than the others.
const QUESTION_VERSION: u8 = 3;
const QUESTION_CLAIM_BYTES: usize = CLAIM_BYTES + 8;
const QUESTION_TOKEN_BYTES: usize = QUESTION_CLAIM_BYTES + SIGNATURE_BYTES;

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
    /// Which of the record's questions. `None`: it has only one.
    pub question: Option<u64>,
    signature: [u8; SIGNATURE_BYTES],
}

impl Link {
    pub fn to(master: &MasterKey, tenant: TenantId, record: RecordId, seat: Seat, person: &EmailAddress) -> Self {
        Self { tenant, record, seat, question: None, signature: [0; SIGNATURE_BYTES] }.signed(master, person)
    }

    /// To one of the questions of a record that may ask again.
    #[must_use]
    pub fn to_question(self, number: u64, master: &MasterKey, person: &EmailAddress) -> Self {
        Self { question: Some(number), ..self }.signed(master, person)
    }

    fn signed(self, master: &MasterKey, person: &EmailAddress) -> Self {
        Self { signature: signature(master, &self.claims(), person), ..self }
    }

    pub fn token(&self) -> String {
        let mut bytes = self.claims();
        bytes.extend(self.signature);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn parse(token: &str) -> Option<Self> {
        // The length first: whoever sends a megabyte is not decoded.
        let version = match token.len() {
            length if length == TOKEN_BYTES * 4 / 3 + 1 => VERSION,
            length if length == QUESTION_TOKEN_BYTES * 4 / 3 + 1 => QUESTION_VERSION,
            _ => return None,
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (claims, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE_BYTES)?)?;
        if claims.len() < CLAIM_BYTES || claims.first() != Some(&version) {
            return None;
        }
        let seat = match claims.get(33)? {
            0 => Seat::Approver,
            1 => Seat::Backup,
            _ => return None,
        };
        let question = claims.get(CLAIM_BYTES..).filter(|number| !number.is_empty());
        Some(Self {
            tenant: TenantId::from_bytes(part(claims, 1)),
            record: RecordId::from_bytes(part(claims, 17)),
            seat,
            question: question.map(|number| number.try_into().map(u64::from_be_bytes)).transpose().ok()?,
            signature: part(signature, 0),
        })
    }

    /// Was this link made for this person? Takes the same time whatever the answer.
    pub fn is_for(&self, master: &MasterKey, person: &EmailAddress) -> bool {
        signature(master, &self.claims(), person).ct_eq(&self.signature).into()
    }

    fn claims(&self) -> Vec<u8> {
        let mut claims = vec![if self.question.is_none() { VERSION } else { QUESTION_VERSION }];
        claims.extend(self.tenant.to_bytes());
        claims.extend(self.record.to_bytes());
        claims.push(match self.seat {
            Seat::Approver => 0,
            Seat::Backup => 1,
        });
        claims.extend(self.question.into_iter().flat_map(u64::to_be_bytes));
        claims
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

fn signature(master: &MasterKey, claims: &[u8], person: &EmailAddress) -> [u8; SIGNATURE_BYTES] {
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
    fn a_link_to_one_question_is_none_to_another_or_to_the_record() {
        let master = MasterKey::new("m");
        let (whole, ann) = link(&master);
        let first = whole.clone().to_question(2, &master, &ann);
        let read = Link::parse(&first.token()).unwrap();
        assert_eq!((&read, read.question), (&first, Some(2)));
        assert!(read.is_for(&master, &ann) && !read.is_for(&master, &EmailAddress::parse("bob@example.com").unwrap()));
        for forged in [Link { question: Some(5), ..first.clone() }, Link { question: None, ..first.clone() }] {
            assert!(!Link::parse(&forged.token()).unwrap().is_for(&master, &ann));
        }
        assert!(!Link { question: Some(2), ..whole }.is_for(&master, &ann));
        assert!(LoginLink::parse(&first.token()).is_none());
    }

    /// Links lie in mailboxes: one that was made before stays good.
    #[test]
    fn a_link_of_a_decision_reads_as_it_always_did() {
        let (link, ann) = link(&MasterKey::new("m"));
        let token = "AQGgxFBsAAEBAQEBAQEBAQEBoMRQbAByAoICAgICAgICAEzwvXsstR3wc04XgWOklqw";
        assert_eq!(link.token(), token);
        assert!(Link::parse(token).unwrap().is_for(&MasterKey::new("m"), &ann));
    }

    #[test]
    fn no_changed_character_passes() {
        let master = MasterKey::new("m");
        let (link, ann) = link(&master);
        for token in [link.token(), link.clone().to_question(7, &master, &ann).token()] {
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
}
