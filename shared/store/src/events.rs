//! Events as items of their own: the history beyond the short log in the head.

use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::EncodedLogEntry;

use crate::attributes::{Item, ReadItem, n, s};
use crate::client::Store;
use crate::item::HeadKey;
use handrail_platform::fault::Fault;

/// Number of events after which reading a history stops.
const EVENTS_READ_MAX: usize = 10_000;
/// Size of the events after which reading a history stops. A response holds 6 MB, and an answered checkpoint takes up
/// to 80 KB.
const EVENTS_BYTES_MAX: usize = 8 * 1024 * 1024;

impl Store {
    /// Stores an event of a record. An existing one stays as it is.
    pub async fn put_event<L: Lifecycle>(&self, key: HeadKey, log_entry: &EncodedLogEntry<L>) -> Result<(), Fault> {
        self.put_if_absent(event_item(key, log_entry), "put an event").await.map(drop)
    }

    /// Returns the events of a record before this one, oldest first; of very many the newest. An event is stored a
    /// moment after its transition: until then only the record's own log has it.
    pub async fn events_before<L: Lifecycle>(
        &self,
        tenant: TenantId,
        id: RecordId,
        seq: u64,
    ) -> Result<Vec<EncodedLogEntry<L>>, Fault> {
        let mut entries = self.events_between(tenant, id, 1..seq, false).await?;
        entries.reverse();
        Ok(entries)
    }

    /// Returns the events from `from` on and before `before`, oldest first; of very many the oldest.
    pub async fn events_from<L: Lifecycle>(
        &self,
        tenant: TenantId,
        id: RecordId,
        from: u64,
        before: u64,
    ) -> Result<Vec<EncodedLogEntry<L>>, Fault> {
        if from >= before {
            return Ok(Vec::new());
        }
        self.events_between(tenant, id, from..before, true).await
    }

    async fn events_between<L: Lifecycle>(
        &self,
        tenant: TenantId,
        id: RecordId,
        range: std::ops::Range<u64>,
        forward: bool,
    ) -> Result<Vec<EncodedLogEntry<L>>, Fault> {
        let (mut entries, mut bytes, mut start) = (Vec::new(), 0, None);
        while entries.len() < EVENTS_READ_MAX && bytes < EVENTS_BYTES_MAX {
            let query = self
                .db
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":pk", HeadKey { tenant, id }.pk())
                .expression_attribute_values(":first", s(event_sort_key(range.start)))
                .expression_attribute_values(":last", s(event_sort_key(range.end.saturating_sub(1))))
                .scan_index_forward(forward)
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk("read a record's events", error))?;
            for item in found.items() {
                let text = item.text("event")?;
                bytes += text.len();
                let log_entry = EncodedLogEntry::read(text.to_owned());
                entries.push(log_entry.map_err(|error| Fault::internal_with_source("an event can't be read", error))?);
            }
            start = found.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(entries)
    }
}

pub(super) fn event_item<L: Lifecycle>(key: HeadKey, log_entry: &EncodedLogEntry<L>) -> Item {
    let mut item = Item::from([
        ("pk".to_owned(), key.pk()),
        ("sk".to_owned(), s(event_sort_key(log_entry.entry.seq))),
        ("event".to_owned(), s(log_entry.text.clone())),
    ]);
    if let Some(seconds) = L::TTL_SECONDS {
        item.insert("ttl".to_owned(), n(log_entry.entry.at.as_unix_seconds() + seconds));
    }
    item
}

/// Returns an event's sort key. Ten digits, so that text order is the order of events.
pub(super) fn event_sort_key(seq: u64) -> String {
    format!("event#{seq:010}")
}
