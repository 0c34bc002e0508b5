//! Index and cleanup of the stream records, which the database's own interface lacks.
//!
//! The database stores stream records in a table without an index and never removes them. Each write reads the newest
//! sequence number there, so writes would slow down: from 3600 to 100 a second after ten thousand writes, as measured.
//! [`create_stream_index`] makes that read constant in time, [`delete_before`] removes old records. Both use the SQLite
//! connection of the database's crate; with a crate version that renames the columns, opening a file fails.

use dynoxide::actions::get_shard_iterator::{GetShardIteratorRequest, decode_shard_iterator};
use dynoxide::storage::Storage;
use dynoxide::streams::{shard_id, stream_arn};
use dynoxide::{Database, DynoxideError};

use crate::connections::Connections;
use crate::fault::EngineFault;

/// Creates the index if it is missing. Its expression must equal the expression in the database's queries.
pub(crate) fn create_stream_index(stream_storage: &Storage) -> Result<(), DynoxideError> {
    stream_storage.conn().execute_batch(
        "CREATE INDEX IF NOT EXISTS handrail_stream_order
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )?;
    Ok(())
}

/// Deletes the stream records before `sequence`, except the newest record. The next sequence number derives from the
/// newest record; without it, a clock that is set back would number changes below a reader's position.
pub(crate) fn delete_before(connections: &Connections, table: &str, sequence: &str) -> Result<usize, EngineFault> {
    let iterator = shard_iterator(&connections.database, table, Some(sequence))?;
    let Some((_, _, position)) = decode_shard_iterator(&iterator) else {
        return Err(DynoxideError::ValidationException("Invalid shard iterator".to_owned()).into());
    };
    let deleted = connections
        .stream_storage
        .conn()
        .execute(
            "DELETE FROM _stream_records
             WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) < MIN(?2, (
                 SELECT MAX(CAST(sequence_number AS INTEGER))
                 FROM _stream_records WHERE table_name = ?1))",
            (table, position),
        )
        .map_err(DynoxideError::from)?;
    Ok(deleted)
}

/// Returns an iterator of a table's stream that starts after a record, or at the oldest record.
pub(crate) fn shard_iterator(database: &Database, table: &str, after: Option<&str>) -> Result<String, DynoxideError> {
    let kind = if after.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
    let response = database.get_shard_iterator(GetShardIteratorRequest {
        // The database uses only the table's name in the ARN.
        stream_arn: stream_arn(table, "current"),
        shard_id: shard_id(table),
        shard_iterator_type: kind.to_owned(),
        sequence_number: after.map(str::to_owned),
    })?;
    response.shard_iterator.ok_or_else(|| DynoxideError::InternalServerError("no shard iterator".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks copies of the database's queries. Compare them with the crate after each upgrade, because changed queries
    /// could silently stop using the index.
    #[test]
    fn stream_index_serves_writes_and_reads() {
        let storage = Storage::memory().unwrap();
        create_stream_index(&storage).unwrap();
        for query in [
            "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1
             FROM _stream_records WHERE table_name = 't'",
            "SELECT new_image FROM _stream_records
             WHERE table_name = 't' AND shard_id = 's' AND CAST(sequence_number AS INTEGER) > 7
             ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 5",
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {query}");
            let mut statement = storage.conn().prepare(&explain).unwrap();
            let plan: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            assert_eq!(plan.len(), 1, "{plan:?}");
            assert!(plan[0].starts_with("SEARCH"), "{plan:?}");
            assert!(plan[0].contains("handrail_stream_order"), "{plan:?}");
        }
    }
}
