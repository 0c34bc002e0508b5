//! Checks of uploaded files: name, size and type.
//!
//! The content type that the sender declares is ignored: some clients always declare `application/octet-stream`, and an
//! attacker declares anything. The extension must be accepted, and the first bytes must be those of its type.

mod kind;
mod name;

use sha2::{Digest, Sha256};

use crate::ids::hex;

pub use kind::{EXTENSIONS, content_type_of, kind_name};
pub use name::{NAME_CHARS_MAX, clean_name};

/// Maximum size of a file: 10 MB.
pub const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Number of bytes at the beginning of a file that are read to detect its type.
pub const SNIFF_BYTES: usize = 1024;

/// File that passed all checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedFile {
    pub name: String,
    pub content_type: &'static str,
    pub size: u64,
    pub sha256: String,
}

/// Reason to reject a file. `name` is the cleaned name of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// The name is missing, or is empty after cleaning.
    NoName,
    TooLarge {
        name: String,
    },
    /// The extension is not accepted for any upload.
    Kind {
        name: String,
    },
    /// The bytes are those of a program, whatever the extension.
    Program {
        name: String,
    },
    /// The bytes do not match the extension.
    Disguised {
        name: String,
        kind: &'static str,
    },
    /// The decision accepts other types only.
    NotAccepted {
        name: String,
        accepted: String,
    },
}

impl FileError {
    /// Message that follows the name of the field, as in `file "a.exe" has a type that is not accepted`.
    pub fn message(&self) -> String {
        match self {
            Self::NoName => "needs a file name with an extension".to_owned(),
            Self::TooLarge { name } => {
                format!("\"{name}\" is larger than {} MB", FILE_BYTES_MAX / (1024 * 1024))
            }
            Self::Kind { name } => {
                format!("\"{name}\" has a type that is not accepted: use one of {}", EXTENSIONS.join(", "))
            }
            Self::Program { name } => format!("\"{name}\" is a program or a script, which is not accepted"),
            Self::Disguised { name, kind } => {
                format!(
                    "\"{name}\" has the extension of a {kind} but other content: use the extension of its real type"
                )
            }
            Self::NotAccepted { name, accepted } => {
                format!("\"{name}\" has a type that this decision does not accept: use one of {accepted}")
            }
        }
    }
}

/// Checks the name of a file before its bytes arrive. Returns the cleaned name and the content type.
pub fn check_name(name: &str) -> Result<(String, &'static str), FileError> {
    let name = clean_name(name).ok_or(FileError::NoName)?;
    match content_type_of(&name) {
        Some(content_type) => Ok((name, content_type)),
        None => Err(FileError::Kind { name }),
    }
}

/// Checks the name, the size and the first bytes of a file.
pub fn check_file(name: &str, bytes: &[u8]) -> Result<CheckedFile, FileError> {
    let (name, content_type) = check_name(name)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge { name });
    }
    check_signature(&name, &bytes[..bytes.len().min(SNIFF_BYTES)])?;
    Ok(CheckedFile { name, content_type, size: bytes.len() as u64, sha256: hex(&Sha256::digest(bytes)) })
}

/// Checks that the bytes have the signature that the extension of the name promises, and are not those of a program.
fn check_signature(name: &str, bytes: &[u8]) -> Result<(), FileError> {
    let Some(kind) = kind::kind_of_file(name) else { return Err(FileError::Kind { name: name.to_owned() }) };
    if kind::is_program(bytes) {
        return Err(FileError::Program { name: name.to_owned() });
    }
    if kind.matches(bytes) {
        return Ok(());
    }
    Err(FileError::Disguised { name: name.to_owned(), kind: kind.name })
}

/// Checks a file against the types that a decision accepts.
///
/// Each item of `accept` is a content type, a family such as `image/*`, or an extension such as `.pdf`. An empty list
/// accepts every file.
pub fn check_accepted(name: &str, content_type: &str, accept: &[String]) -> Result<(), FileError> {
    let lower = name.to_lowercase();
    let matches_file = |pattern: &String| {
        let pattern = pattern.trim().to_lowercase();
        match pattern.strip_suffix("/*") {
            _ if pattern == "*/*" => true,
            Some(family) => content_type.split('/').next() == Some(family),
            None if pattern.starts_with('.') => lower.ends_with(&pattern),
            None => kind::same_type(&pattern, content_type),
        }
    };
    if accept.is_empty() || accept.iter().any(matches_file) {
        return Ok(());
    }
    Err(FileError::NotAccepted { name: name.to_owned(), accepted: accept.join(", ") })
}
