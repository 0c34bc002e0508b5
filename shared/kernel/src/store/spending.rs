//! Leases of a key's request budget: a process takes a block of requests at once and spends it without asking again.
//!
//! One item per key and class of request, whatever the traffic. What was leased and not spent when a process ends is lost
//! to that window: the limit is never exceeded, at worst each process leaves it a block short.

use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::outcome::met_or_found;
use super::single::alone;
use super::{Item, ReadItem, Store, n};
use crate::fault::Fault;

#[derive(Clone, Debug)]
pub struct LeaseAsked<'a> {
    /// Whose budget, and for what.
    pub budget: &'a str,
    /// The window's start in seconds since 1970.
    pub window: i64,
    pub block: u32,
    pub limit: u32,
    /// Month for which the requests in `spent` are booked, such as `2026-01`.
    pub month: &'a str,
    /// Requests spent from earlier leases and not yet booked.
    pub spent: u32,
    /// The item is dropped after this time, if it is one of many.
    pub expires_at_seconds: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// This many requests, at most the block that was asked for; of the window all processes together hold so many now.
    Granted {
        block: u32,
        of_all: u32,
    },
    Exhausted,
}

impl Store {
    /// One round trip in a window that has begun, two for the first lease of a window.
    pub async fn lease(&self, asked: &LeaseAsked<'_>) -> Result<Lease, Fault> {
        let goes_on = "#window = :window AND #leased <= :room";
        let adding = "SET #leased = #leased + :block";
        match self.try_lease(asked, goes_on, adding, None).await? {
            Ok(of_all) => return Ok(Lease::Granted { block: asked.block, of_all }),
            // Nothing there yet, or a window that is over: begin this one, unless somebody else just did.
            Err(None) => {}
            Err(Some(found)) => {
                let found_window: i64 = found.number("window")?;
                if found_window > asked.window {
                    // Our clock is behind the one that began the next window. Its budget is not ours to spend.
                    return Ok(Lease::Exhausted);
                }
                if found_window == asked.window {
                    return self.lease_the_rest(asked, &found).await;
                }
            }
        }
        let begins = "attribute_not_exists(#window) OR #window < :window";
        let setting = "SET #leased = :block, #window = :window";
        match self.try_lease(asked, begins, setting, None).await? {
            Ok(of_all) => Ok(Lease::Granted { block: asked.block, of_all }),
            Err(_) => match self.try_lease(asked, goes_on, adding, None).await? {
                Ok(of_all) => Ok(Lease::Granted { block: asked.block, of_all }),
                Err(_) => Ok(Lease::Exhausted),
            },
        }
    }

    /// Less than a block is left: take what there is, so that a limit of 50 means 50 and not 48.
    async fn lease_the_rest(&self, asked: &LeaseAsked<'_>, found: &Item) -> Result<Lease, Fault> {
        let leased: u32 = found.number("leased")?;
        let rest = asked.limit.saturating_sub(leased).min(asked.block);
        if rest == 0 {
            return Ok(Lease::Exhausted);
        }
        let condition = "#window = :window AND #leased <= :room";
        match self.try_lease(asked, condition, "SET #leased = #leased + :block", Some(rest)).await? {
            Ok(of_all) => Ok(Lease::Granted { block: rest, of_all }),
            Err(_) => Ok(Lease::Exhausted),
        }
    }

    async fn try_lease(
        &self,
        asked: &LeaseAsked<'_>,
        condition: &str,
        update: &str,
        block: Option<u32>,
    ) -> Result<Result<u32, Option<Item>>, Fault> {
        let block = block.unwrap_or(asked.block);
        let mut expression = update.to_owned();
        let mut request = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(partition(asked.budget))))
            .condition_expression(condition)
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#window", "window")
            .expression_attribute_names("#leased", "leased")
            .expression_attribute_values(":window", n(asked.window))
            .expression_attribute_values(":block", n(block));
        if condition.contains(":room") {
            request = request.expression_attribute_values(":room", n(asked.limit.saturating_sub(block)));
        }
        if let Some(at) = asked.expires_at_seconds {
            expression.push_str(", #ttl = :ttl");
            request = request.expression_attribute_names("#ttl", "ttl").expression_attribute_values(":ttl", n(at));
        }
        if asked.spent > 0 {
            expression.push_str(" ADD #month :spent");
            request = request
                .expression_attribute_names("#month", spent_in(asked.month))
                .expression_attribute_values(":spent", n(asked.spent));
        }
        let leased = met_or_found(request.update_expression(expression).send().await, "lease requests")?;
        let of_all = |leased: UpdateItemOutput| leased.attributes().and_then(|item| item.number("leased").ok());
        Ok(leased.map(|leased| of_all(leased).unwrap_or(block)))
    }

    /// Books spent requests without asking for more.
    pub async fn book_spent(&self, budget: &str, month: &str, spent: u32) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(partition(budget))))
            .update_expression("ADD #month :spent")
            .expression_attribute_names("#month", spent_in(month))
            .expression_attribute_values(":spent", n(spent));
        update.send().await.map(drop).map_err(|error| Fault::from_sdk("book requests", error))
    }

    /// How many requests were booked for a month. Not the newest ones, perhaps.
    pub async fn spent(&self, budget: &str, month: &str) -> Result<u64, Fault> {
        let get = self.db.get_item().table_name(&self.table).set_key(Some(alone(partition(budget))));
        let found = get.send().await.map_err(|error| Fault::from_sdk("read usage", error))?;
        let Some(item) = found.item() else { return Ok(0) };
        Ok(match item.get(&spent_in(month)) {
            Some(AttributeValue::N(spent)) => spent.parse().unwrap_or(0),
            _ => 0,
        })
    }
}

impl Store {
    /// How many requests were booked for a month, budget by budget.
    pub async fn spent_each(&self, budgets: &[String], month: &str) -> Result<Vec<u64>, Fault> {
        let found = self.batch_get(budgets.iter().map(|budget| alone(partition(budget))).collect()).await?;
        let spent = |budget: &String| {
            let pk = partition(budget);
            let item = found.iter().find(|item| item.text_if_any("pk") == Some(pk.as_str()));
            item.and_then(|item| item.number(&spent_in(month)).ok()).unwrap_or(0)
        };
        Ok(budgets.iter().map(spent).collect())
    }
}

pub(super) fn partition(budget: &str) -> String {
    format!("limit#{budget}")
}

fn spent_in(month: &str) -> String {
    format!("spent_{month}")
}
