//! The one table. Every read and write that the service makes is a function in this folder.
//!
//! A `Store` is a struct over the DynamoDB client and not a trait: AWS and the embedded engine speak the same API, so the
//! code that runs in the tests is the code that runs in production.

mod deliveries;
mod events;
mod item;
mod keys;
mod lists;
mod records;
mod spending;
pub mod table;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

pub use deliveries::{Attempt, Delivery, DeliveryKey, DeliveryStatus};
pub use item::{AskFrom, HeadKey, due_of, head_key_of, kind_of, read_head, seq_of};
pub use keys::{Key, Revoked};
pub use lists::{Listing, ListingCursor, Overdue};
pub use records::{Commit, Put};
pub use spending::{Lease, LeaseAsked};

use crate::fault::Fault;

pub type Item = HashMap<String, AttributeValue>;

#[derive(Clone)]
pub struct Store {
    db: Client,
    table: String,
}

impl Store {
    pub fn new(db: Client, table: impl Into<String>) -> Self {
        Self { db, table: table.into() }
    }

    /// Opens the connection before the first request needs it. On AWS the TLS handshake happens while the function
    /// starts, when the processor is fast and nobody waits; see docs/performance.md.
    pub async fn warm(&self) {
        let nothing = self.db.get_item().table_name(&self.table).key("pk", s("warm")).key("sk", s("warm"));
        if let Err(error) = nothing.send().await {
            tracing::warn!(error = Fault::from_sdk("warm", error).chain(), "could not reach the table yet");
        }
    }
}

pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Reading an item that this program or an older one wrote. What can't be read is a fault, never a guess.
pub(crate) trait ReadItem {
    fn text(&self, name: &str) -> Result<&str, Fault>;
    fn text_if_any(&self, name: &str) -> Option<&str>;
    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Fault>;
    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Fault>;
}

impl ReadItem for Item {
    fn text(&self, name: &str) -> Result<&str, Fault> {
        self.text_if_any(name).ok_or_else(|| Fault::broken(format!("an item has no text attribute {name}")))
    }

    fn text_if_any(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Fault> {
        self.get(name)
            .and_then(|value| value.as_n().ok())
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Fault::broken(format!("an item has no number attribute {name}")))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Fault> {
        serde_json::from_str(self.text(name)?)
            .map_err(|error| Fault::broken_by(format!("the attribute {name} of an item can't be read"), error))
    }
}

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::broken_by("a value can't be written as JSON", error))
}
