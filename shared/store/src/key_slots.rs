//! Limit of a tenant's active API keys: a set of key ids, in which a key reserves a slot before it is created.
//!
//! The set is written before the key and after its revocation. So it may hold ids of keys that are not active, but
//! never misses an active one. Such stale slots are released when the set is full, and expired keys are revoked then.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use handrail_domain::ids::{KeyId, TenantId};

use crate::attributes::{Item, n, s};
use crate::client::Store;
use crate::item_ops::partition_only_key;
use crate::outcome::{or_existing_item, unless_condition_failed};
use handrail_platform::fault::Fault;

/// Time within which an index certainly shows a new key; seconds are usual. An older slot whose key the index does not
/// show is stale.
const INDEX_LAG_MAX_MS: i64 = 10 * 60_000;

/// Reason why a key got no slot.
enum NoFreeSlot {
    /// The set does not exist yet: the tenant's keys were created by a version without sets.
    NoSet,
    Full(BTreeSet<String>),
}

impl Store {
    /// Reserves a slot for a key. `max_keys` is the limit with this key included, or `None` if the key replaces
    /// another one.
    ///
    /// Returns `false` if no slot is free.
    pub async fn reserve_key_slot(&self, tenant: TenantId, id: KeyId, max_keys: Option<u32>) -> Result<bool, Fault> {
        // One try may find no set, and one may find a set with stale slots.
        for _ in 0..2 {
            match self.try_reserve_key_slot(tenant, id, max_keys).await? {
                Ok(()) => return Ok(true),
                Err(NoFreeSlot::NoSet) => self.create_slot_set(tenant).await?,
                Err(NoFreeSlot::Full(reserved)) => {
                    if !self.release_stale_slots(tenant, id, &reserved).await? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(self.try_reserve_key_slot(tenant, id, max_keys).await?.is_ok())
    }

    /// Releases the slot of a key that was revoked or never created. A process that dies before this leaves a stale
    /// slot.
    pub async fn release_key_slot(&self, tenant: TenantId, id: KeyId) -> Result<(), Fault> {
        self.release_slots(tenant, vec![id.to_string()]).await
    }

    async fn try_reserve_key_slot(
        &self,
        tenant: TenantId,
        id: KeyId,
        max_keys: Option<u32>,
    ) -> Result<Result<(), NoFreeSlot>, Fault> {
        let (condition, limit) = match max_keys {
            Some(max_keys) => {
                ("attribute_exists(pk) AND (attribute_not_exists(held) OR size(held) < :room)", Some(max_keys))
            }
            None => ("attribute_exists(pk)", None),
        };
        if limit == Some(0) {
            return Ok(Err(NoFreeSlot::Full(BTreeSet::new())));
        }
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(partition(tenant))))
            .update_expression("ADD held :id")
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":id", AttributeValue::Ss(vec![id.to_string()]));
        let update = match limit {
            Some(limit) => update.expression_attribute_values(":room", n(limit)),
            None => update,
        };
        let Err(found) = or_existing_item(update.send().await, "reserve a key slot")? else { return Ok(Ok(())) };
        Ok(match found.as_ref().map(reserved_ids) {
            None => Err(NoFreeSlot::NoSet),
            // An earlier attempt succeeded, but its response was lost.
            Some(reserved) if reserved.contains(&id.to_string()) => Ok(()),
            Some(reserved) => Err(NoFreeSlot::Full(reserved)),
        })
    }

    /// Creates the set with the active keys.
    async fn create_slot_set(&self, tenant: TenantId) -> Result<(), Fault> {
        let active = self.keys(tenant).await?.into_iter().filter(|key| key.revoked_at.is_none());
        let reserved: Vec<String> = active.map(|key| key.id.to_string()).collect();
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(partition(tenant))))
            .condition_expression("attribute_not_exists(pk)")
            .expression_attribute_values(":kind", s("key-places"));
        let update = match reserved.is_empty() {
            true => update.update_expression("SET kind = :kind"),
            false => update
                .update_expression("SET kind = :kind ADD held :ids")
                .expression_attribute_values(":ids", AttributeValue::Ss(reserved)),
        };
        // Another process may have created the set first.
        unless_condition_failed(update.send().await, "create a set of key slots").map(drop)
    }

    /// Releases stale slots, and revokes expired keys to release theirs. Returns `false` if every slot belongs to an
    /// active key or to a key being created.
    async fn release_stale_slots(
        &self,
        tenant: TenantId,
        new: KeyId,
        reserved: &BTreeSet<String>,
    ) -> Result<bool, Fault> {
        let (keys, now) = (self.versioned_keys(tenant).await?, new.made_at());
        let mut has_revoked = false;
        for expired in keys.iter().filter(|found| found.key.revoked_at.is_none() && found.key.is_expired(now)) {
            // A list of keys ends with the revoked ones, so expired keys never displace active ones there.
            self.revoke_found_key(expired, now).await?;
            has_revoked = true;
        }
        let is_stale = |id: &&String| match keys.iter().find(|found| found.key.id.to_string() == **id) {
            Some(found) => found.key.revoked_at.is_some(),
            None => id.parse::<KeyId>().map_or(true, |id| now.ms_since(id.made_at()) > INDEX_LAG_MAX_MS),
        };
        let stale: Vec<String> = reserved.iter().filter(is_stale).cloned().collect();
        if stale.is_empty() {
            return Ok(has_revoked);
        }
        self.release_slots(tenant, stale).await?;
        Ok(true)
    }

    async fn release_slots(&self, tenant: TenantId, ids: Vec<String>) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(partition(tenant))))
            .update_expression("DELETE held :ids")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":ids", AttributeValue::Ss(ids));
        // Without a set there is no slot to release.
        unless_condition_failed(update.send().await, "release key slots").map(drop)
    }
}

fn reserved_ids(item: &Item) -> BTreeSet<String> {
    let reserved = item.get("held").and_then(|reserved| reserved.as_ss().ok());
    reserved.into_iter().flatten().cloned().collect()
}

/// Returns the set's partition. It is no key's partition, as no hash begins with `places`.
fn partition(tenant: TenantId) -> String {
    format!("key#places#{tenant}")
}
