//! A file as somebody hands it in: may it be kept, and what is it?
//!
//! What the sender says of its type counts for nothing: clients that upload by path call everything a stream of octets, and
//! whoever means harm says what pleases. The last extension of the name must be one of the list, and the bytes must begin
//! as files of that kind do. Nothing here reads further into a file than its beginning.

mod kind;
mod name;

use sha2::{Digest, Sha256};

use crate::ids::hex;

pub use kind::{EXTENSIONS, content_type_of, kind_name};
pub use name::{NAME_CHARS_MAX, clean_name};

/// 10 MB.
pub const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// So much of a file is looked at to learn what it is.
pub const LOOKED_AT_BYTES: usize = 1024;

/// What is known of a file that may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedFile {
    pub name: String,
    pub content_type: &'static str,
    pub size: u64,
    pub sha256: String,
}

/// Why a file is not taken. Each holds the cleaned name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileRefusal {
    /// Nothing is left of its name, or there was none.
    NoName,
    TooLarge {
        name: String,
    },
    /// Not of a kind that is taken at all.
    Kind {
        name: String,
    },
    /// A program, whatever it is called.
    Program {
        name: String,
    },
    /// Called one thing and another inside.
    Disguised {
        name: String,
        kind: &'static str,
    },
    /// The asker wants other kinds.
    NotWanted {
        name: String,
        wanted: String,
    },
}

impl FileRefusal {
    /// Follows the name of the field: `file "a.exe" is not of a kind ...`.
    pub fn message(&self) -> String {
        match self {
            Self::NoName => "needs a file name with an extension".to_owned(),
            Self::TooLarge { name } => {
                format!("\"{name}\" is larger than {} MB", FILE_BYTES_MAX / (1024 * 1024))
            }
            Self::Kind { name } => {
                format!("\"{name}\" is not of a kind that is taken: use one of {}", EXTENSIONS.join(", "))
            }
            Self::Program { name } => format!("\"{name}\" is a program or a script, which is not taken"),
            Self::Disguised { name, kind } => {
                format!(
                    "\"{name}\" is called a {kind} but does not begin like one: give it the extension of what it is"
                )
            }
            Self::NotWanted { name, wanted } => format!("\"{name}\" is not what was asked for: {wanted}"),
        }
    }
}

/// Checks a name alone, before there are bytes: the cleaned name and the type that follows from it.
pub fn check_name(name: &str) -> Result<(String, &'static str), FileRefusal> {
    let name = clean_name(name).ok_or(FileRefusal::NoName)?;
    match content_type_of(&name) {
        Some(content_type) => Ok((name, content_type)),
        None => Err(FileRefusal::Kind { name }),
    }
}

/// Checks a whole file.
pub fn check_file(name: &str, bytes: &[u8]) -> Result<CheckedFile, FileRefusal> {
    let (name, content_type) = check_name(name)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileRefusal::TooLarge { name });
    }
    kind::check_beginning(&name, &bytes[..bytes.len().min(LOOKED_AT_BYTES)])?;
    Ok(CheckedFile { name, content_type, size: bytes.len() as u64, sha256: hex(&Sha256::digest(bytes)) })
}

/// Is the file of a kind that the asker wants? Each of `accept` is a type, `image/*`, or an extension such as `.pdf`; an
/// empty list wants everything.
pub fn check_wanted(name: &str, content_type: &str, accept: &[String]) -> Result<(), FileRefusal> {
    let lower = name.to_lowercase();
    let wanted = |pattern: &String| {
        let pattern = pattern.trim().to_lowercase();
        match pattern.strip_suffix("/*") {
            _ if pattern == "*/*" => true,
            Some(family) => content_type.split('/').next() == Some(family),
            None if pattern.starts_with('.') => lower.ends_with(&pattern),
            None => kind::same_type(&pattern, content_type),
        }
    };
    if accept.is_empty() || accept.iter().any(wanted) {
        return Ok(());
    }
    Err(FileRefusal::NotWanted { name: name.to_owned(), wanted: accept.join(", ") })
}
