//! Usage of API keys: accepted and denied requests by scope, one item for each key and day.

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::access::Scope;
use handrail_domain::ids::KeyId;

use crate::attributes::{Item, ReadItem, n};
use crate::client::Store;
use crate::item_ops::partition_only_key;
use crate::rate_limits::partition;
use handrail_platform::fault::Fault;

/// Requests with one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeUsage {
    pub scope: Scope,
    pub accepted: u64,
    pub denied: u64,
}

impl Store {
    /// Adds requests to the usage of a key on a day, such as `2026-01-31`. The item expires at `ttl_seconds`.
    pub async fn add_key_usage(
        &self,
        key: KeyId,
        day: &str,
        usage: &[ScopeUsage],
        ttl_seconds: i64,
    ) -> Result<(), Fault> {
        let mut update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(usage_partition(key, day))))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", n(ttl_seconds));
        let counts = usage.iter().flat_map(|usage| {
            [(accepted_attribute(usage.scope), usage.accepted), (denied_attribute(usage.scope), usage.denied)]
        });
        let mut added = Vec::new();
        for (index, (attribute, count)) in counts.filter(|(_, count)| *count > 0).enumerate() {
            added.push(format!("#n{index} :n{index}"));
            update = update
                .expression_attribute_names(format!("#n{index}"), attribute)
                .expression_attribute_values(format!(":n{index}"), n(count));
        }
        if added.is_empty() {
            return Ok(());
        }
        let update = update.update_expression(format!("SET #ttl = :ttl ADD {}", added.join(", ")));
        update.send().await.map(drop).map_err(|error| Fault::from_sdk("add key usage", error))
    }

    /// Returns the usage of a key on each of these days, in their order. A list is empty if nothing was counted.
    pub async fn key_usage(&self, key: KeyId, days: &[String]) -> Result<Vec<Vec<ScopeUsage>>, Fault> {
        let partitions: Vec<String> = days.iter().map(|day| usage_partition(key, day)).collect();
        let found = self.batch_get(partitions.iter().map(partition_only_key).collect()).await?;
        let usage_of = |pk: &String| {
            let item = found.iter().find(|item| item.opt_text("pk") == Some(pk.as_str()));
            item.map(usage_of_item).unwrap_or_default()
        };
        Ok(partitions.iter().map(usage_of).collect())
    }
}

fn usage_of_item(item: &Item) -> Vec<ScopeUsage> {
    let count = |attribute: String| match item.get(&attribute) {
        Some(AttributeValue::N(count)) => count.parse().unwrap_or(0),
        _ => 0,
    };
    let usage = Scope::ALL.into_iter().map(|scope| ScopeUsage {
        scope,
        accepted: count(accepted_attribute(scope)),
        denied: count(denied_attribute(scope)),
    });
    usage.filter(|usage| usage.accepted + usage.denied > 0).collect()
}

fn usage_partition(key: KeyId, day: &str) -> String {
    partition(&format!("{key}#usage#{day}"))
}

fn accepted_attribute(scope: Scope) -> String {
    format!("accepted_{}", scope.name())
}

fn denied_attribute(scope: Scope) -> String {
    format!("denied_{}", scope.name())
}
