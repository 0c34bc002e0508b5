//! Attachments: metadata of the files of a record. The bytes are stored apart from the record.

use serde::{Deserialize, Serialize};

/// Maximum number of files attached to a record, and of files in one answer.
pub const ATTACHMENTS_MAX: usize = 5;

/// Metadata of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Id under which the bytes are stored. Random, so that the id cannot be guessed.
    pub id: String,
    /// File name for people. Never part of a path.
    pub name: String,
    /// Content type by the name and the bytes, not the type that the sender declared.
    pub content_type: String,
    pub size: u64,
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
}
