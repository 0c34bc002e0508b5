//! Lists by tenant, kind and state, and what is due: queries on sparse, sharded indexes. Nothing scans.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures_util::future::try_join_all;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use super::item::{
    AskFrom, DUE_SHARDS, HEAD, HeadKey, LIST_SHARDS, due_of, due_partition, head_key_of, kind_of, lies_apart,
    list_partition, list_position, read_head,
};
use super::single::item_key;
use super::strands::{BY_KIND, BY_STATE};
use super::{Item, ReadItem, Store, n, s};
use crate::fault::Fault;

/// What BatchGetItem takes at once.
const BATCH_KEYS_MAX: usize = 100;
/// How often a batch asks again where the service left everything out. It also leaves out what goes beyond 16 MB.
const BATCH_ROUNDS_MAX: usize = 5;

/// One page of a list, newest first.
#[derive(Debug)]
pub struct Listing<L: Lifecycle> {
    pub records: Vec<Record<L>>,
    pub next: Option<ListingCursor>,
}

/// Where the next page begins: behind this record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingCursor {
    pub(super) created_at: Timestamp,
    pub(super) id: RecordId,
}

impl ListingCursor {
    pub fn text(&self) -> String {
        format!("{}_{}", self.created_at.as_unix_ms(), self.id)
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (ms, id) = text.split_once('_')?;
        let ms: i64 = ms.parse().ok().filter(|ms| (0..10_000_000_000_000).contains(ms))?;
        Some(Self { created_at: Timestamp::from_unix_ms(ms), id: id.parse().ok()? })
    }
}

impl Store {
    /// The tenant's records of a kind, newest first: all of them, or those that were last written in one state.
    ///
    /// The index follows the table within moments, so a record made just now may be missing. Kinds that have facets are
    /// listed by [`Store::find`].
    pub async fn list<L: Lifecycle>(
        &self,
        tenant: TenantId,
        state: Option<L::State>,
        after: Option<&ListingCursor>,
        limit: usize,
    ) -> Result<Listing<L>, Fault> {
        let state = state.map(L::state_name);
        let shards = (0..LIST_SHARDS)
            .map(|shard| self.list_shard(list_partition(tenant, L::KIND, state, shard), state.is_some(), after, limit));
        let mut positions: Vec<(String, HeadKey)> = try_join_all(shards).await?.into_iter().flatten().collect();
        positions.sort_unstable_by(|a, b| b.0.cmp(&a.0));
        let more = positions.len() > limit;
        positions.truncate(limit);
        let keys: Vec<HeadKey> = positions.into_iter().map(|(_, key)| key).collect();
        let records = self.heads::<L>(&keys).await?;
        let next =
            records.last().filter(|_| more).map(|last| ListingCursor { created_at: last.created_at, id: last.id });
        Ok(Listing { records, next })
    }

    async fn list_shard(
        &self,
        partition: String,
        by_state: bool,
        after: Option<&ListingCursor>,
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
            // One more than asked for, to know whether there is another page.
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
                let key = HeadKey::parse(item.text("pk")?).ok_or_else(|| Fault::broken("an index names no record"))?;
                Ok((item.text(index.sk)?.to_owned(), key))
            })
            .collect()
    }

    /// The records under these keys, in their order; one that is gone is left out.
    async fn heads<L: Lifecycle>(&self, keys: &[HeadKey]) -> Result<Vec<Record<L>>, Fault> {
        let heads = self.batch_get(keys.iter().map(|key| item_key(key.pk(), HEAD)).collect()).await?;
        let apart = heads.iter().filter_map(|head| Some(item_key(head.get("pk")?.clone(), lies_apart(head)?)));
        let asks = self.batch_get(apart.collect()).await?;
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            let pk = key.pk();
            let Some(head) = heads.iter().find(|head| head.get("pk") == Some(&pk)) else { continue };
            let own: Vec<Item> = asks.iter().filter(|ask| ask.get("pk") == Some(&pk)).cloned().collect();
            records.push(read_head(head, AskFrom::Items(&own))?);
        }
        Ok(records)
    }

    pub(super) async fn batch_get(&self, keys: Vec<Item>) -> Result<Vec<Item>, Fault> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(BATCH_KEYS_MAX) {
            let mut wanted = Some(chunk.to_vec());
            let mut rounds_left = BATCH_ROUNDS_MAX;
            while rounds_left > 0 {
                let Some(keys) = wanted.take() else { break };
                let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
                let request = request.map_err(|error| Fault::broken_by("a batch can't be built", error))?;
                let answer = self.db.batch_get_item().request_items(&self.table, request).send().await;
                let mut answer = answer.map_err(|error| Fault::from_sdk("read records", error))?;
                let some = answer.responses.take().and_then(|mut tables| tables.remove(&self.table));
                let some = some.unwrap_or_default();
                // Each round with something in it is one fewer to come: there are as many as keys at most.
                if some.is_empty() {
                    rounds_left -= 1;
                }
                found.extend(some);
                wanted = answer
                    .unprocessed_keys
                    .take()
                    .and_then(|mut tables| tables.remove(&self.table))
                    .map(|left| left.keys)
                    .filter(|keys| !keys.is_empty());
            }
            if wanted.is_some() {
                return Err(Fault::Busy("the table left out keys of a batch again and again".into()));
            }
        }
        Ok(found)
    }

    /// Records whose deadline has passed, oldest deadline first in each shard.
    ///
    /// The index holds only records that have a deadline, so what is here and past is work that some timer missed.
    pub async fn overdue(&self, now: Timestamp, limit_per_shard: i32) -> Result<Vec<Overdue>, Fault> {
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
            query.send().await.map_err(|error| Fault::from_sdk("find what is due", error))
        });
        let mut keys = Vec::new();
        for found in try_join_all(shards).await? {
            for item in found.items() {
                let key = HeadKey::parse(item.text("pk")?).ok_or_else(|| Fault::broken("an index names no record"))?;
                keys.push(item_key(key.pk(), HEAD));
            }
        }
        let heads = self.batch_get(keys).await?;
        // The index may lag behind: the head says what is still due.
        let overdue = heads.iter().filter_map(|head| {
            let due_at = due_of(head).filter(|due_at| *due_at <= now)?;
            Some(Overdue { key: head_key_of(head)?, kind: kind_of(head)?.to_owned(), due_at })
        });
        Ok(overdue.collect())
    }
}

/// A record that waits for a timer which did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    pub key: HeadKey,
    pub kind: String,
    pub due_at: Timestamp,
}
