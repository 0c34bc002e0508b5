//! Slots of concurrent deliveries: how many a webhook and a tenant may occupy, and which group is served next.
//!
//! A call that hangs occupies its slot for ten seconds. The limits leave slots free for all others: those of a webhook
//! for other webhooks of its tenant, those of a tenant for other tenants.

use std::collections::HashMap;

use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use handrail_effects::{DeliveryGroup, Handled};

/// Deliveries that run concurrently, each a task and a connection.
const SLOTS: usize = 64;
/// Slots of one tenant: half, also while no other tenant waits, because an occupied slot cannot be taken back.
const SLOTS_PER_TENANT: usize = SLOTS / 2;
const SLOTS_PER_WEBHOOK: usize = 2;
/// Slots for the callbacks of a tenant, which leave as many for its webhooks.
const SLOTS_FOR_CALLBACKS: usize = SLOTS_PER_TENANT / 2;
/// Groups of which the last delivery is remembered: fifty webhooks of two hundred tenants. Beyond this number idle
/// groups are forgotten, then also the paused ones, whose next delivery finds the pause again.
const GROUPS_REMEMBERED: usize = 10_000;

#[derive(Default)]
pub(crate) struct DeliverySlots {
    occupied: usize,
    by_tenant: HashMap<TenantId, usize>,
    groups: HashMap<DeliveryGroup, GroupState>,
    /// Number of deliveries that were started.
    started: u64,
}

#[derive(Default)]
struct GroupState {
    occupied: usize,
    /// Time until which the group's webhook is paused, as its last delivery found.
    paused_until: Option<Timestamp>,
    /// Number of the delivery that was started last.
    last_started: u64,
}

impl GroupState {
    /// Returns the number of deliveries that may run at once. A paused webhook is probed by one.
    fn limit(&self, group: DeliveryGroup) -> usize {
        match group {
            _ if self.paused_until.is_some() => 1,
            DeliveryGroup::Webhook { .. } => SLOTS_PER_WEBHOOK,
            DeliveryGroup::Callbacks { .. } => SLOTS_FOR_CALLBACKS,
        }
    }
}

impl DeliverySlots {
    /// Returns the groups with a due delivery and a free slot: first those whose tenant, then those that themselves
    /// occupy the fewest slots; among equals the one that was served longest ago.
    pub(crate) fn in_order(&self, due: Vec<(DeliveryGroup, Timestamp)>, now: Timestamp) -> Vec<DeliveryGroup> {
        let mut groups: Vec<DeliveryGroup> = due
            .into_iter()
            .filter(|(group, at)| self.due_at(*group, *at).is_some_and(|at| at <= now) && self.free_for(*group) > 0)
            .map(|(group, _)| group)
            .collect();
        groups.sort_by_cached_key(|group| {
            let state = self.groups.get(group);
            let by_group = state.map_or((0, 0), |state| (state.occupied, state.last_started));
            (self.by_tenant.get(&group.tenant()).copied().unwrap_or(0), by_group, *group)
        });
        groups
    }

    /// Returns the time when a message of the group can be started, which is later than the message's own time if the
    /// webhook is paused. Returns `None` while the group has no free slot.
    pub(crate) fn due_at(&self, group: DeliveryGroup, at: Timestamp) -> Option<Timestamp> {
        let Some(state) = self.groups.get(&group) else { return Some(at) };
        (state.occupied < state.limit(group)).then(|| state.paused_until.map_or(at, |until| until.max(at)))
    }

    /// Returns the number of slots that the group may occupy in addition.
    pub(crate) fn free_for(&self, group: DeliveryGroup) -> usize {
        let occupied_by_tenant = self.by_tenant.get(&group.tenant()).copied().unwrap_or(0);
        let of_group = match self.groups.get(&group) {
            Some(state) => state.limit(group).saturating_sub(state.occupied),
            None => GroupState::default().limit(group),
        };
        of_group.min(SLOTS_PER_TENANT.saturating_sub(occupied_by_tenant)).min(SLOTS.saturating_sub(self.occupied))
    }

    pub(crate) fn occupied_by(&self, group: DeliveryGroup) -> usize {
        self.groups.get(&group).map_or(0, |state| state.occupied)
    }

    pub(crate) fn start(&mut self, group: DeliveryGroup) {
        if self.groups.len() >= GROUPS_REMEMBERED {
            self.groups.retain(|_, state| state.occupied > 0 || state.paused_until.is_some());
            if self.groups.len() >= GROUPS_REMEMBERED {
                self.groups.retain(|_, state| state.occupied > 0);
            }
        }
        self.started += 1;
        self.occupied += 1;
        *self.by_tenant.entry(group.tenant()).or_default() += 1;
        let state = self.groups.entry(group).or_default();
        state.occupied += 1;
        state.last_started = self.started;
    }

