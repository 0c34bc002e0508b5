//! Quota counters: one item per quota and period, and one conditional write per record, so that the count is exact.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use handrail_domain::ids::RecordId;

use crate::attributes::{ReadItem, n, s};
use crate::client::Store;
use crate::item_ops::partition_only_key;
use crate::outcome::{or_existing_item, unless_condition_failed};
use crate::rate_limits::partition;
use handrail_platform::fault::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaOutcome {
    Reserved,
    Exhausted,
}

impl Store {
    /// Counts a record, unless it is the last one counted: a repeat after a lost response counts once.
    pub async fn increment_quota(
        &self,
        quota_key: &str,
        record: RecordId,
        limit: u32,
        ttl_seconds: i64,
    ) -> Result<QuotaOutcome, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(partition(quota_key))))
            .update_expression("SET #last = :record, #ttl = :ttl ADD #made :one")
            .condition_expression("attribute_not_exists(#made) OR (#made < :limit AND #last <> :record)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#last", "last")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#made", "made")
            .expression_attribute_values(":record", s(record.to_string()))
            .expression_attribute_values(":ttl", n(ttl_seconds))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":limit", n(limit));
        let Err(found) = or_existing_item(update.send().await, "increment a quota")? else {
            return Ok(QuotaOutcome::Reserved);
        };
        let last = found.as_ref().and_then(|item| item.opt_text("last"));
        Ok(if last == Some(record.to_string().as_str()) { QuotaOutcome::Reserved } else { QuotaOutcome::Exhausted })
    }

    /// Releases the count of a record if none was counted since: a count too high is better than one too low.
    pub async fn decrement_quota(&self, quota_key: &str, record: RecordId) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(partition(quota_key))))
            .update_expression("SET #last = :nothing ADD #made :less")
            .condition_expression("#last = :record")
            .expression_attribute_names("#last", "last")
            .expression_attribute_names("#made", "made")
            .expression_attribute_values(":record", s(record.to_string()))
            .expression_attribute_values(":nothing", s("-"))
            .expression_attribute_values(":less", n(-1));
        unless_condition_failed(update.send().await, "decrement a quota").map(drop)
    }

    pub async fn quota_count(&self, quota_key: &str) -> Result<u64, Fault> {
        let found = self.batch_get(vec![partition_only_key(partition(quota_key))]).await?;
        Ok(found.first().and_then(|item| item.number("made").ok()).unwrap_or(0))
    }
}
