//! Counts of a tenant's records of one kind: of all records, and of those that match each single filter.
//!
//! Beside each head an item says by which filters the record is counted. That item and the counts change in one
//! transaction, on condition that the item is as it was. So a repeated or late change counts nothing twice, and each
//! count is the number of those items. See docs/decisions/0024-lists-that-cost-their-page.md.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::item::{HeadKey, LIST_SHARDS};
use crate::item_ops::item_key;
use crate::single_filters::{matching_filters, shard_of};
use handrail_platform::fault::Fault;

/// Sort key of the item that says by which filters a record is counted.
const COUNTED_SK: &str = "counted";
/// Sort key of the item that says how far the counts of earlier records were built. No filter has this name.
const BUILT_SK: &str = "built";
/// Attempts for one change. A failed one means that another process counted this record meanwhile, or one with the same
/// filters.
const ATTEMPTS_MAX: usize = 6;

/// How far the counts of a tenant's earlier records are built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BuildProgress {
    Complete,
    /// All records up to this position of the list are counted, newest first. `None`: none yet.
    After(Option<String>),
}

impl Store {
    /// Counts a record after a change. A repeat changes nothing. Does nothing for a kind without filter fields.
    ///
    /// A change that leaves the record's filters as they were is not counted at all; of the others the newest decides,
    /// in whatever order they come.
    pub async fn count_change<L: Lifecycle>(&self, before: Option<&Record<L>>, after: &Record<L>) -> Result<(), Fault> {
        let (old, new) = (before.map(matching_filters).unwrap_or_default(), matching_filters(after));
        if old == new {
            return Ok(());
        }
        let expected = before.map(|before| Counted { seq: before.seq, filters: old });
        self.count(after, new, expected, true).await
    }

    /// Counts a record that may not be counted yet. A record that is counted stays as it is.
    pub(super) async fn count_if_uncounted<L: Lifecycle>(&self, record: &Record<L>) -> Result<(), Fault> {
        self.count(record, matching_filters(record), None, false).await
    }

