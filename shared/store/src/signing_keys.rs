//! Public keys of the keys that sign receipts: one item each, kept for ever, so that an old receipt stays checkable after
//! the secret was replaced.

use handrail_domain::time::Timestamp;

use crate::attributes::{Item, ReadItem, n, s};
use crate::client::Store;
use crate::item_ops::item_key;
use crate::outcome::unless_condition_failed;
use crate::partition_items::PartitionQuery;
use handrail_platform::fault::Fault;

/// Number of public keys that are listed at most. Each replacement of the secret adds one.
pub const SIGNING_KEYS_LISTED_MAX: usize = 1_000;

const PARTITION: &str = "signing-keys#receipts";
const SK_PREFIX: &str = "key#";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPublicKey {
    /// Name of the key in signed texts.
    pub key_id: String,
    /// The key in base64url.
    pub key: String,
}

impl Store {
    /// Stores a public key of receipts, unless it is stored already.
    pub async fn put_receipt_key(&self, public_key: &StoredPublicKey, now: Timestamp) -> Result<(), Fault> {
        let item = Item::from([
            ("key_id".to_owned(), s(&public_key.key_id)),
            ("public_key".to_owned(), s(&public_key.key)),
            ("created_at".to_owned(), n(now.as_unix_ms())),
        ]);
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.into_iter().chain(key_of(&public_key.key_id)).collect()))
            .condition_expression("attribute_not_exists(pk)");
        unless_condition_failed(put.send().await, "store a public key").map(drop)
    }

    /// Returns the public keys of receipts, ordered by key id.
    pub async fn receipt_keys(&self) -> Result<Vec<StoredPublicKey>, Fault> {
        let query = PartitionQuery {
            pk: s(PARTITION),
            sk_prefix: SK_PREFIX.to_owned(),
            after: None,
            items_max: SIGNING_KEYS_LISTED_MAX,
            // An item takes about 200 bytes, and a query returns 1 MB.
            queries_max: 1,
        };
        let found = self.partition_items(query, "list public keys").await?;
        let read = |item: &Item| {
            Ok(StoredPublicKey { key_id: item.text("key_id")?.to_owned(), key: item.text("public_key")?.to_owned() })
        };
        found.items.iter().map(read).collect()
    }
}

fn key_of(key_id: &str) -> Item {
    item_key(s(PARTITION), format!("{SK_PREFIX}{key_id}"))
}
