//! Newest entries of an index partition. The index follows the table within moments.

use aws_sdk_dynamodb::types::Select;

use crate::attributes::{ReadItem, s};
use crate::client::Store;
use crate::index_ranges::Index;
use handrail_platform::fault::Fault;

/// Number of queries at most. A query returns 1 MB and an entry takes at most 300 bytes, so the 10,000 entries of the
/// largest offset fit in four.
const QUERIES_MAX: usize = 20;

/// Entry of an index: the partition key of its item, and its position in the list.
pub(super) struct NewestEntry {
    pub pk: String,
    pub position: String,
}

impl Store {
    pub(super) async fn newest_entries(
        &self,
        index: Index,
        partition: &str,
        count: usize,
        operation: &str,
    ) -> Result<Vec<NewestEntry>, Fault> {
        let (mut entries, mut start) = (Vec::new(), None);
        for _ in 0..QUERIES_MAX {
            let query = self
                .db
                .query()
                .table_name(&self.table)
                .index_name(index.name)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", index.pk)
                .expression_attribute_values(":pk", s(partition))
                .scan_index_forward(false)
                .limit(i32::try_from(count - entries.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk(operation, error))?;
            for item in found.items() {
                entries
                    .push(NewestEntry { pk: item.text("pk")?.to_owned(), position: item.text(index.sk)?.to_owned() });
            }
            start = found.last_evaluated_key;
            if start.is_none() || entries.len() >= count {
                break;
            }
        }
        Ok(entries)
    }

    /// Counts the entries of an index partition from this position on, up to `max`.
    pub(super) async fn count_entries_since(
        &self,
        index: Index,
        partition: &str,
        position: &str,
        max: usize,
    ) -> Result<usize, Fault> {
        let (mut count, mut start) = (0, None);
        for _ in 0..QUERIES_MAX {
            let mut query = self
                .db
                .query()
                .table_name(&self.table)
                .index_name(index.name)
                .select(Select::Count)
                .expression_attribute_names("#pk", index.pk)
                .expression_attribute_values(":pk", s(partition))
                .limit(i32::try_from(max - count).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            query = if position.is_empty() {
                query.key_condition_expression("#pk = :pk")
            } else {
                query
                    .key_condition_expression("#pk = :pk AND #sk >= :position")
                    .expression_attribute_names("#sk", index.sk)
                    .expression_attribute_values(":position", s(position))
            };
            let found = query.send().await.map_err(|error| Fault::from_sdk("count index entries", error))?;
            count += usize::try_from(found.count).unwrap_or(0);
            start = found.last_evaluated_key;
            if start.is_none() || count >= max {
                break;
            }
        }
        Ok(count)
    }
}