    async fn count<L: Lifecycle>(
        &self,
        record: &Record<L>,
        filters: Vec<String>,
        mut expected: Option<Counted>,
        recount: bool,
    ) -> Result<(), Fault> {
        let next = Counted { seq: record.seq, filters };
        for _ in 0..ATTEMPTS_MAX {
            let writes = self.count_writes(record, expected.as_ref(), &next)?;
            let found = match self.transact(writes, "count a record").await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(found)) => found,
                // Another transaction touched one of the counts.
                Err(Fault::Busy(_)) => continue,
                Err(fault) => return Err(fault),
            };
            expected = found.as_ref().map(Counted::read).transpose()?;
            match &expected {
                // This change was counted, or a later one.
                Some(found) if !recount || found.seq >= next.seq => return Ok(()),
                _ => {}
            }
        }
        Err(Fault::Busy("a record is counted by other processes all the time".into()))
    }

    fn count_writes<L: Lifecycle>(
        &self,
        record: &Record<L>,
        expected: Option<&Counted>,
        next: &Counted,
    ) -> Result<Vec<TransactWriteItem>, Fault> {
        let build_fault = |error| Fault::internal_with_source("a count can't be built", error);
        let mut counted = item_key(HeadKey { tenant: record.tenant, id: record.id }.pk(), COUNTED_SK);
        counted.insert("seq".to_owned(), n(next.seq));
        counted.insert("filters".to_owned(), s(json(&next.filters)?));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(counted))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match expected {
            None => put.condition_expression("attribute_not_exists(pk)"),
            // The number may be an older one than expected: changes that keep the filters are not counted.
            Some(expected) => put
                .condition_expression("#seq <= :seq AND #filters = :filters")
                .expression_attribute_names("#seq", "seq")
                .expression_attribute_names("#filters", "filters")
                .expression_attribute_values(":seq", n(expected.seq))
                .expression_attribute_values(":filters", s(json(&expected.filters)?)),
        };
        let mut writes = vec![TransactWriteItem::builder().put(put.build().map_err(build_fault)?).build()];
        let mut deltas: BTreeMap<&str, i8> = next.filters.iter().map(|filter| (filter.as_str(), 1)).collect();
        for filter in expected.iter().flat_map(|expected| &expected.filters) {
            *deltas.entry(filter).or_default() -= 1;
        }
        let shard = shard_of(record.id);
        for (filter, delta) in deltas.into_iter().filter(|(_, delta)| *delta != 0) {
            let update = Update::builder()
                .table_name(&self.table)
                .set_key(Some(count_key(record.tenant, L::KIND, filter, shard)))
                .update_expression("ADD #records :delta")
                .expression_attribute_names("#records", "records")
                .expression_attribute_values(":delta", n(delta));
            writes.push(TransactWriteItem::builder().update(update.build().map_err(build_fault)?).build());
        }
        Ok(writes)
    }

    /// Returns the number of records that match any of these filters, of which no record matches two, or `None` if the
    /// counts are not complete yet. One round trip.
    pub(super) async fn kept_count<L: Lifecycle>(
        &self,
        tenant: TenantId,
        filters: &[String],
    ) -> Result<Option<u64>, Fault> {
        let mut keys: Vec<Item> = filters
            .iter()
            .flat_map(|filter| (0..LIST_SHARDS).map(move |shard| count_key(tenant, L::KIND, filter, shard)))
            .collect();
        let is_known = self.has_complete_counts::<L>(tenant);
        if !is_known {
            keys.push(item_key(s(partition(tenant, L::KIND)), BUILT_SK));
        }
        let found = self.batch_get(keys).await?;
        let is_complete =
            |item: &&Item| item.opt_text("sk") == Some(BUILT_SK) && progress_of(item) == BuildProgress::Complete;
        if !is_known {
            if !found.iter().any(|item| is_complete(&item)) {
                return Ok(None);
            }
            self.complete_counts.insert(partition(tenant, L::KIND));
        }
        let counts = found.iter().filter(|item| item.opt_text("sk") != Some(BUILT_SK));
        let counts = counts.map(|item| item.number::<i64>("records")).collect::<Result<Vec<_>, Fault>>()?;
        Ok(Some(u64::try_from(counts.into_iter().sum::<i64>()).unwrap_or(0)))
    }

    /// Returns `true` if this process knows that the tenant's counts are complete.
    pub(super) fn has_complete_counts<L: Lifecycle>(&self, tenant: TenantId) -> bool {
        self.complete_counts.contains(&partition(tenant, L::KIND))
    }

    pub(super) async fn build_progress<L: Lifecycle>(&self, tenant: TenantId) -> Result<BuildProgress, Fault> {
        let found = self.batch_get(vec![item_key(s(partition(tenant, L::KIND)), BUILT_SK)]).await?;
        let progress = found.first().map_or(BuildProgress::After(None), progress_of);
        if progress == BuildProgress::Complete {
            self.complete_counts.insert(partition(tenant, L::KIND));
        }
        Ok(progress)
    }

    /// Stores how far the counts are built. Counts that are complete stay so.
    pub(super) async fn put_build_progress<L: Lifecycle>(
        &self,
        tenant: TenantId,
        progress: &BuildProgress,
    ) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(s(partition(tenant, L::KIND)), BUILT_SK)))
            .condition_expression("attribute_not_exists(#complete)")
            .expression_attribute_names("#complete", "complete");
        let update = match progress {
            BuildProgress::Complete => {
                update.update_expression("SET #complete = :yes").expression_attribute_values(":yes", n(1))
            }
            BuildProgress::After(position) => update
                .update_expression("SET #after = :after")
                .expression_attribute_names("#after", "after")
                .expression_attribute_values(":after", s(position.as_deref().unwrap_or_default())),
        };
        crate::outcome::unless_condition_failed(update.send().await, "store how far counts are built")?;
        if *progress == BuildProgress::Complete {
            self.complete_counts.insert(partition(tenant, L::KIND));
        }
        Ok(())
    }
}

/// Filters by which a record is counted, as of one of its events.
struct Counted {
    seq: u64,
    filters: Vec<String>,
}

impl Counted {
    fn read(item: &Item) -> Result<Self, Fault> {
        Ok(Self { seq: item.number("seq")?, filters: item.json("filters")? })
    }
}

fn progress_of(item: &Item) -> BuildProgress {
    match item.contains_key("complete") {
        true => BuildProgress::Complete,
        false => BuildProgress::After(item.opt_text("after").filter(|after| !after.is_empty()).map(str::to_owned)),
    }
}

fn partition(tenant: TenantId, kind: &str) -> String {
    format!("counts#{tenant}#{kind}")
}

/// Returns the key of a count. A count has as many items as a list has shards, so that the records that a tenant creates
/// at the same time rarely wait for each other.
fn count_key(tenant: TenantId, kind: &str, filter: &str, shard: u8) -> Item {
    item_key(s(partition(tenant, kind)), format!("{filter}#{shard}"))
}
