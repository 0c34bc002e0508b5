//! Agents of a tenant's packets, as the newest events of its journal show them, whatever their kind. Reading is bounded: an agent that no recent
//! event names is not counted.

use std::collections::{BTreeMap, BTreeSet};

use handrail_context::cx::Cx;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;

use crate::live::Event;
use crate::tenant_stats::TenantStats;

/// Events that are read. An event takes about 1 KB.
const EVENTS_MAX: u64 = 1_000;
/// Queries at most. A query returns 1 MB.
const QUERIES_MAX: usize = 8;
const TOP_AGENTS_MAX: usize = 10;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct AgentActivity {
    /// Agents that events since the given time name.
    pub active: usize,
    /// Agents that any of the events names.
    pub seen: usize,
    /// Agents with the most packets and their numbers, largest first.
    pub top: Vec<(String, usize)>,
    /// Number of packets in the longest chain among the events.
    pub longest_chain: u64,
}

impl AgentActivity {
    /// Reads the newest events. Agents of events since `active_since` count as active.
    pub(crate) async fn load(
        cx: &Cx,
        tenant: TenantId,
        stats: &TenantStats,
        active_since: Timestamp,
    ) -> Result<Self, Fault> {
        let mut position = stats.newest_number().saturating_sub(EVENTS_MAX);
        let (mut active, mut packets) = (BTreeSet::new(), BTreeMap::<String, BTreeSet<RecordId>>::new());
        let mut chain_depths = BTreeMap::<RecordId, u64>::new();
        for _ in 0..QUERIES_MAX {
            let entries = cx.store.journal_entries_after(tenant, position, i32::MAX).await?;
            let Some(last) = entries.last() else { break };
            position = last.number;
            for entry in entries {
                let at = entry.at;
                let Some(event) = Event::from_journal_entry(entry)? else { continue };
                for agent in event.agent_ids() {
                    if at >= active_since {
                        active.insert(agent.to_owned());
                    }
                    packets.entry(agent.to_owned()).or_default().insert(event.packet_id);
                }
                let parent_depth = event.parent_id().and_then(|parent| chain_depths.get(&parent).copied());
                chain_depths.entry(event.packet_id).or_insert(parent_depth.unwrap_or(0) + 1);
            }
        }
        let mut top: Vec<_> = packets.iter().map(|(agent, packets)| (agent.clone(), packets.len())).collect();
        top.sort_by_key(|(agent, packets)| (std::cmp::Reverse(*packets), agent.clone()));
        top.truncate(TOP_AGENTS_MAX);
        let longest_chain = chain_depths.values().copied().max().unwrap_or(0);
        Ok(Self { active: active.len(), seen: packets.len(), top, longest_chain })
    }
}
