//! What is counted by the month, exactly: one item for each month, one conditional write for each decision.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use handrail_domain::ids::RecordId;

use super::outcome::{met, met_or_found};
use super::single::alone;
use super::spending::partition;
use super::{ReadItem, Store, n, s};
use crate::fault::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    Taken,
    Exhausted,
}

impl Store {
    /// Counts a record, unless it is the one that was counted last: a repeat of a call whose answer was lost counts once.
    pub async fn take_of_month(
        &self,
        budget: &str,
        record: RecordId,
        limit: u32,
        ttl_seconds: i64,
    ) -> Result<Quota, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(partition(budget))))
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
        let Err(found) = met_or_found(update.send().await, "count a decision")? else { return Ok(Quota::Taken) };
        let last = found.as_ref().and_then(|item| item.text_if_any("last"));
        Ok(if last == Some(record.to_string().as_str()) { Quota::Taken } else { Quota::Exhausted })
    }

    /// Takes the count of a record back, if nothing was counted since: a count too many is better than one too few.
    pub async fn give_back_to_month(&self, budget: &str, record: RecordId) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(partition(budget))))
            .update_expression("SET #last = :nothing ADD #made :less")
            .condition_expression("#last = :record")
            .expression_attribute_names("#last", "last")
            .expression_attribute_names("#made", "made")
            .expression_attribute_values(":record", s(record.to_string()))
            .expression_attribute_values(":nothing", s("-"))
            .expression_attribute_values(":less", n(-1));
        met(update.send().await, "take a count back").map(drop)
    }

    pub async fn made_in_month(&self, budget: &str) -> Result<u64, Fault> {
        let found = self.batch_get(vec![alone(partition(budget))]).await?;
        Ok(found.first().and_then(|item| item.number("made").ok()).unwrap_or(0))
    }
}
