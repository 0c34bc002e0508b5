//! The newest entries of one partition of an index, as far as they are wanted. The index follows the table within moments.

use super::strands::Index;
use super::{ReadItem, Store, s};
use crate::fault::Fault;

/// An answer is a megabyte of the index, and an entry at most 300 bytes: the 10,000 behind which nobody pages fit in four.
const ANSWERS_MAX: usize = 20;

/// An entry of an index: of which item, and where it stands.
pub(super) struct Entry {
    pub pk: String,
    pub position: String,
}

impl Store {
    pub(super) async fn newest(
        &self,
        index: Index,
        partition: &str,
        wanted: usize,
        what: &str,
    ) -> Result<Vec<Entry>, Fault> {
        let (mut entries, mut start) = (Vec::new(), None);
        for _ in 0..ANSWERS_MAX {
            let query = self
                .db
                .query()
                .table_name(&self.table)
                .index_name(index.name)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", index.pk)
                .expression_attribute_values(":pk", s(partition))
                .scan_index_forward(false)
                .limit(i32::try_from(wanted - entries.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk(what, error))?;
            for item in found.items() {
                entries.push(Entry { pk: item.text("pk")?.to_owned(), position: item.text(index.sk)?.to_owned() });
            }
            start = found.last_evaluated_key;
            if start.is_none() || entries.len() >= wanted {
                break;
            }
        }
        Ok(entries)
    }
}
