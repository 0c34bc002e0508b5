//! Transactions: several writes that happen together or not at all.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use crate::attributes::Item;
use crate::client::Store;
use handrail_platform::fault::Fault;

impl Store {
    /// Executes a transaction. Returns `Err` if a condition failed and nothing was written, with the existing item if the
    /// write with that condition requested it.
    pub(super) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
        operation: &str,
    ) -> Result<Result<(), Option<Item>>, Fault> {
        let error = match self.db.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => return Ok(Ok(())),
            Err(error) => error,
        };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => canceled.cancellation_reasons(),
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                return Err(Fault::Busy(Box::new(error)));
            }
            _ => return Err(Fault::from_sdk(operation, error)),
        };
        if let Some(failed) = reasons.iter().find(|reason| reason.code() == Some("ConditionalCheckFailed")) {
            return Ok(Err(failed.item().cloned()));
        }
        Err(fault_of(reasons.iter().any(is_temporary), operation, error))
    }

    /// Builds the put of an item that must not exist. A failed condition returns the existing item.
    pub(super) fn put_new(&self, item: Item) -> Result<TransactWriteItem, Fault> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = put.build().map_err(|error| Fault::internal_with_source("a put can't be built", error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Builds the put of an item, whether or not it exists.
    pub(super) fn put_any(&self, item: Item) -> Result<TransactWriteItem, Fault> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build();
        let put = put.map_err(|error| Fault::internal_with_source("a put can't be built", error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// Returns `true` if a repeat of the transaction may succeed: another write touched one of its items, or the table
/// throttles.
fn is_temporary(reason: &CancellationReason) -> bool {
    matches!(
        reason.code(),
        Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded" | "RequestLimitExceeded")
    )
}

fn fault_of<R>(is_temporary: bool, operation: &str, error: SdkError<TransactWriteItemsError, R>) -> Fault
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match is_temporary {
        true => Fault::Busy(Box::new(error)),
        false => Fault::from_sdk(operation, error),
    }
}
