//! Building the counts and labels of records that were written before the table had any.
//!
//! The worker of the stream does one step with each event of a tenant whose counts are not complete. Records that are
//! created or changed meanwhile are counted by their own events; each record is counted once in either way.

use futures_util::future::try_join_all;
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;

use crate::attributes::{Item, n, s};
use crate::client::Store;
use crate::counts::BuildProgress;
use crate::filters::Filter;
use crate::index_ranges::{Direction, ReadOptions, merge};
use crate::item::{HEAD, HeadKey, SpecSource, head_key_of, read_head, separate_spec_key};
use crate::item_ops::item_key;
use crate::outcome::unless_condition_failed;
use crate::single_filters::{LABELED_ATTRIBUTE, holder_partition, labels};
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;

/// Records of one step. Two transactions for each take a second on AWS, far less than a worker may run.
const RECORDS_PER_STEP: usize = 25;
/// Queries of one step on each shard.
const QUERIES_PER_STEP: usize = 2;

impl Store {
    /// Counts and labels some more of the tenant's earlier records, until all are counted. Costs nothing once they are.
    pub async fn continue_counts<L: Lifecycle>(&self, tenant: TenantId) -> Result<(), Fault> {
        if self.has_complete_counts::<L>(tenant) {
            return Ok(());
        }
        let BuildProgress::After(after) = self.build_progress::<L>(tenant).await? else { return Ok(()) };
        let direction = Direction::NewestFirst;
        let options = ReadOptions {
            direction,
            after: after.as_deref(),
            min_entries: RECORDS_PER_STEP,
            queries_max: QUERIES_PER_STEP,
        };
        // The filter without fields has the ranges of all records, and its time plays no part.
        let ranges = Filter::<L>::default().index_ranges(tenant, Timestamp::from_unix_ms(0));
        let reads = try_join_all(ranges.iter().map(|range| self.read_range(range, options))).await?;
        let (mut entries, read_to) = merge(reads, direction);
        let is_last = read_to.is_none() && entries.len() <= RECORDS_PER_STEP;
        entries.truncate(RECORDS_PER_STEP);
        let heads = self.batch_get(entries.iter().map(|entry| item_key(entry.key.pk(), HEAD)).collect()).await?;
        for head in &heads {
            let record = self.record_of_head::<L>(head).await?;
            self.label_if_unlabeled(head, &record).await?;
            self.count_if_uncounted(&record).await?;
        }
        let progress = match entries.pop() {
            Some(last) if !is_last => BuildProgress::After(Some(last.position)),
            // A shard may have returned nothing but what it had to skip; the next step goes on from there.
            None if !is_last => BuildProgress::After(read_to),
            _ => BuildProgress::Complete,
        };
        self.put_build_progress::<L>(tenant, &progress).await
    }

    /// Writes the labels of a record whose head was written by a version without labels.
    pub async fn label_if_unlabeled<L: Lifecycle>(&self, head: &Item, record: &Record<L>) -> Result<(), Fault> {
        let Some(partition) = holder_partition(record).filter(|_| !head.contains_key(LABELED_ATTRIBUTE)) else {
            return Ok(());
        };
        let writes = labels(record).into_iter().map(|label| self.put_any(label)).collect::<Result<Vec<_>, _>>()?;
        if self.transact(writes, "label a record").await?.is_err() {
            return Err(Fault::internal("a put without a condition failed"));
        }
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(HeadKey { tenant: record.tenant, id: record.id }.pk(), HEAD)))
            .update_expression("SET state_pk = :partition, #labeled = :yes")
            // A later write of the head has set the partition itself, and its own event comes here.
            .condition_expression("#seq = :seq")
            .expression_attribute_names("#seq", "seq")
            .expression_attribute_names("#labeled", LABELED_ATTRIBUTE)
            .expression_attribute_values(":yes", n(1))
            .expression_attribute_values(":seq", n(record.seq))
            .expression_attribute_values(":partition", s(partition));
        unless_condition_failed(update.send().await, "list a record by its holder").map(drop)
    }

    async fn record_of_head<L: Lifecycle>(&self, head: &Item) -> Result<Record<L>, Fault> {
        let key = head_key_of(head).ok_or_else(|| Fault::internal("an index names no record"))?;
        match separate_spec_key(head) {
            None => read_head(head, SpecSource::Head),
            Some(sk) => read_head(head, SpecSource::Items(&self.sibling_item(key.tenant, key.id, sk).await?)),
        }
    }
}
