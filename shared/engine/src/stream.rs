//! What the database's own interface lacks for a stream that is read and written for years.
//!
//! The database keeps every stream record in one table without an index and never removes any.
//! Each write asks that table for the newest sequence number, so the cost of a write would grow
//! with the number of writes ever made: measured, 3600 writes a second fall to 100 after ten
//! thousand. [`prepare`] adds the index that answers in constant time, [`forget_before`] removes
//! what has been read. Both go through a connection that the database's crate hands out for its
//! SQLite file; a version of it that names its columns otherwise fails when a file is opened.

use dynoxide::actions::get_shard_iterator::{GetShardIteratorRequest, decode_shard_iterator};
use dynoxide::storage::Storage;
use dynoxide::streams::{shard_id, stream_arn};
use dynoxide::{Database, DynoxideError};

use crate::desk::Tools;
use crate::fault::EngineFault;

/// Adds the index, once per file. The expression is the one that the database's queries use.
pub(crate) fn prepare(records: &Storage) -> Result<(), DynoxideError> {
    records.conn().execute_batch(
        "CREATE INDEX IF NOT EXISTS handrail_stream_order
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )?;
    Ok(())
}

/// The newest record always stays: the next sequence number is derived from it, so without it a
/// clock that was set back would number new changes below a reader's position.
pub(crate) fn forget_before(tools: &Tools, table: &str, sequence: &str) -> Result<usize, EngineFault> {
    let iterator = iterator(&tools.database, table, Some(sequence))?;
    let Some((_, _, position)) = decode_shard_iterator(&iterator) else {
        return Err(DynoxideError::ValidationException("Invalid shard iterator".to_owned()).into());
    };
    let forgotten = tools
        .records
        .conn()
        .execute(
            "DELETE FROM _stream_records
             WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) < MIN(?2, (
                 SELECT MAX(CAST(sequence_number AS INTEGER))
                 FROM _stream_records WHERE table_name = ?1))",
            (table, position),
        )
        .map_err(DynoxideError::from)?;
    Ok(forgotten)
}

/// A position in a table's stream: after a record, or before the oldest one.
pub(crate) fn iterator(database: &Database, table: &str, after: Option<&str>) -> Result<String, DynoxideError> {
    let kind = if after.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
    let answer = database.get_shard_iterator(GetShardIteratorRequest {
        // The database looks at the table's name in it and at nothing else.
        stream_arn: stream_arn(table, "current"),
        shard_id: shard_id(table),
        shard_iterator_type: kind.to_owned(),
        sequence_number: after.map(str::to_owned),
    })?;
    answer.shard_iterator.ok_or_else(|| DynoxideError::InternalServerError("no shard iterator".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The queries are those of the database. If it changes them, the index may become useless
    /// without anything failing, so look at them when its version changes.
    #[test]
    fn the_index_serves_the_write_and_the_read() {
        let records = Storage::memory().unwrap();
        prepare(&records).unwrap();
        for query in [
            "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1
             FROM _stream_records WHERE table_name = 't'",
            "SELECT new_image FROM _stream_records
             WHERE table_name = 't' AND shard_id = 's' AND CAST(sequence_number AS INTEGER) > 7
             ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 5",
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {query}");
            let mut statement = records.conn().prepare(&explain).unwrap();
            let plan: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            assert_eq!(plan.len(), 1, "{plan:?}");
            assert!(plan[0].starts_with("SEARCH"), "{plan:?}");
            assert!(plan[0].contains("handrail_stream_order"), "{plan:?}");
        }
    }
}
