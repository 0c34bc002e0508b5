//! Lists by tenant, kind and state, and overdue records: queries on sparse, sharded indexes, never scans.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures_util::future::try_join_all;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use crate::attributes::{Item, ReadItem, n, s};
use crate::client::Store;
use crate::index_ranges::{BY_KIND, BY_STATE};
use crate::item::{
    DUE_SHARDS, HEAD, HeadKey, LIST_SHARDS, SpecSource, due_partition, due_time_of, head_key_of, kind_of,
    list_partition, list_position, read_head, separate_spec_key,
};
use crate::item_ops::item_key;
use handrail_platform::fault::Fault;

/// Number of keys that one BatchGetItem takes.
const BATCH_KEYS_MAX: usize = 100;
/// Number of rounds of a batch that may return nothing. DynamoDB leaves keys out when it throttles, and beyond 16 MB.
const BATCH_ROUNDS_MAX: usize = 5;
/// Largest number of records that a cursor may claim to have seen. Every JSON reader can hold it.
const SEEN_RECORDS_MAX: u64 = 1 << 53;

/// Page of a list, newest first.
#[derive(Debug)]
pub struct ListPage<L: Lifecycle> {
    pub records: Vec<Record<L>>,
    pub next: Option<Cursor>,
}

/// Position of the record after which the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) created_at: Timestamp,
    pub(super) id: RecordId,
    /// Records of the list before this position, if the list counts them.
    pub(super) seen: Option<SeenRecords>,
}

/// Number of records of a list up to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenRecords {
    pub count: u64,
    /// Fingerprint of the list's filter: a cursor may be used for another list.
    pub list: u32,
}

impl Cursor {
    pub fn encode(&self) -> String {
        let position = format!("{}_{}", self.created_at.as_unix_ms(), self.id);
        match self.seen {
            None => position,
            Some(SeenRecords { count, list }) => format!("{position}_{count}_{list}"),
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('_');
        let ms: i64 = parts.next()?.parse().ok().filter(|ms| (0..10_000_000_000_000).contains(ms))?;
        let id = parts.next()?.parse().ok()?;
        let seen = match (parts.next(), parts.next(), parts.next()) {
            (None, _, _) => None,
            (Some(count), Some(list), None) => {
                let count = count.parse().ok().filter(|count| *count <= SEEN_RECORDS_MAX)?;
                Some(SeenRecords { count, list: list.parse().ok()? })
            }
            _ => return None,
        };
        Some(Self { created_at: Timestamp::from_unix_ms(ms), id, seen })
    }
}

impl Store {
    /// Returns a page of the tenant's records of a kind, newest first: all of them, or those that were last written in
    /// one state.
    ///
    /// The index follows the table within moments, so a record created just now may be missing. Kinds with filter
    /// fields are listed by [`Store::find`].
    pub async fn list<L: Lifecycle>(
        &self,
        tenant: TenantId,
        state: Option<L::State>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListPage<L>, Fault> {
        let state = state.map(L::state_name);
        let shards = (0..LIST_SHARDS)
            .map(|shard| self.list_shard(list_partition(tenant, L::KIND, state, shard), state.is_some(), after, limit));
        let mut positions: Vec<(String, HeadKey)> = try_join_all(shards).await?.into_iter().flatten().collect();
        positions.sort_unstable_by(|a, b| b.0.cmp(&a.0));
        let has_more = positions.len() > limit;
        positions.truncate(limit);
        let keys: Vec<HeadKey> = positions.into_iter().map(|(_, key)| key).collect();
        let records = self.records_by_key::<L>(&keys).await?;
        let next = records.last().filter(|_| has_more).map(|last| Cursor {
            created_at: last.created_at,
            id: last.id,
            seen: None,
        });
        Ok(ListPage { records, next })
    }

    async fn list_shard(
        &self,
        partition: String,
        by_state: bool,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<(String, HeadKey)>, Fault> {
        let index = if by_state { BY_STATE } else { BY_KIND };
        let mut query = self
            .db
            .query()
            .table_name(&self.table)
            .index_name(index.name)
            .scan_index_forward(false)
            .expression_attribute_names("#pk", index.pk)
            .expression_attribute_values(":pk", s(partition))
            // One more than requested, to know whether there is another page.
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        query = match after {
            Some(cursor) => query
                .key_condition_expression("#pk = :pk AND #sk < :after")
                .expression_attribute_names("#sk", index.sk)
                .expression_attribute_values(":after", s(list_position(cursor.created_at, cursor.id))),
            None => query.key_condition_expression("#pk = :pk"),
        };
        let found = query.send().await.map_err(|error| Fault::from_sdk("list records", error))?;
        found
            .items()
            .iter()
            .map(|item| {
                let key =
                    HeadKey::parse(item.text("pk")?).ok_or_else(|| Fault::internal("an index names no record"))?;
                Ok((item.text(index.sk)?.to_owned(), key))
            })
            .collect()
    }

    /// Reads the records with these keys, in their order. Deleted records are left out.
    async fn records_by_key<L: Lifecycle>(&self, keys: &[HeadKey]) -> Result<Vec<Record<L>>, Fault> {
        let heads = self.batch_get(keys.iter().map(|key| item_key(key.pk(), HEAD)).collect()).await?;
        let spec_keys =
            heads.iter().filter_map(|head| Some(item_key(head.get("pk")?.clone(), separate_spec_key(head)?)));
        let specs = self.batch_get(spec_keys.collect()).await?;
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            let pk = key.pk();
            let Some(head) = heads.iter().find(|head| head.get("pk") == Some(&pk)) else { continue };
            let record_specs: Vec<Item> = specs.iter().filter(|spec| spec.get("pk") == Some(&pk)).cloned().collect();
            records.push(read_head(head, SpecSource::Items(&record_specs))?);
        }
        Ok(records)
    }

    pub(super) async fn batch_get(&self, keys: Vec<Item>) -> Result<Vec<Item>, Fault> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(BATCH_KEYS_MAX) {
            let mut remaining = Some(chunk.to_vec());
            let mut rounds_left = BATCH_ROUNDS_MAX;
            while rounds_left > 0 {
                let Some(keys) = remaining.take() else { break };
                let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
                let request = request.map_err(|error| Fault::internal_with_source("a batch can't be built", error))?;
                let response = self.db.batch_get_item().request_items(&self.table, request).send().await;
                let mut response = response.map_err(|error| Fault::from_sdk("read records", error))?;
                let items = response.responses.take().and_then(|mut tables| tables.remove(&self.table));
                let items = items.unwrap_or_default();
                // A round that returns items is not counted: there are at most as many such rounds as keys.
                if items.is_empty() {
                    rounds_left -= 1;
                }
                found.extend(items);
                remaining = response
                    .unprocessed_keys
                    .take()
                    .and_then(|mut tables| tables.remove(&self.table))
                    .map(|unprocessed| unprocessed.keys)
                    .filter(|keys| !keys.is_empty());
            }
            if remaining.is_some() {
                return Err(Fault::Busy("DynamoDB left keys of a batch unprocessed again and again".into()));
            }
        }
        Ok(found)
    }

