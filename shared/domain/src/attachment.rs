//! A file that belongs to a record: what the record says of it. The bytes lie elsewhere.

use serde::{Deserialize, Serialize};

/// Files on one record, from whichever side they came.
pub const ATTACHMENTS_MAX: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Where the bytes lie. Drawn by chance, so that nobody finds them by guessing.
    pub id: String,
    /// For people. Never part of a path.
    pub name: String,
    /// From the name and the bytes, not from what the sender said.
    pub content_type: String,
    pub size: u64,
    /// In hexadecimal.
    pub sha256: String,
}
