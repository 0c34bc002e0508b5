//! Sessions of signed-in people, stored under the hash of their secret and deleted when they end.

use handrail_domain::ids::TenantId;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::item::HEAD;
use crate::item_ops::partition_only_key;
use handrail_platform::fault::Fault;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub tenant: TenantId,
    /// Address that signed in. A session ends when the tenant gets another owner.
    pub email: EmailAddress,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Store {
    /// Stores a session. Returns `false` if a session with this hash exists.
    pub async fn put_session(&self, hash: &str, session: &Session) -> Result<bool, Fault> {
        let item = Item::from([
            ("pk".to_owned(), s(partition(hash))),
            ("sk".to_owned(), s(HEAD)),
            ("session".to_owned(), s(json(session)?)),
            ("ttl".to_owned(), n(session.expires_at.as_unix_seconds() + 1)),
        ]);
        self.put_if_absent(item, "put a session").await
    }

    /// Returns a session, even an expired one that is not deleted yet.
    pub async fn session(&self, hash: &str) -> Result<Option<Session>, Fault> {
        self.get(partition_only_key(partition(hash)), "read a session")
            .await?
            .map(|item| item.json("session"))
            .transpose()
    }

    pub async fn delete_session(&self, hash: &str) -> Result<(), Fault> {
        let delete = self.db.delete_item().table_name(&self.table).set_key(Some(partition_only_key(partition(hash))));
        delete.send().await.map(drop).map_err(|error| Fault::from_sdk("end a session", error))
    }
}

fn partition(hash: &str) -> String {
    format!("session#{hash}")
}