    /// Returns records whose deadline has passed, oldest deadline first in each shard.
    ///
    /// The index holds only records that have a deadline, so a passed one is work that a timer missed.
    pub async fn overdue(&self, now: Timestamp, limit_per_shard: i32) -> Result<Vec<Overdue>, Fault> {
        let keys = self.overdue_keys(now, limit_per_shard).await?.keys;
        let heads = self.batch_get(keys.into_iter().map(|key| item_key(key.pk(), HEAD)).collect()).await?;
        // The index may lag behind, so the head decides.
        let overdue = heads.iter().filter_map(|head| {
            let due_at = due_time_of(head).filter(|due_at| *due_at <= now)?;
            Some(Overdue { key: head_key_of(head)?, kind: kind_of(head)?.to_owned(), due_at })
        });
        Ok(overdue.collect())
    }

    /// Returns the keys of records whose deadline has passed, as the index has them.
    pub(super) async fn overdue_keys(&self, now: Timestamp, limit_per_shard: i32) -> Result<OverdueKeys, Fault> {
        let shards = (0..DUE_SHARDS).map(|shard| async move {
            let query = self
                .db
                .query()
                .table_name(&self.table)
                .index_name("by_due")
                .key_condition_expression("due_pk = :pk AND due_sk <= :now")
                .expression_attribute_values(":pk", s(due_partition(shard)))
                .expression_attribute_values(":now", n(now.as_unix_ms()))
                .limit(limit_per_shard);
            query.send().await.map_err(|error| Fault::from_sdk("find overdue records", error))
        });
        let mut overdue = OverdueKeys { keys: Vec::new(), are_all: true };
        for found in try_join_all(shards).await? {
            overdue.are_all &= found.last_evaluated_key().is_none();
            for item in found.items() {
                let key = HeadKey::parse(item.text("pk")?);
                overdue.keys.push(key.ok_or_else(|| Fault::internal("an index names no record"))?);
            }
        }
        Ok(overdue)
    }
}

/// Keys of overdue records.
pub(super) struct OverdueKeys {
    pub keys: Vec<HeadKey>,
    /// `false` if a shard has more of them than were read.
    pub are_all: bool,
}

/// Record whose timer has not fired in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    pub key: HeadKey,
    pub kind: String,
    pub due_at: Timestamp,
}