    /// Frees the slot of a delivery. `handled` is `None` if the delivery failed.
    pub(crate) fn finish(&mut self, group: DeliveryGroup, handled: Option<Handled>) {
        self.occupied = self.occupied.saturating_sub(1);
        if let Some(occupied) = self.by_tenant.get_mut(&group.tenant()) {
            *occupied = occupied.saturating_sub(1);
            if *occupied == 0 {
                self.by_tenant.remove(&group.tenant());
            }
        }
        let Some(state) = self.groups.get_mut(&group) else { return };
        state.occupied = state.occupied.saturating_sub(1);
        match handled {
            Some(Handled::WaitsUntil(until)) => state.paused_until = Some(until),
            // A call was made, perhaps a probe. Whether the webhook is still paused, its next delivery finds.
            Some(Handled::Done) => state.paused_until = None,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::webhook::WebhookId;

    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn webhook(tenant: u8, slot: u8) -> DeliveryGroup {
        DeliveryGroup::Webhook {
            tenant: TenantId::new(NOON, [tenant; 10]),
            webhook: WebhookId::new(NOON, [tenant; 10], slot),
        }
    }

    fn callbacks(tenant: u8) -> DeliveryGroup {
        DeliveryGroup::Callbacks { tenant: TenantId::new(NOON, [tenant; 10]) }
    }

    /// Starts as many deliveries of these groups as there are slots.
    fn fill(slots: &mut DeliverySlots, groups: &[DeliveryGroup]) {
        let due = |group: &DeliveryGroup| (*group, NOON);
        while let Some(group) = slots.in_order(groups.iter().map(due).collect(), NOON).first() {
            slots.start(*group);
        }
    }

    #[test]
    fn webhook_has_two_slots_and_tenant_half() {
        let mut slots = DeliverySlots::default();
        fill(&mut slots, &[webhook(1, 0)]);
        assert_eq!(slots.occupied, 2);
        fill(&mut slots, &(0..50).map(|slot| webhook(1, slot)).collect::<Vec<_>>());
        assert_eq!((slots.occupied, slots.free_for(webhook(1, 49)), slots.free_for(webhook(2, 0))), (32, 0, 2));
        fill(&mut slots, &[callbacks(2)]);
        assert_eq!((slots.occupied_by(callbacks(2)), slots.free_for(webhook(2, 0))), (16, 2));
    }

    #[test]
    fn least_served_group_is_next() {
        let mut slots = DeliverySlots::default();
        let groups = [webhook(1, 0), webhook(1, 1), webhook(1, 2), webhook(2, 0)];
        let due = || groups.map(|group| (group, NOON)).to_vec();
        let mut order = Vec::new();
        while let Some(group) = slots.in_order(due(), NOON).first() {
            order.push(*group);
            slots.start(*group);
        }
        assert_eq!(order[..2], [webhook(1, 0), webhook(2, 0)], "one of each tenant first");
        assert_eq!(order.len(), 8);
        slots.finish(webhook(1, 0), Some(Handled::Done));
        assert_eq!(slots.in_order(due(), NOON), [webhook(1, 0)]);
        assert!(slots.in_order(vec![(webhook(1, 0), NOON.plus_ms(1))], NOON).is_empty());
    }

    #[test]
    fn group_that_waited_longest_gets_the_free_slot() {
        let (mut slots, groups) = (DeliverySlots::default(), [webhook(1, 0), webhook(1, 1)]);
        let due = || groups.map(|group| (group, NOON)).to_vec();
        for expected in [0, 1, 0, 1] {
            let next = slots.in_order(due(), NOON)[0];
            assert_eq!(next, groups[expected]);
            slots.start(next);
            slots.finish(next, Some(Handled::Done));
        }
    }

    #[test]
    fn remembered_groups_are_bounded() {
        let mut slots = DeliverySlots::default();
        for number in 0..2 * GROUPS_REMEMBERED {
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            let group = DeliveryGroup::Callbacks { tenant: TenantId::new(NOON, bytes) };
            slots.start(group);
            slots.finish(group, Some(Handled::WaitsUntil(NOON)));
            assert!(slots.groups.len() <= GROUPS_REMEMBERED);
        }
        assert!(slots.by_tenant.is_empty());
    }

    #[test]
    fn paused_webhook_is_probed_by_one_delivery() {
        let (mut slots, group, until) = (DeliverySlots::default(), webhook(1, 0), NOON.plus_ms(60_000));
        slots.start(group);
        slots.finish(group, Some(Handled::WaitsUntil(until)));
        assert_eq!((slots.due_at(group, NOON), slots.free_for(group)), (Some(until), 1));
        assert!(slots.in_order(vec![(group, NOON)], NOON).is_empty());
        assert_eq!(slots.in_order(vec![(group, NOON)], until), [group]);
        slots.start(group);
        assert_eq!(slots.due_at(group, NOON), None, "the probe is under way");
        slots.finish(group, Some(Handled::Done));
        assert_eq!((slots.due_at(group, NOON), slots.free_for(group)), (Some(NOON), 2));
        assert!(slots.occupied == 0 && slots.by_tenant.is_empty());
    }
}
