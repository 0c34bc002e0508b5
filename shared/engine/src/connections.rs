//! Database connections of the database thread.

use dynoxide::Database;
use dynoxide::storage::Storage;

/// Database connections of the thread.
pub(crate) struct Connections {
    pub(crate) database: Database,
    /// Second connection to the same database, for statements on stream records that `Database` lacks. Only this thread
    /// uses the connection, so it waits for the first one only during an expiry sweep.
    pub(crate) stream_storage: Storage,
}
