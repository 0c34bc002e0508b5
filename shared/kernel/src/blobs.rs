//! Where files lie: a bucket on AWS, a folder on a laptop. The record says which files it has; here are only their bytes.
//!
//! Bytes come first and the record second, so bytes can be left that no record names: of a request that was refused or died
//! in between. What is put is therefore only lent: it goes away by itself after [`LENT_DAYS`], unless somebody who saw the
//! record's event says [`Blobs::keep`]. Nothing is ever deleted by a request, and nothing that a record names is lost.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use handrail_domain::ids::{RecordId, TenantId, hex};
use handrail_domain::time::Timestamp;

use crate::clock::Entropy;
use crate::door::Awaited;

/// How long bytes lie that nobody keeps: longer than the 28 days that the word to keep them can wait in its queue and then
/// among the dead letters, so that whatever stopped the keeping can be mended.
pub const LENT_DAYS: u32 = 30;
/// What a Lambda function takes is 6 MB with its envelope, in base64: 4 MB of bytes fit with room for the form around them.
pub const FUNCTION_REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The name of some bytes: drawn by chance, so that nobody finds them by guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobId([u8; 16]);

impl BlobId {
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(entropy.bytes())
    }

    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no blob has such a name")]
pub struct NoBlobId;

impl FromStr for BlobId {
    type Err = NoBlobId;

    fn from_str(text: &str) -> Result<Self, NoBlobId> {
        let mut bytes = [0; 16];
        if text.len() != 32 || !text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)) {
            return Err(NoBlobId);
        }
        for (byte, at) in bytes.iter_mut().zip((0..32).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| NoBlobId)?;
        }
        Ok(Self(bytes))
    }
}

/// Whose they are, and which. An operator finds all files of an account or of a record by the beginning of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobKey {
    pub tenant: TenantId,
    pub record: RecordId,
    pub id: BlobId,
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.record, self.id)
    }
}

/// How a client may put bytes itself, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub url: String,
    /// To be sent with the PUT as they are.
    pub headers: Vec<(String, String)>,
}

/// How bytes are shown to whoever fetches them. Always as a download.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub name: &'a str,
    pub content_type: &'a str,
}

/// What came of [`Blobs::hand_out`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandedOut {
    /// Fetch it there, within moments.
    At(String),
    Bytes(Bytes),
    Gone,
}

/// Implemented by S3 in `shared/s3`, and by the embedded engine's folder.
pub trait Blobs: Send + Sync {
    /// Lends room to some bytes: they are safe when this answers.
    fn put<'a>(&'a self, key: &'a BlobKey, bytes: Bytes) -> Awaited<'a, ()>;
    /// All of it, if it is no longer than the limit.
    fn read<'a>(&'a self, key: &'a BlobKey, bytes_max: usize) -> Awaited<'a, Option<Bytes>>;
    /// They stay. Asking again changes nothing, and neither does asking for what is not there.
    fn keep<'a>(&'a self, key: &'a BlobKey) -> Awaited<'a, ()>;
    /// Lets a client put exactly so many bytes under a name that nothing lies under yet, until `until`.
    fn invite<'a>(&'a self, key: &'a BlobKey, size: u64, now: Timestamp, until: Timestamp) -> Awaited<'a, Invitation>;
    fn hand_out<'a>(&'a self, key: &'a BlobKey, shown: Shown<'a>, now: Timestamp) -> Awaited<'a, HandedOut>;
    /// What a request that carries files itself may hold where these are used.
    fn request_bytes_max(&self) -> usize;
}

/// `Content-Disposition` of a download: the name in ASCII for old readers, and whole (RFC 6266, RFC 5987).
pub fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii() && !c.is_ascii_control() && !"\"\\%;".contains(c) { c } else { '_' })
        .collect();
    let whole: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_bytes_reads_back_and_nothing_else_is_one() {
        let id = BlobId::from_bytes([0x0a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff]);
        assert_eq!(id.to_string().parse::<BlobId>().unwrap(), id);
        for text in ["", "..", "0A0102030405060708090a0b0c0d0eff", "+a0102030405060708090a0b0c0d0eff", &"ä".repeat(16)]
        {
            assert!(text.parse::<BlobId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_can_not_leave_its_header() {
        assert_eq!(
            disposition("Zoë \"x\"; a=b\r\n.pdf"),
            "attachment; filename=\"Zo_ _x__ a=b__.pdf\"; filename*=UTF-8''Zo%C3%AB%20%22x%22%3B%20a%3Db%0D%0A.pdf"
        );
    }
}
