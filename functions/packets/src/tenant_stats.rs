//! Statistics of a tenant's packets: counts by state and average durations. Each journal entry stores running totals, so
//! loading them takes one read of the newest entry.
//!
//! Only written events count: an expired deadline counts once its timer has fired, moments later.

use handrail_context::cx::Cx;
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Packet, State};
use handrail_domain::time::Timestamp;
use handrail_domain::totals::Totals;
use handrail_platform::fault::Fault;
use handrail_store::JournalEntry;
use std::collections::BTreeMap;

/// Action of the history entry of a created packet.
const CREATED_ACTION: &str = "created";

pub(crate) struct TenantStats {
    newest_entry: Option<JournalEntry>,
    pub totals: Totals,
}

impl TenantStats {
    pub(crate) async fn load(cx: &Cx, tenant: TenantId) -> Result<Self, Fault> {
        let newest = cx.store.newest_journal_entry(tenant).await?;
        Ok(Self {
            totals: newest.as_ref().map(|entry| entry.totals_of(Packet::KIND)).unwrap_or_default(),
            newest_entry: newest,
        })
    }

    /// Number of packets created since a time, from the totals of the last journal entry before that time.
    pub(crate) async fn created_since(&self, cx: &Cx, tenant: TenantId, since: Timestamp) -> Result<u64, Fault> {
        let Some(newest) = &self.newest_entry else { return Ok(0) };
        let before = cx.store.last_entry_before(tenant, newest, since).await?;
        let before = before.map_or(0, |before| before.totals_of(Packet::KIND).count_of_action(CREATED_ACTION));
        Ok(self.totals.count_of_action(CREATED_ACTION).saturating_sub(before))
    }

    /// Number of the newest journal entry, or 0 without entries.
    pub(crate) fn newest_number(&self) -> u64 {
        self.newest_entry.as_ref().map_or(0, |entry| entry.number)
    }

    pub(crate) fn created_count(&self) -> u64 {
        self.totals.count_of_action(CREATED_ACTION)
    }

    pub(crate) fn answered_count(&self) -> u64 {
        self.totals.count_of_action("hitl_responded")
    }

    pub(crate) fn count_in_state(&self, state: State) -> u64 {
        self.totals.in_state(state.name())
    }

    pub(crate) fn counts_by_state(&self) -> BTreeMap<&'static str, u64> {
        State::ALL.iter().map(|state| (state.name(), self.count_in_state(*state))).collect()
    }
}
