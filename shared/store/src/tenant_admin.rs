//! Tenants as an operator manages them: listed, changed, deleted, each with a unique name.
//!
//! A name is an item that contains the tenant's id. It is written before the tenant has the name, so a process that
//! dies in between leaves a name without a tenant. Another tenant takes the name over once the claim is older than any
//! request.

use handrail_domain::account::Tenant;
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::index_ranges::BY_KIND;
use crate::item::HEAD;
use crate::item_ops::partition_only_key;
use crate::keys::ReplaceOutcome;
use crate::outcome::unless_condition_failed;
use crate::tenants::{ALL_TENANTS_PARTITION, partition, tenant_list_position};
use handrail_domain::key_hash::hash_of_key;
use handrail_platform::fault::Fault;

/// Time after which a name without a tenant may be taken over: six times as long as a function may run.
const NAME_CLAIM_TIMEOUT_MS: i64 = 60_000;
/// Largest offset of a list. At some 200 bytes for each entry, a list takes a few queries.
pub const TENANTS_OFFSET_MAX: usize = 10_000;

/// Tenant as it was read, for a write on condition that the stored tenant has not changed.
#[derive(Clone, Debug)]
pub struct VersionedTenant {
    pub tenant: Tenant,
    stored_json: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimNameOutcome {
    Claimed,
    /// Another tenant has the name.
    Taken,
    /// Another request may be claiming the name. The result is known after this many seconds.
    Pending(u32),
}

impl Store {
    /// Returns `None` if the tenant does not exist or was deleted.
    pub async fn find_tenant(&self, tenant: TenantId) -> Result<Option<VersionedTenant>, Fault> {
        let Some(item) = self.get(partition_only_key(partition(tenant)), "read a tenant").await? else {
            return Ok(None);
        };
        let found = VersionedTenant { tenant: item.json("account")?, stored_json: item.text("account")?.to_owned() };
        Ok(Some(found).filter(|found| found.tenant.deleted_at.is_none()))
    }

    /// Replaces a tenant that has not changed since it was read. A deleted tenant leaves the list.
    pub async fn replace_tenant(&self, found: &VersionedTenant, tenant: &Tenant) -> Result<ReplaceOutcome, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(partition(tenant.tenant))))
            .condition_expression("account = :found")
            .expression_attribute_values(":account", s(json(tenant)?))
            .expression_attribute_values(":found", s(&found.stored_json));
        let update = match tenant.deleted_at {
            Some(_) => update.update_expression("SET account = :account REMOVE kind_pk, kind_sk"),
            // Also adds a tenant of a version that had no list.
            None => update
                .update_expression("SET account = :account, kind_pk = :all, kind_sk = :place")
                .expression_attribute_values(":all", s(ALL_TENANTS_PARTITION))
                .expression_attribute_values(":place", s(tenant_list_position(tenant))),
        };
        Ok(if unless_condition_failed(update.send().await, "replace a tenant")?.is_some() {
            ReplaceOutcome::Done
        } else {
            ReplaceOutcome::Conflict
        })
    }

    /// Claims a name for a tenant that is about to have it.
    pub async fn claim_name(&self, name: &str, tenant: TenantId, now: Timestamp) -> Result<ClaimNameOutcome, Fault> {
        let pk = name_partition(name);
        let (tenant_value, at) = (s(tenant.to_string()), n(now.as_unix_ms()));
        let claim = Item::from([
            ("pk".to_owned(), s(&pk)),
            ("sk".to_owned(), s(HEAD)),
            ("tenant".to_owned(), tenant_value.clone()),
            ("taken_at".to_owned(), at.clone()),
        ]);
        if self.put_if_absent(claim, "claim a name").await? {
            return Ok(ClaimNameOutcome::Claimed);
        }
        let Some(claim) = self.get(partition_only_key(&pk), "read a name").await? else {
            return Err(Fault::internal("a claimed name disappeared"));
        };
        let current: TenantId = claim
            .text("tenant")?
            .parse()
            .map_err(|error| Fault::internal_with_source("a name's tenant can't be read", error))?;
        let taken_at: i64 = claim.number("taken_at")?;
        if current != tenant {
            match self.tenant_including_deleted(current).await? {
                Some(other) if other.deleted_at.is_some() => {}
                Some(other) if other.name == name => return Ok(ClaimNameOutcome::Taken),
                _ => {
                    let rest_ms = NAME_CLAIM_TIMEOUT_MS - now.ms_since(Timestamp::from_unix_ms(taken_at));
                    if rest_ms > 0 {
                        let seconds = u32::try_from(rest_ms / 1000 + 1).unwrap_or(1);
                        return Ok(ClaimNameOutcome::Pending(seconds));
                    }
                }
            }
        }
        let take_over = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(pk)))
            .update_expression("SET tenant = :tenant, taken_at = :now")
            .condition_expression("tenant = :holder AND taken_at = :taken_at")
            .expression_attribute_values(":tenant", tenant_value)
            .expression_attribute_values(":now", at)
            .expression_attribute_values(":holder", s(current.to_string()))
            .expression_attribute_values(":taken_at", n(taken_at));
        Ok(if unless_condition_failed(take_over.send().await, "take over a name")?.is_some() {
            ClaimNameOutcome::Claimed
        } else {
            ClaimNameOutcome::Pending(1)
        })
    }

    /// Returns the tenants that are not deleted, newest first. The index follows the table within moments.
    pub async fn tenants(&self, offset: usize, limit: usize) -> Result<Vec<Tenant>, Fault> {
        let skipped = offset.min(TENANTS_OFFSET_MAX);
        let newest = self.newest_entries(BY_KIND, ALL_TENANTS_PARTITION, skipped + limit, "list tenants").await?;
        let keys = newest.into_iter().skip(skipped).map(|entry| partition_only_key(entry.pk));
        let found = self.batch_get(keys.collect()).await?;
        let mut tenants: Vec<Tenant> = found.iter().map(|item| item.json("account")).collect::<Result<_, _>>()?;
        tenants.retain(|tenant| tenant.deleted_at.is_none());
        tenants.sort_by_key(|tenant| std::cmp::Reverse(tenant_list_position(tenant)));
        Ok(tenants)
    }
}

/// Returns the partition of a name. Names are compared exactly, with case.
fn name_partition(name: &str) -> String {
    format!("account#name#{}", hash_of_key(name))
}
