//! Reads a table's stream into the types of the SDK.
//!
//! On AWS a Lambda trigger delivers the changes; on one machine the runner polls for them.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::{Database, DynoxideError};

use crate::fault::EngineFault;
use crate::stream;

/// Table item in the types of the SDK.
pub type Item = HashMap<String, AttributeValue>;

/// Change of an item. The table's stream view determines which images are present.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Position in the table's stream. Later changes have greater numbers, also when compared as text.
    pub sequence: String,
    /// Item before the write, if the item existed.
    pub old: Option<Item>,
    /// Item after the write, unless the item was removed.
    pub new: Option<Item>,
}

/// Most stream records that the database returns in one call.
const PAGE_SIZE: usize = 1000;

/// Returns up to `limit` changes after a sequence number, or from the oldest stored one on.
pub(crate) fn read_after(
    database: &Database,
    table: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Change>, EngineFault> {
    let mut iterator = stream::shard_iterator(database, table, after)?;
    let mut changes = Vec::new();
    while changes.len() < limit {
        let page = (limit - changes.len()).min(PAGE_SIZE);
        let response = database.get_records(GetRecordsRequest { shard_iterator: iterator, limit: Some(page) })?;
        let read = response.records.len();
        changes.extend(response.records.into_iter().map(|record| Change {
            sequence: record.dynamodb.sequence_number,
            old: record.dynamodb.old_image.map(to_sdk_item),
            new: record.dynamodb.new_image.map(to_sdk_item),
        }));
        if read < page {
            break;
        }
        iterator = response
            .next_shard_iterator
            .ok_or_else(|| DynoxideError::InternalServerError("no next iterator".to_owned()))?;
    }
    Ok(changes)
}

fn to_sdk_item(stored: dynoxide::Item) -> Item {
    stored.into_iter().map(|(name, stored)| (name, to_sdk_value(stored))).collect()
}

fn to_sdk_value(stored: dynoxide::AttributeValue) -> AttributeValue {
    use dynoxide::AttributeValue as Stored;
    match stored {
        Stored::S(text) => AttributeValue::S(text),
        Stored::N(number) => AttributeValue::N(number),
        Stored::B(bytes) => AttributeValue::B(Blob::new(bytes)),
        Stored::BOOL(truth) => AttributeValue::Bool(truth),
        Stored::NULL(null) => AttributeValue::Null(null),
        Stored::SS(texts) => AttributeValue::Ss(texts),
        Stored::NS(numbers) => AttributeValue::Ns(numbers),
        Stored::BS(blobs) => AttributeValue::Bs(blobs.into_iter().map(Blob::new).collect()),
        Stored::L(list) => AttributeValue::L(list.into_iter().map(to_sdk_value).collect()),
        Stored::M(map) => AttributeValue::M(to_sdk_item(map)),
    }
}
