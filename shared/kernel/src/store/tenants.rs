//! Accounts as an operator sees them: listed, changed, deleted, and each name given once.
//!
//! A name is kept by an item that leads to the account. It is written before the account has the name, so a process that
//! dies in between leaves a name that leads nowhere. Such a one is taken over when it is older than any request.

use handrail_domain::account::Account;
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;

use super::accounts::{ALL_ACCOUNTS, partition, place_among_all};
use super::item::HEAD;
use super::outcome::met;
use super::single::alone;
use super::strands::BY_KIND;
use super::{Item, ReadItem, Replaced, Store, json, n, s};
use crate::fault::Fault;
use crate::master::hash_of_key;

/// Six times as long as a function may run: whoever took a name by then has made its account or never will.
const NAME_SETTLES_MS: i64 = 60_000;
/// An operator pages through no more. At some 200 bytes each, a few answers of the index.
pub const ACCOUNTS_SKIPPED_MAX: usize = 10_000;

/// An account as it was read, to be written anew under the condition that it is still this one.
#[derive(Clone, Debug)]
pub struct FoundAccount {
    pub account: Account,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameTaken {
    Now,
    /// Another account has it.
    Held,
    /// Somebody may be giving it to an account right now. After so many seconds it is known.
    Unsettled(u32),
}

impl Store {
    /// `None`: there is none, or it was deleted.
    pub async fn find_account(&self, tenant: TenantId) -> Result<Option<FoundAccount>, Fault> {
        let Some(item) = self.get(alone(partition(tenant)), "read an account").await? else { return Ok(None) };
        let found = FoundAccount { account: item.json("account")?, text: item.text("account")?.to_owned() };
        Ok(Some(found).filter(|found| found.account.deleted_at.is_none()))
    }

    /// Writes an account anew where it is still what was found. A deleted one leaves the list.
    pub async fn replace_account(&self, found: &FoundAccount, account: &Account) -> Result<Replaced, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(partition(account.tenant))))
            .condition_expression("account = :found")
            .expression_attribute_values(":account", s(json(account)?))
            .expression_attribute_values(":found", s(&found.text));
        let update = match account.deleted_at {
            Some(_) => update.update_expression("SET account = :account REMOVE kind_pk, kind_sk"),
            // Also one of the days before there was a list.
            None => update
                .update_expression("SET account = :account, kind_pk = :all, kind_sk = :place")
                .expression_attribute_values(":all", s(ALL_ACCOUNTS))
                .expression_attribute_values(":place", s(place_among_all(account))),
        };
        Ok(if met(update.send().await, "change an account")?.is_some() { Replaced::Done } else { Replaced::Lost })
    }

    /// Gives a name to an account that is about to have it.
    pub async fn take_name(&self, name: &str, tenant: TenantId, now: Timestamp) -> Result<NameTaken, Fault> {
        let pk = partition_of_name(name);
        let (owner, at) = (s(tenant.to_string()), n(now.as_unix_ms()));
        let guard = Item::from([
            ("pk".to_owned(), s(&pk)),
            ("sk".to_owned(), s(HEAD)),
            ("tenant".to_owned(), owner.clone()),
            ("taken_at".to_owned(), at.clone()),
        ]);
        if self.put_if_absent(guard, "put an account's name").await? {
            return Ok(NameTaken::Now);
        }
        let Some(guard) = self.get(alone(&pk), "look a name up").await? else {
            return Err(Fault::broken("an account's name was there and is gone"));
        };
        let holder: TenantId =
            guard.text("tenant")?.parse().map_err(|error| Fault::broken_by("a name leads to no tenant", error))?;
        let taken_at: i64 = guard.number("taken_at")?;
        if holder != tenant {
            match self.account_even_deleted(holder).await? {
                Some(account) if account.deleted_at.is_some() => {}
                Some(account) if account.name == name => return Ok(NameTaken::Held),
                _ => {
                    let rest_ms = NAME_SETTLES_MS - now.ms_since(Timestamp::from_unix_ms(taken_at));
                    if rest_ms > 0 {
                        let seconds = u32::try_from(rest_ms / 1000 + 1).unwrap_or(1);
                        return Ok(NameTaken::Unsettled(seconds));
                    }
                }
            }
        }
        let take = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(pk)))
            .update_expression("SET tenant = :tenant, taken_at = :now")
            .condition_expression("tenant = :holder AND taken_at = :taken_at")
            .expression_attribute_values(":tenant", owner)
            .expression_attribute_values(":now", at)
            .expression_attribute_values(":holder", s(holder.to_string()))
            .expression_attribute_values(":taken_at", n(taken_at));
        Ok(if met(take.send().await, "take a name over")?.is_some() { NameTaken::Now } else { NameTaken::Unsettled(1) })
    }

    /// All accounts, newest first, without those that were deleted. An index leads there, which is a moment behind.
    pub async fn accounts(&self, offset: usize, limit: usize) -> Result<Vec<Account>, Fault> {
        let skipped = offset.min(ACCOUNTS_SKIPPED_MAX);
        let newest = self.newest(BY_KIND, ALL_ACCOUNTS, skipped + limit, "list accounts").await?;
        let keys = newest.into_iter().skip(skipped).map(|entry| alone(entry.pk));
        let found = self.batch_get(keys.collect()).await?;
        let mut accounts: Vec<Account> = found.iter().map(|item| item.json("account")).collect::<Result<_, _>>()?;
        accounts.retain(|account| account.deleted_at.is_none());
        accounts.sort_by_key(|account| std::cmp::Reverse(place_among_all(account)));
        Ok(accounts)
    }
}

/// As it is written, letter by letter.
fn partition_of_name(name: &str) -> String {
    format!("account#name#{}", hash_of_key(name))
}
