//! How many keys of an account work at a time: a set of their ids, and a key is made only when its id found room in it.
//!
//! The set is written before the key and after its revocation, so it may hold ids that no key has any more, never too few.
//! What is held for nothing is found out when the set is full.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use handrail_domain::ids::{KeyId, TenantId};

use super::outcome::{met, met_or_found};
use super::single::alone;
use super::{Item, Store, n, s};
use crate::fault::Fault;

/// An index tells of a key later than it is made, by seconds at most. What it does not tell of after this long is not there.
const UNSEEN_MAX_MS: i64 = 10 * 60_000;

/// Why an id found no room.
enum NoRoom {
    /// There is no set yet: keys of earlier days are not in any.
    NoSet,
    Full(BTreeSet<String>),
}

impl Store {
    /// Room for one more key. `room`: how many there may be then; `None` where one goes for it.
    ///
    /// `false`: there is none.
    pub async fn hold_key_place(&self, tenant: TenantId, id: KeyId, room: Option<u32>) -> Result<bool, Fault> {
        // Once for the set that is not there, once for what is held for nothing.
        for _ in 0..2 {
            match self.try_hold(tenant, id, room).await? {
                Ok(()) => return Ok(true),
                Err(NoRoom::NoSet) => self.begin_set(tenant).await?,
                Err(NoRoom::Full(held)) => {
                    if !self.let_go_of_the_dead(tenant, id, &held).await? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(self.try_hold(tenant, id, room).await?.is_ok())
    }

    /// The key does not work any more, or was never made. Whoever dies before this leaves a place held for nothing.
    pub async fn leave_key_place(&self, tenant: TenantId, id: KeyId) -> Result<(), Fault> {
        self.leave(tenant, vec![id.to_string()]).await
    }

    async fn try_hold(&self, tenant: TenantId, id: KeyId, room: Option<u32>) -> Result<Result<(), NoRoom>, Fault> {
        let (condition, limit) = match room {
            Some(room) => ("attribute_exists(pk) AND (attribute_not_exists(held) OR size(held) < :room)", Some(room)),
            None => ("attribute_exists(pk)", None),
        };
        if limit == Some(0) {
            return Ok(Err(NoRoom::Full(BTreeSet::new())));
        }
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(partition(tenant))))
            .update_expression("ADD held :id")
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":id", AttributeValue::Ss(vec![id.to_string()]));
        let update = match limit {
            Some(limit) => update.expression_attribute_values(":room", n(limit)),
            None => update,
        };
        let Err(found) = met_or_found(update.send().await, "hold a key's place")? else { return Ok(Ok(())) };
        Ok(match found.as_ref().map(ids) {
            None => Err(NoRoom::NoSet),
            // The answer to the first try was lost.
            Some(held) if held.contains(&id.to_string()) => Ok(()),
            Some(held) => Err(NoRoom::Full(held)),
        })
    }

    /// With the keys that work already.
    async fn begin_set(&self, tenant: TenantId) -> Result<(), Fault> {
        let working = self.keys(tenant).await?.into_iter().filter(|key| key.revoked_at.is_none());
        let held: Vec<String> = working.map(|key| key.id.to_string()).collect();
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(partition(tenant))))
            .condition_expression("attribute_not_exists(pk)")
            .expression_attribute_values(":kind", s("key-places"));
        let update = match held.is_empty() {
            true => update.update_expression("SET kind = :kind"),
            false => update
                .update_expression("SET kind = :kind ADD held :ids")
                .expression_attribute_values(":ids", AttributeValue::Ss(held)),
        };
        // Somebody else was faster.
        met(update.send().await, "begin an account's set of keys").map(drop)
    }

    /// `false`: all that is held is held by a key that works, or by one that is being made.
    async fn let_go_of_the_dead(&self, tenant: TenantId, new: KeyId, held: &BTreeSet<String>) -> Result<bool, Fault> {
        let keys = self.keys(tenant).await?;
        let is_dead = |id: &&String| match keys.iter().find(|key| key.id.to_string() == **id) {
            Some(key) => key.revoked_at.is_some(),
            None => id.parse::<KeyId>().map_or(true, |id| new.made_at().ms_since(id.made_at()) > UNSEEN_MAX_MS),
        };
        let dead: Vec<String> = held.iter().filter(is_dead).cloned().collect();
        if dead.is_empty() {
            return Ok(false);
        }
        self.leave(tenant, dead).await?;
        Ok(true)
    }

    async fn leave(&self, tenant: TenantId, ids: Vec<String>) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(partition(tenant))))
            .update_expression("DELETE held :ids")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":ids", AttributeValue::Ss(ids));
        // No set: nothing is held.
        met(update.send().await, "leave a key's place").map(drop)
    }
}

fn ids(item: &Item) -> BTreeSet<String> {
    let held = item.get("held").and_then(|held| held.as_ss().ok());
    held.into_iter().flatten().cloned().collect()
}

/// Beside the keys, and no hash of one.
fn partition(tenant: TenantId) -> String {
    format!("key#places#{tenant}")
}
