//! Errors outside the SDK: opening the database, reading the stream and removing expired items.

use std::path::PathBuf;

/// Error of the engine itself. Refused requests are not among these; the SDK returns its own errors for them.
#[derive(Debug, thiserror::Error)]
pub enum EngineFault {
    /// The file cannot be used: the directory is missing, permission is denied, or the file is not a database or was
    /// written by a newer version of the engine.
    #[error("the database {} cannot be opened: {cause}", file.display())]
    CannotOpen {
        /// Path of the file.
        file: PathBuf,
        /// Error of SQLite or of the database.
        cause: Box<dynoxide::DynoxideError>,
    },
    /// The path is empty or not UTF-8.
    #[error("the database's path is empty or not UTF-8: {}", .0.display())]
    InvalidPath(PathBuf),
    /// The database refused the call or failed.
    #[error("the database refused the call: {0}")]
    Refused(Box<dynoxide::DynoxideError>),
    /// The thread that owns the database could not be started.
    #[error("the engine's thread cannot be started: {0}")]
    ThreadNotStarted(std::io::Error),
    /// The thread that owns the database has ended, so all further calls fail.
    #[error("the engine has stopped")]
    Stopped,
}

impl From<dynoxide::DynoxideError> for EngineFault {
    fn from(cause: dynoxide::DynoxideError) -> Self {
        Self::Refused(Box::new(cause))
    }
}
