//! Hashes of journal rows. Each row's hash covers the hash of the row before, so no row can be changed, removed, added or
//! moved without changing every later hash.

use serde::{Deserialize, Serialize};

use crate::content_ref::to_stored_json;
use crate::ids::TenantId;
use crate::record::ChainHash;

/// States of a record before and after an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// `None` if the event created the record.
    pub from: Option<String>,
    pub to: String,
}

/// Hash of a journal entry and of the entry before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalHashes {
    pub previous: ChainHash,
    pub own: ChainHash,
}

/// Hashed part of a journal entry.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct JournalRow<'a> {
    pub number: u64,
    pub kind: &'a str,
    pub record: &'a str,
    pub seq: u64,
    pub from: Option<&'a str>,
    pub to: &'a str,
    /// Hashed text of the event: without personal values, and with their digest.
    pub entry: &'a str,
}

impl JournalRow<'_> {
    /// Returns the row's hash: SHA-256 of the previous hash and the row as JSON with its members in the order above.
    pub fn hash_after(&self, previous: ChainHash) -> ChainHash {
        previous.then(&to_stored_json(self))
    }
}

impl ChainHash {
    /// Starts the chain of a tenant's journal.
    pub fn of_empty_journal(tenant: TenantId) -> Self {
        Self::of_text(&format!("journal#{tenant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored hashes must not change, so the expected ones are literal.
    #[test]
    fn row_hash_is_stable_and_covers_every_member() {
        let tenant: TenantId = "ten_01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let start = ChainHash::of_empty_journal(tenant);
        let row = JournalRow {
            number: 1,
            kind: "decision",
            record: "018f0000-0000-7000-8000-000000000002",
            seq: 1,
            from: None,
            to: "pending",
            entry: "{}",
        };
        assert_eq!(start.to_hex(), "93440f2d87eab45bea302c70e1e9aac984bd6e8ed1388d0bfe7196324a8ccd16");
        assert_eq!(row.hash_after(start).to_hex(), "c3323544c36bd740c10aca08a5fd1c558c3a22de906d345856b94479d1babf04");
        let record = "018f0000-0000-7000-8000-000000000003";
        for changed in [
            JournalRow { number: 2, ..row },
            JournalRow { kind: "packet", ..row },
            JournalRow { record, ..row },
            JournalRow { seq: 2, ..row },
            JournalRow { from: Some("pending"), ..row },
            JournalRow { to: "approved", ..row },
            JournalRow { entry: "{ }", ..row },
        ] {
            assert_ne!(changed.hash_after(start), row.hash_after(start), "{changed:?}");
        }
        assert_ne!(row.hash_after(row.hash_after(start)), row.hash_after(start));
    }
}
