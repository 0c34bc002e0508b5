//! What can go wrong around the SDK: opening, reading the stream, sweeping.

use std::path::PathBuf;

/// A refusal of the engine itself. Refused requests are not among these: they come back through
/// the SDK as its own errors.
#[derive(Debug, thiserror::Error)]
pub enum EngineFault {
    /// The file is not usable: no such directory, no permission, not a database, or written by a
    /// newer version of the engine.
    #[error("the database {} cannot be opened: {cause}", file.display())]
    Open {
        /// The file that was asked for.
        file: PathBuf,
        /// What SQLite or the engine says.
        cause: Box<dynoxide::DynoxideError>,
    },
    /// The path is empty or not UTF-8.
    #[error("the database's path is empty or not UTF-8: {}", .0.display())]
    Path(PathBuf),
    /// The database refused or failed.
    #[error("the database refuses: {0}")]
    Refused(Box<dynoxide::DynoxideError>),
    /// The thread that owns the database could not be started.
    #[error("the engine's thread cannot be started: {0}")]
    Thread(std::io::Error),
    /// The thread that owns the database has died, so nothing can be answered any more.
    #[error("the engine has stopped")]
    Stopped,
}

impl From<dynoxide::DynoxideError> for EngineFault {
    fn from(cause: dynoxide::DynoxideError) -> Self {
        Self::Refused(Box::new(cause))
    }
}
