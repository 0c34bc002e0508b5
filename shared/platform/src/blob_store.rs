//! Storage of files: a bucket on AWS, a folder with the embedded engine. Records name their files; this module stores
//! only the bytes.
//!
//! A file is put before the record that names it, so a refused or interrupted request can leave a file without a
//! record. A new file is therefore temporary and deleted after [`TEMPORARY_DAYS`], unless the worker that sees the
//! record's event calls [`BlobStore::retain`]. No request deletes files, and no file of a record is lost.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use handrail_domain::ids::{RecordId, TenantId, hex};
use handrail_domain::time::Timestamp;

use crate::boxed::BoxFuture;
use crate::clock::Entropy;

/// Days until a temporary file is deleted. Longer than the 28 days that a message to retain files can spend in its
/// queue and among the dead letters, so a failure to retain can be repaired in time.
pub const TEMPORARY_DAYS: u32 = 30;
/// Maximum size of a file request to a Lambda function. Lambda accepts 6 MB including the envelope, with bodies in
/// base64.
pub const FUNCTION_REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Random id of a file, which can't be guessed.
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
#[error("not a blob id: expected 32 lowercase hex digits")]
pub struct InvalidBlobId;

impl FromStr for BlobId {
    type Err = InvalidBlobId;

    fn from_str(text: &str) -> Result<Self, InvalidBlobId> {
        let mut bytes = [0; 16];
        if text.len() != 32 || !text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)) {
            return Err(InvalidBlobId);
        }
        for (byte, at) in bytes.iter_mut().zip((0..32).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| InvalidBlobId)?;
        }
        Ok(Self(bytes))
    }
}

/// Storage key of a file. Begins with tenant and record, so an operator finds their files by prefix.
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

/// Presigned request with which a client uploads a file itself, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresignedUpload {
    pub url: String,
    /// Headers that the client must send unchanged with the PUT.
    pub headers: Vec<(String, String)>,
}

/// Headers of a download. The content disposition is always `attachment`.
#[derive(Clone, Copy, Debug)]
pub struct DownloadHeaders<'a> {
    pub file_name: &'a str,
    pub content_type: &'a str,
}

/// Result of [`BlobStore::download`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Download {
    /// Presigned URL, valid for a short time.
    Url(String),
    Bytes(Bytes),
    NotFound,
}

/// File storage, implemented for S3 in `shared/s3` and for a folder in `shared/engine`.
pub trait BlobStore: Send + Sync {
    /// Puts a temporary file. The file is durable when this returns.
    fn put<'a>(&'a self, key: &'a BlobKey, bytes: Bytes) -> BoxFuture<'a, ()>;
    /// Reads a whole file. Returns `None` if the file is absent, and a fault if it is longer than `bytes_max`.
    fn get<'a>(&'a self, key: &'a BlobKey, bytes_max: usize) -> BoxFuture<'a, Option<Bytes>>;
    /// Makes a temporary file permanent. Does nothing if the file is retained already or absent.
    fn retain<'a>(&'a self, key: &'a BlobKey) -> BoxFuture<'a, ()>;
    /// Presigns the upload of exactly `size` bytes under an unused key, valid until `until`.
    fn presign_upload<'a>(
        &'a self,
        key: &'a BlobKey,
        size: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'a, PresignedUpload>;
    /// Returns the file for a download, or a presigned URL for it.
    fn download<'a>(
        &'a self,
        key: &'a BlobKey,
        headers: DownloadHeaders<'a>,
        now: Timestamp,
    ) -> BoxFuture<'a, Download>;
    /// Maximum size of a request that contains files.
    fn request_bytes_max(&self) -> usize;
}

/// Builds the `Content-Disposition` header of a download, with the file name in ASCII for old clients and encoded in
/// full (RFC 6266, RFC 5987).
pub fn content_disposition(name: &str) -> String {
    let ascii_name: String = name
        .chars()
        .map(|c| if c.is_ascii() && !c.is_ascii_control() && !"\"\\%;".contains(c) { c } else { '_' })
        .collect();
    let encoded_name: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{encoded_name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_blob_ids_parse() {
        let id = BlobId::from_bytes([0x0a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff]);
        assert_eq!(id.to_string().parse::<BlobId>().unwrap(), id);
        for text in ["", "..", "0A0102030405060708090a0b0c0d0eff", "+a0102030405060708090a0b0c0d0eff", &"ä".repeat(16)]
        {
            assert!(text.parse::<BlobId>().is_err(), "{text}");
        }
    }

    #[test]
    fn file_name_is_escaped_in_content_disposition() {
        assert_eq!(
            content_disposition("Zoë \"x\"; a=b\r\n.pdf"),
            "attachment; filename=\"Zo_ _x__ a=b__.pdf\"; filename*=UTF-8''Zo%C3%AB%20%22x%22%3B%20a%3Db%0D%0A.pdf"
        );
    }
}
