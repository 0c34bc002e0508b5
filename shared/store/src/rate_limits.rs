//! Blocks of a rate limit: a process reserves a block of requests at once and spends it without another write.
//!
//! There is one item per rate limit, whatever the traffic. Requests that a process reserved and did not spend before
//! it ended are lost for that window: the limit is never exceeded, and each process leaves it at most a block short.

use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::attributes::{Item, ReadItem, n};
use crate::client::Store;
use crate::item_ops::partition_only_key;
use crate::outcome::or_existing_item;
use handrail_platform::fault::Fault;

#[derive(Clone, Debug)]
pub struct BlockRequest<'a> {
    /// Name of the rate limit: its owner and its class of requests.
    pub limit_key: &'a str,
    /// Start of the window in seconds since 1970.
    pub window: i64,
    pub block_size: u32,
    pub limit: u32,
    /// Month to whose usage the unreported requests are added, such as `2026-01`.
    pub month: &'a str,
    /// Requests spent from earlier blocks and not yet added to the usage.
    pub unreported: u32,
    /// Time after which the item expires. `None` for an item that stays.
    pub expires_at_seconds: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockOutcome {
    /// The process may spend `block_size` requests, at most as many as requested. All processes together have reserved
    /// `total_reserved` in this window.
    Granted {
        block_size: u32,
        total_reserved: u32,
    },
    Exhausted,
}

impl Store {
    /// Reserves a block. Takes one round trip within a window, and two for the first block of a window.
    pub async fn reserve_block(&self, request: &BlockRequest<'_>) -> Result<BlockOutcome, Fault> {
        let is_same_window = "#window = :window AND #leased <= :room";
        let add_block = "SET #leased = #leased + :block";
        match self.try_reserve_block(request, is_same_window, add_block, None).await? {
            Ok(total_reserved) => return Ok(BlockOutcome::Granted { block_size: request.block_size, total_reserved }),
            // No window or a past one: begin this window, unless another process just did.
            Err(None) => {}
            Err(Some(found)) => {
                let found_window: i64 = found.number("window")?;
                if found_window > request.window {
                    // This clock is behind that of another process, which began the next window. Its requests are not
                    // for now.
                    return Ok(BlockOutcome::Exhausted);
                }
                if found_window == request.window {
                    return self.reserve_remaining(request, &found).await;
                }
            }
        }
        let is_new_window = "attribute_not_exists(#window) OR #window < :window";
        let begin_window = "SET #leased = :block, #window = :window";
        match self.try_reserve_block(request, is_new_window, begin_window, None).await? {
            Ok(total_reserved) => Ok(BlockOutcome::Granted { block_size: request.block_size, total_reserved }),
            Err(_) => match self.try_reserve_block(request, is_same_window, add_block, None).await? {
                Ok(total_reserved) => Ok(BlockOutcome::Granted { block_size: request.block_size, total_reserved }),
                Err(_) => Ok(BlockOutcome::Exhausted),
            },
        }
    }

    /// Reserves the rest if it is less than a block, so that a limit of 50 allows 50 requests and not 48.
    async fn reserve_remaining(&self, request: &BlockRequest<'_>, found: &Item) -> Result<BlockOutcome, Fault> {
        let reserved: u32 = found.number("leased")?;
        let remaining = request.limit.saturating_sub(reserved).min(request.block_size);
        if remaining == 0 {
            return Ok(BlockOutcome::Exhausted);
        }
        let condition = "#window = :window AND #leased <= :room";
        match self.try_reserve_block(request, condition, "SET #leased = #leased + :block", Some(remaining)).await? {
            Ok(total_reserved) => Ok(BlockOutcome::Granted { block_size: remaining, total_reserved }),
            Err(_) => Ok(BlockOutcome::Exhausted),
        }
    }

    async fn try_reserve_block(
        &self,
        request: &BlockRequest<'_>,
        condition: &str,
        update: &str,
        block: Option<u32>,
    ) -> Result<Result<u32, Option<Item>>, Fault> {
        let block = block.unwrap_or(request.block_size);
        let mut expression = update.to_owned();
        let mut write = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(partition(request.limit_key))))
            .condition_expression(condition)
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#window", "window")
            .expression_attribute_names("#leased", "leased")
            .expression_attribute_values(":window", n(request.window))
            .expression_attribute_values(":block", n(block));
        if condition.contains(":room") {
            write = write.expression_attribute_values(":room", n(request.limit.saturating_sub(block)));
        }
        if let Some(at) = request.expires_at_seconds {
            expression.push_str(", #ttl = :ttl");
            write = write.expression_attribute_names("#ttl", "ttl").expression_attribute_values(":ttl", n(at));
        }
        if request.unreported > 0 {
            expression.push_str(" ADD #month :spent");
            write = write
                .expression_attribute_names("#month", usage_attribute(request.month))
                .expression_attribute_values(":spent", n(request.unreported));
        }
        let reserved = or_existing_item(write.update_expression(expression).send().await, "reserve a block")?;
        let total_reserved =
            |reserved: UpdateItemOutput| reserved.attributes().and_then(|item| item.number("leased").ok());
        Ok(reserved.map(|reserved| total_reserved(reserved).unwrap_or(block)))
    }

    /// Returns the usage of a month. The newest requests may be missing.
    pub async fn usage(&self, limit_key: &str, month: &str) -> Result<u64, Fault> {
        let get = self.db.get_item().table_name(&self.table).set_key(Some(partition_only_key(partition(limit_key))));
        let found = get.send().await.map_err(|error| Fault::from_sdk("read usage", error))?;
        let Some(item) = found.item() else { return Ok(0) };
        Ok(match item.get(&usage_attribute(month)) {
            Some(AttributeValue::N(spent)) => spent.parse().unwrap_or(0),
            _ => 0,
        })
    }
}

impl Store {
    /// Returns the usage of a month for each of these rate limits.
    pub async fn usage_of_each(&self, limit_keys: &[String], month: &str) -> Result<Vec<u64>, Fault> {
        let found = self
            .batch_get(limit_keys.iter().map(|limit_key| partition_only_key(partition(limit_key))).collect())
            .await?;
        let spent = |limit_key: &String| {
            let pk = partition(limit_key);
            let item = found.iter().find(|item| item.opt_text("pk") == Some(pk.as_str()));
            item.and_then(|item| item.number(&usage_attribute(month)).ok()).unwrap_or(0)
        };
        Ok(limit_keys.iter().map(spent).collect())
    }
}

pub(super) fn partition(limit_key: &str) -> String {
    format!("limit#{limit_key}")
}

fn usage_attribute(month: &str) -> String {
    format!("spent_{month}")
}
