//! Tenants, stored by id, and found by the owner's address through an item that contains the tenant's id.

use handrail_domain::account::Tenant;
use handrail_domain::ids::TenantId;
use handrail_domain::text::EmailAddress;

use crate::attributes::{Item, ReadItem, json, s};
use crate::client::Store;
use crate::item::HEAD;
use crate::item_ops::partition_only_key;
use crate::outcome::unless_condition_failed;
use handrail_domain::key_hash::hash_of_key;
use handrail_platform::fault::Fault;

impl Store {
    /// Stores a new tenant. Returns `false` if another tenant has the address, or if the tenant exists, which stays as
    /// it is.
    ///
    /// The address is claimed first. A process that dies in between leaves an address without a tenant, and a repeat
    /// continues there. A tenant without an owner has no address to claim.
    pub async fn put_tenant(&self, tenant: &Tenant) -> Result<bool, Fault> {
        if let Some(email) = &tenant.email
            && !self.claim_email(email, tenant.tenant).await?
        {
            return Ok(false);
        }
        self.put_if_absent(tenant_item(tenant)?, "put a tenant").await
    }

    /// Claims an address. Returns `false` if another tenant has it.
    async fn claim_email(&self, email: &EmailAddress, tenant: TenantId) -> Result<bool, Fault> {
        let (pk, tenant_value) = (email_partition(email), s(tenant.to_string()));
        let claim = Item::from([
            ("pk".to_owned(), s(&pk)),
            ("sk".to_owned(), s(HEAD)),
            ("tenant".to_owned(), tenant_value.clone()),
        ]);
        if self.put_if_absent(claim, "claim an address").await? {
            return Ok(true);
        }
        let current = self.tenant_id_by_email(email).await?;
        let Some(current) = current.filter(|current| *current != tenant) else { return Ok(true) };
        if self.tenant(current).await?.is_some() {
            return Ok(false);
        }
        let take_over = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(&pk)))
            .update_expression("SET tenant = :tenant")
            .condition_expression("tenant = :current")
            .expression_attribute_values(":tenant", tenant_value)
            .expression_attribute_values(":current", s(current.to_string()));
        Ok(unless_condition_failed(take_over.send().await, "take over an address")?.is_some())
    }

    /// Returns `None` if the tenant does not exist or was deleted.
    pub async fn tenant(&self, tenant: TenantId) -> Result<Option<Tenant>, Fault> {
        Ok(self.tenant_including_deleted(tenant).await?.filter(|found| found.deleted_at.is_none()))
    }

    /// Returns a tenant even if it was deleted: API keys without a stored tenant work, those of a deleted tenant
    /// don't.
    pub async fn tenant_including_deleted(&self, tenant: TenantId) -> Result<Option<Tenant>, Fault> {
        let found = self.get(partition_only_key(partition(tenant)), "read a tenant").await?;
        found.map(|item| item.json("account")).transpose()
    }

    pub async fn tenant_by_email(&self, email: &EmailAddress) -> Result<Option<Tenant>, Fault> {
        let Some(id) = self.tenant_id_by_email(email).await? else { return Ok(None) };
        let found = self.tenant(id).await?;
        // The tenant may have got another address since.
        Ok(found.filter(|found| found.is_owned_by(email)))
    }

    async fn tenant_id_by_email(&self, email: &EmailAddress) -> Result<Option<TenantId>, Fault> {
        let found = self.get(partition_only_key(email_partition(email)), "read an address").await?;
        let Some(item) = found else { return Ok(None) };
        let tenant = item.text("tenant")?.parse();
        tenant.map(Some).map_err(|error| Fault::internal_with_source("an address's tenant can't be read", error))
    }
}

pub(super) fn tenant_item(tenant: &Tenant) -> Result<Item, Fault> {
    Ok(Item::from([
        ("pk".to_owned(), s(partition(tenant.tenant))),
        ("sk".to_owned(), s(HEAD)),
        ("kind".to_owned(), s("account")),
        ("account".to_owned(), s(json(tenant)?)),
        ("kind_pk".to_owned(), s(ALL_TENANTS_PARTITION)),
        ("kind_sk".to_owned(), s(tenant_list_position(tenant))),
    ]))
}

/// Index partition of all tenants that are not deleted.
pub(super) const ALL_TENANTS_PARTITION: &str = "account";

/// Returns a tenant's sort key in the list. Thirteen digits hold every millisecond until the year 2286, so text order
/// is time order.
pub(super) fn tenant_list_position(tenant: &Tenant) -> String {
    format!("{:013}#{}", tenant.created_at.as_unix_ms(), tenant.tenant)
}

pub(super) fn partition(tenant: TenantId) -> String {
    format!("account#{tenant}")
}

/// Returns the partition of an address. Addresses are compared without case, so they are hashed in lower case.
fn email_partition(email: &EmailAddress) -> String {
    format!("account#mail#{}", hash_of_key(&email.as_str().to_lowercase()))
}
