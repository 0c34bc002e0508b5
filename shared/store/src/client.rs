//! The store: a DynamoDB client and the name of the table.

use aws_sdk_dynamodb::Client;

#[derive(Clone)]
pub struct Store {
    pub(crate) db: Client,
    pub(crate) table: String,
}

impl Store {
    pub fn new(db: Client, table: impl Into<String>) -> Self {
        Self { db, table: table.into() }
    }
}
