//! The account's figures: how its packets stand and how long they took. They are added up in its feed event by event, so
//! they are one read of the newest entry, and nobody counts packets.
//!
//! They count what was written: a deadline that passed counts when its timer has run, moments later.

use handrail_domain::packet::State;
use handrail_domain::time::Timestamp;
use handrail_domain::totals::Totals;
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use handrail_kernel::store::{FeedEntry, Key};
use serde_json::{Map, Value};

use crate::live::feed_of;

/// As the history tells that a packet was made.
const MADE: &str = "created";

pub(crate) struct Figures {
    newest: Option<FeedEntry>,
    pub totals: Totals,
}

impl Figures {
    pub(crate) async fn read(cx: &Cx, key: &Key) -> Result<Self, Fault> {
        let newest = cx.store.newest_feed_entry(feed_of(key)).await?;
        Ok(Self { totals: newest.as_ref().map(|entry| entry.totals.clone()).unwrap_or_default(), newest })
    }

    /// How many packets the feed heard of since. A search for the place where that time began, not a count.
    pub(crate) async fn made_since(&self, cx: &Cx, key: &Key, since: Timestamp) -> Result<u64, Fault> {
        let Some(newest) = &self.newest else { return Ok(0) };
        let before = cx.store.last_before(feed_of(key), newest, since).await?;
        let before = before.map_or(0, |before| before.totals.told_as(MADE));
        Ok(self.totals.told_as(MADE).saturating_sub(before))
    }

    pub(crate) fn made(&self) -> u64 {
        self.totals.told_as(MADE)
    }

    pub(crate) fn answered(&self) -> u64 {
        self.totals.told_as("hitl_responded")
    }

    pub(crate) fn in_state(&self, state: State) -> u64 {
        self.totals.in_state(state.name())
    }

    pub(crate) fn by_state(&self) -> Map<String, Value> {
        State::ALL.iter().map(|state| (state.name().to_owned(), self.in_state(*state).into())).collect()
    }
}
