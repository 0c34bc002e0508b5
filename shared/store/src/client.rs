//! The store: a DynamoDB client and the name of the table.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;

use crate::complete_counts::CompleteCounts;

#[derive(Clone)]
pub struct Store {
    pub(crate) db: Client,
    pub(crate) table: String,
    pub(crate) complete_counts: Arc<CompleteCounts>,
}

impl Store {
    pub fn new(db: Client, table: impl Into<String>) -> Self {
        Self { db, table: table.into(), complete_counts: Arc::default() }
    }
}
