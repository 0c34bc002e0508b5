//! Result of a check that failed.

use std::fmt;

/// What is wrong with an export, and the first row at which it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub row: Option<u64>,
    pub message: String,
}

impl Finding {
    pub(super) fn new(row: Option<u64>, message: String) -> Self {
        Self { row, message }
    }

    pub(super) fn at(row: u64, message: impl Into<String>) -> Self {
        Self { row: Some(row), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Finding {}
