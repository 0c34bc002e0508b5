//! Reading a table's stream, in the SDK's own types.
//!
//! On AWS a Lambda trigger delivers these; on one machine the runner asks for them.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::{Database, DynoxideError};

use crate::stream;

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// One write to one item. The images are those that the table's stream view asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where the change stands in the table's stream. Later changes have greater numbers, also
    /// when they are compared as text.
    pub sequence: String,
    /// The item before the write, if there was one.
    pub old: Option<Item>,
    /// The item after the write, unless it was removed.
    pub new: Option<Item>,
}

/// The database hands out at most this many records at once.
const PAGE: usize = 1000;

pub(crate) fn after(
    database: &Database,
    table: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Change>, crate::EngineFault> {
    let mut iterator = stream::iterator(database, table, after)?;
    let mut changes = Vec::new();
    while changes.len() < limit {
        let page = (limit - changes.len()).min(PAGE);
        let answer = database.get_records(GetRecordsRequest { shard_iterator: iterator, limit: Some(page) })?;
        let read = answer.records.len();
        changes.extend(answer.records.into_iter().map(|record| Change {
            sequence: record.dynamodb.sequence_number,
            old: record.dynamodb.old_image.map(item),
            new: record.dynamodb.new_image.map(item),
        }));
        if read < page {
            break;
        }
        iterator = answer
            .next_shard_iterator
            .ok_or_else(|| DynoxideError::InternalServerError("no next iterator".to_owned()))?;
    }
    Ok(changes)
}

fn item(stored: dynoxide::Item) -> Item {
    stored.into_iter().map(|(name, stored)| (name, value(stored))).collect()
}

fn value(stored: dynoxide::AttributeValue) -> AttributeValue {
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
        Stored::L(list) => AttributeValue::L(list.into_iter().map(value).collect()),
        Stored::M(map) => AttributeValue::M(item(map)),
    }
}
