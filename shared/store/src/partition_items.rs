//! Items of one partition in the order of their sort keys, read by a bounded number of queries.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::attributes::{Item, s};
use crate::client::Store;
use crate::item_ops::item_key;
use handrail_platform::fault::Fault;

/// Part of a partition that is read.
pub(super) struct PartitionQuery {
    pub pk: AttributeValue,
    pub sk_prefix: String,
    /// Sort key after which reading begins.
    pub after: Option<String>,
    pub items_max: usize,
    /// A query returns 1 MB.
    pub queries_max: usize,
}

/// Items that a query of a partition found.
pub(super) struct PartitionItems {
    pub items: Vec<Item>,
    /// `true` if the partition may have more items.
    pub has_more: bool,
}

impl Store {
    pub(super) async fn partition_items(
        &self,
        query: PartitionQuery,
        operation: &str,
    ) -> Result<PartitionItems, Fault> {
        let PartitionQuery { pk, sk_prefix, after, items_max, queries_max } = query;
        let mut start = after.map(|sk| item_key(pk.clone(), sk));
        let mut items = Vec::new();
        for _ in 0..queries_max {
            let query = self
                .db
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", pk.clone())
                .expression_attribute_values(":prefix", s(&sk_prefix))
                .limit(i32::try_from(items_max - items.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk(operation, error))?;
            items.extend(found.items.unwrap_or_default());
            start = found.last_evaluated_key;
            if start.is_none() || items.len() >= items_max {
                break;
            }
        }
        Ok(PartitionItems { items, has_more: start.is_some() })
    }
}
