//! Events as items of their own: the history that the head's short log forgets.

use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::LogLine;

use super::item::HeadKey;
use super::{Item, ReadItem, Store, n, s};
use crate::fault::Fault;

/// Beyond these nobody reads a history at once.
const EVENTS_READ_MAX: usize = 10_000;
/// An answer tells 6 MB of them. An answered checkpoint is up to 80 KB.
const EVENTS_BYTES_MAX: usize = 8 * 1024 * 1024;

impl Store {
    /// Keeps an event beside its record. A repeat finds it there.
    pub async fn keep_event<L: Lifecycle>(&self, key: HeadKey, line: &LogLine<L>) -> Result<(), Fault> {
        self.put_if_absent(event_item(key, line), "keep an event").await.map(drop)
    }

    /// The events of a record before this one, oldest first; of very many the newest. A moment passes until an event lies
    /// here: until then it is in the record's own log.
    pub async fn events_before<L: Lifecycle>(
        &self,
        tenant: TenantId,
        id: RecordId,
        seq: u64,
    ) -> Result<Vec<LogLine<L>>, Fault> {
        let mut lines = self.events_between(tenant, id, 1..seq, false).await?;
        lines.reverse();
        Ok(lines)
    }

    /// From this event on and before that one, oldest first; of very many the oldest.
    pub async fn events_from<L: Lifecycle>(
        &self,
        tenant: TenantId,
        id: RecordId,
        from: u64,
        before: u64,
    ) -> Result<Vec<LogLine<L>>, Fault> {
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
    ) -> Result<Vec<LogLine<L>>, Fault> {
        let (mut lines, mut bytes, mut start) = (Vec::new(), 0, None);
        while lines.len() < EVENTS_READ_MAX && bytes < EVENTS_BYTES_MAX {
            let query = self
                .db
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":pk", HeadKey { tenant, id }.pk())
                .expression_attribute_values(":first", s(place_of(range.start)))
                .expression_attribute_values(":last", s(place_of(range.end.saturating_sub(1))))
                .scan_index_forward(forward)
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk("read a record's events", error))?;
            for item in found.items() {
                let text = item.text("event")?;
                bytes += text.len();
                let line = LogLine::read(text.to_owned());
                lines.push(line.map_err(|error| Fault::broken_by("an event can't be read", error))?);
            }
            start = found.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(lines)
    }
}

pub(super) fn event_item<L: Lifecycle>(key: HeadKey, line: &LogLine<L>) -> Item {
    let mut item = Item::from([
        ("pk".to_owned(), key.pk()),
        ("sk".to_owned(), s(place_of(line.entry.seq))),
        ("event".to_owned(), s(line.text.clone())),
    ]);
    if let Some(seconds) = L::FORGOTTEN_AFTER_SECONDS {
        item.insert("ttl".to_owned(), n(line.entry.at.as_unix_seconds() + seconds));
    }
    item
}

/// Ten digits: text order is the order of events.
pub(super) fn place_of(seq: u64) -> String {
    format!("event#{seq:010}")
}
