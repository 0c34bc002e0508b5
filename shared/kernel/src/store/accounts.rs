//! Accounts: found by tenant, and by the holder's address through an item that names the tenant.

use handrail_domain::account::Account;
use handrail_domain::ids::TenantId;
use handrail_domain::text::EmailAddress;

use super::item::HEAD;
use super::outcome::met;
use super::single::alone;
use super::{Item, ReadItem, Store, json, s};
use crate::fault::Fault;
use crate::master::hash_of_key;

impl Store {
    /// `false`: the address holds another account, or this account is there already and stays as it is.
    ///
    /// The address first: a process that dies in between leaves an address that leads nowhere, and a repeat goes on there.
    /// Of an account that nobody holds, there is no address to keep.
    pub async fn put_account(&self, account: &Account) -> Result<bool, Fault> {
        if let Some(email) = &account.email
            && !self.put_address(email, account.tenant).await?
        {
            return Ok(false);
        }
        self.put_if_absent(account_item(account)?, "put an account").await
    }

    /// `false`: it leads to another account.
    async fn put_address(&self, email: &EmailAddress, tenant: TenantId) -> Result<bool, Fault> {
        let (pk, owner) = (partition_of_address(email), s(tenant.to_string()));
        let address =
            Item::from([("pk".to_owned(), s(&pk)), ("sk".to_owned(), s(HEAD)), ("tenant".to_owned(), owner.clone())]);
        if self.put_if_absent(address, "put an account's address").await? {
            return Ok(true);
        }
        let holder = self.tenant_of(email).await?;
        let Some(holder) = holder.filter(|holder| *holder != tenant) else { return Ok(true) };
        if self.account(holder).await?.is_some() {
            return Ok(false);
        }
        let take = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(&pk)))
            .update_expression("SET tenant = :tenant")
            .condition_expression("tenant = :nobody")
            .expression_attribute_values(":tenant", owner)
            .expression_attribute_values(":nobody", s(holder.to_string()));
        Ok(met(take.send().await, "take an account's address")?.is_some())
    }

    /// `None`: there is none, or it was deleted.
    pub async fn account(&self, tenant: TenantId) -> Result<Option<Account>, Fault> {
        Ok(self.account_even_deleted(tenant).await?.filter(|account| account.deleted_at.is_none()))
    }

    /// For whoever has to tell the two apart: keys without an account work, those of a deleted one don't.
    pub async fn account_even_deleted(&self, tenant: TenantId) -> Result<Option<Account>, Fault> {
        let found = self.get(alone(partition(tenant)), "read an account").await?;
        found.map(|item| item.json("account")).transpose()
    }

    pub async fn account_by_email(&self, email: &EmailAddress) -> Result<Option<Account>, Fault> {
        let Some(tenant) = self.tenant_of(email).await? else { return Ok(None) };
        let account = self.account(tenant).await?;
        // The account may have been given another address since.
        Ok(account.filter(|account| account.is_held_by(email)))
    }

    async fn tenant_of(&self, email: &EmailAddress) -> Result<Option<TenantId>, Fault> {
        let found = self.get(alone(partition_of_address(email)), "look an address up").await?;
        let Some(item) = found else { return Ok(None) };
        let tenant = item.text("tenant")?.parse();
        tenant.map(Some).map_err(|error| Fault::broken_by("an address leads to no tenant", error))
    }
}

pub(super) fn account_item(account: &Account) -> Result<Item, Fault> {
    Ok(Item::from([
        ("pk".to_owned(), s(partition(account.tenant))),
        ("sk".to_owned(), s(HEAD)),
        ("kind".to_owned(), s("account")),
        ("account".to_owned(), s(json(account)?)),
        ("kind_pk".to_owned(), s(ALL_ACCOUNTS)),
        ("kind_sk".to_owned(), s(place_among_all(account))),
    ]))
}

/// The partition of the index in which all accounts that are not deleted lie.
pub(super) const ALL_ACCOUNTS: &str = "account";

/// Thirteen digits hold every millisecond until the year 2286, so text order is time order.
pub(super) fn place_among_all(account: &Account) -> String {
    format!("{:013}#{}", account.created_at.as_unix_ms(), account.tenant)
}

pub(super) fn partition(tenant: TenantId) -> String {
    format!("account#{tenant}")
}

/// Addresses are compared without case, so they are hashed without it.
fn partition_of_address(email: &EmailAddress) -> String {
    format!("account#mail#{}", hash_of_key(&email.as_str().to_lowercase()))
}
