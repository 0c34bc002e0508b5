//! Records and bodies that the entries of an index stand for, read from the table by key.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use crate::attributes::{Item, ReadItem, json};
use crate::bodies::{RecordWithBody, read_body};
use crate::body_chunks::other_chunk_keys;
use crate::client::Store;
use crate::index_ranges::IndexEntry;
use crate::item::{HEAD, HeadKey, SpecSource, body_key_of, kind_of, read_head, separate_spec_key};
use crate::item_ops::item_key;
use crate::single_filters::is_label;
use handrail_platform::fault::Fault;

/// Number of bodies read in one batch: a batch takes 100 keys, and a body may have four chunks.
const BODIES_BATCH_SIZE: usize = 25;

/// Record with its position in the index.
pub(super) struct PositionedRecord<L: Lifecycle> {
    pub position: String,
    /// Record as of the requested time.
    pub record: Record<L>,
    /// State that the record was last written in.
    pub stored_state: L::State,
    body_sk: Option<String>,
}

impl<L: Lifecycle> PositionedRecord<L> {
    fn head_key(&self) -> HeadKey {
        HeadKey { tenant: self.record.tenant, id: self.record.id }
    }
}

impl Store {
    /// Reads the records of these index entries, in their order. Deleted records and those of another kind are left out.
    ///
    /// An entry may belong to a body; the record is then left out unless its head still names that body.
    pub(super) async fn records_at<L: Lifecycle>(
        &self,
        entries: &[IndexEntry],
        now: Timestamp,
    ) -> Result<Vec<PositionedRecord<L>>, Fault> {
        // A record may have entries for two versions of its body, but a batch takes no key twice.
        let keys: HashSet<HeadKey> = entries.iter().map(|entry| entry.key).collect();
        let mut heads = self.batch_get(keys.iter().map(|key| item_key(key.pk(), HEAD)).collect()).await?;
        heads.retain(|head| kind_of(head) == Some(L::KIND));
        let mut heads = group_by_record(heads)?;
        let spec_keys =
            heads.iter().filter_map(|(key, items)| Some(item_key(key.pk(), separate_spec_key(items.first()?)?)));
        for (key, specs) in group_by_record(self.batch_get(spec_keys.collect()).await?)? {
            heads.entry(key).or_default().extend(specs);
        }
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(items) = heads.get(&entry.key) else { continue };
            let Some(head) = items.first() else { continue };
            let body_sk = body_key_of(head).map(str::to_owned);
            let names_record = entry.sk == HEAD || is_label(&entry.sk);
            if !names_record && body_sk.as_deref() != Some(entry.sk.as_str()) {
                continue;
            }
            let stored = read_head::<L>(head, SpecSource::Items(items))?;
            let (stored_state, is_due) = (stored.state(), stored.due().is_some_and(|due| due.at <= now));
            let record = if is_due { stored.as_of(now) } else { stored };
            records.push(PositionedRecord { position: entry.position.clone(), record, stored_state, body_sk });
        }
        Ok(records)
    }

    /// Reads the bodies of these records, as many as have room. Also returns the position of the first record without
    /// room.
    pub(super) async fn read_bodies<L: Lifecycle>(
        &self,
        heads: Vec<PositionedRecord<L>>,
        bytes_max: usize,
    ) -> Result<(Vec<RecordWithBody<L>>, Option<String>), Fault> {
        let (mut bytes, mut selected, mut first_without_room) = (0, Vec::with_capacity(heads.len()), None);
        for head in heads {
            // The record gives the size of its body, so a body without room is not read.
            let body =
                L::body(&head.record.state_data).map_or(0, |body| usize::try_from(body.bytes).unwrap_or(usize::MAX));
            bytes += json(&head.record.spec)?.len().saturating_add(body);
            if bytes > bytes_max && !selected.is_empty() {
                first_without_room = Some(head.position);
                break;
            }
            selected.push(head);
        }
        let batches = selected.chunks(BODIES_BATCH_SIZE).map(|batch| {
            let keys = batch.iter().filter_map(|head| Some((head.head_key(), head.body_sk.as_deref()?)));
            let keys = keys.flat_map(|(key, sk)| {
                let other_chunks = other_chunk_keys(sk).into_iter().map(move |sk| item_key(key.pk(), sk));
                std::iter::once(item_key(key.pk(), sk)).chain(other_chunks)
            });
            self.batch_get(keys.collect())
        });
        let items = try_join_all(batches).await?.into_iter().flatten().collect();
        let mut bodies = group_by_record(items)?;
        let mut records = Vec::with_capacity(selected.len());
        for head in selected {
            let items = bodies.remove(&head.head_key()).unwrap_or_default();
            let body = read_body(&head.record, head.body_sk.as_deref(), &items)?;
            records.push(RecordWithBody { record: head.record, body });
        }
        Ok((records, first_without_room))
    }
}

fn group_by_record(items: Vec<Item>) -> Result<HashMap<HeadKey, Vec<Item>>, Fault> {
    let mut found: HashMap<HeadKey, Vec<Item>> = HashMap::new();
    for item in items {
        let key = HeadKey::parse(item.text("pk")?).ok_or_else(|| Fault::internal("an item has no record's key"))?;
        found.entry(key).or_default().push(item);
    }
    Ok(found)
}
