//! Sessions of people: kept under the hash of their secret, and dropped when they end.

use handrail_domain::ids::TenantId;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::HEAD;
use super::single::alone;
use super::{Item, ReadItem, Store, json, n, s};
use crate::fault::Fault;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub tenant: TenantId,
    /// Who signed in. An account that goes to somebody else takes no session along.
    pub email: EmailAddress,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Store {
    /// `false`: there is one with this hash.
    pub async fn put_session(&self, hash: &str, session: &Session) -> Result<bool, Fault> {
        let item = Item::from([
            ("pk".to_owned(), s(partition(hash))),
            ("sk".to_owned(), s(HEAD)),
            ("session".to_owned(), s(json(session)?)),
            ("ttl".to_owned(), n(session.expires_at.as_unix_seconds() + 1)),
        ]);
        self.put_if_absent(item, "put a session").await
    }

    /// Also one that has ended and was not dropped yet.
    pub async fn session(&self, hash: &str) -> Result<Option<Session>, Fault> {
        self.get(alone(partition(hash)), "read a session").await?.map(|item| item.json("session")).transpose()
    }

    pub async fn end_session(&self, hash: &str) -> Result<(), Fault> {
        let delete = self.db.delete_item().table_name(&self.table).set_key(Some(alone(partition(hash))));
        delete.send().await.map(drop).map_err(|error| Fault::from_sdk("end a session", error))
    }
}

fn partition(hash: &str) -> String {
    format!("session#{hash}")
}
