//! Events as items of their own: the history that the head's short log forgets.

use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::LogLine;

use super::item::HeadKey;
use super::{Item, Store, n, s};
use crate::fault::Fault;

impl Store {
    /// Keeps an event beside its record. A repeat finds it there.
    pub async fn keep_event<L: Lifecycle>(&self, key: HeadKey, line: &LogLine<L>) -> Result<(), Fault> {
        let mut item = Item::from([
            ("pk".to_owned(), key.pk()),
            // Ten digits: text order is the order of events.
            ("sk".to_owned(), s(format!("event#{:010}", line.entry.seq))),
            ("event".to_owned(), s(line.text.clone())),
        ]);
        if let Some(seconds) = L::FORGOTTEN_AFTER_SECONDS {
            item.insert("ttl".to_owned(), n(line.entry.at.as_unix_seconds() + seconds));
        }
        self.put_if_absent(item, "keep an event").await.map(drop)
    }
}
