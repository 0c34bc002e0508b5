//! API keys: looked up by their hash, listed by tenant, revoked by id.

use handrail_domain::access::Role;
use handrail_domain::account::Tier;
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::policy::Rule;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::HEAD;
use super::outcome::met;
use super::single::alone;
use super::strands::BY_KIND;
use super::{Item, ReadItem, Store, json, n, s};
use crate::fault::Fault;

/// More than anybody needs, and few enough to list in one page.
const KEYS_PER_TENANT_LISTED_MAX: usize = 100;

/// What the service knows of a key. The key itself is known only to its owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    pub id: KeyId,
    pub tenant: TenantId,
    pub name: String,
    /// The first characters, so that its owner recognises it.
    pub prefix: String,
    pub role: Role,
    /// Whom it may ask. Empty: anyone.
    #[serde(default)]
    pub approvers: Vec<EmailAddress>,
    /// Asked when the approver did not answer in time.
    #[serde(default)]
    pub backup_approver: Option<EmailAddress>,
    /// While the backup is asked, the asker goes on reading `pending`.
    #[serde(default)]
    pub escalation_stays_pending: bool,
    /// What is answered without asking anybody: in order, the first that matches counts.
    #[serde(default)]
    pub rules: Vec<Rule>,
    pub requests_per_minute: u32,
    /// Of this key alone; the account's tier has its own number. `None`: as many as the account has left.
    #[serde(default)]
    pub decisions_per_month: Option<u32>,
    /// The account's, laid over the key where it is looked up. What lies here counts where there is no account.
    #[serde(default)]
    pub tier: Tier,
    pub created_at: Timestamp,
    #[serde(skip)]
    pub terms: Terms,
    /// Lies beside the rest in the table: a change of the rest must not undo it.
    #[serde(skip)]
    pub revoked_at: Option<Timestamp>,
}

/// What a key's account says now, as far as it is the key's to know. Laid over it where it is looked up, kept nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// `None`: as many as wanted.
    pub handoffs_per_day: Option<u32>,
    /// Its tier lets it ask nobody but the account's holder, and nobody holds the account.
    pub asks_nobody: bool,
}

impl Key {
    /// An agent's key of an account of one's own. What differs is laid over it.
    pub fn new(id: KeyId, tenant: TenantId, name: impl Into<String>, created_at: Timestamp) -> Self {
        let tier = Tier::default();
        Self {
            id,
            tenant,
            name: name.into(),
            prefix: String::new(),
            role: Role::Agent,
            approvers: Vec::new(),
            backup_approver: None,
            escalation_stays_pending: false,
            rules: Vec::new(),
            requests_per_minute: tier.preset().requests_per_minute,
            decisions_per_month: None,
            tier,
            created_at,
            terms: Terms::default(),
            revoked_at: None,
        }
    }
}

/// A key as it was read, to be written anew under the condition that it is still this one.
#[derive(Clone, Debug)]
pub struct FoundKey {
    pub key: Key,
    pk: String,
    text: String,
}

impl FoundKey {
    /// What the key itself hashes to.
    pub fn hash(&self) -> &str {
        self.pk.strip_prefix(HASH_PREFIX).unwrap_or(&self.pk)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    Done,
    /// Somebody changed or revoked it in between.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    Now,
    Before,
    Unknown,
}

impl Store {
    /// `false`: a key with this hash exists.
    pub async fn put_key(&self, hash: &str, key: &Key) -> Result<bool, Fault> {
        self.put_if_absent(key_item(hash, key)?, "put a key").await
    }

    /// Makes the key, or makes it anew if there is one with this hash: it works again even if that one was revoked.
    pub async fn renew_key(&self, hash: &str, key: &Key) -> Result<(), Fault> {
        let put = self.db.put_item().table_name(&self.table).set_item(Some(key_item(hash, key)?));
        put.send().await.map(drop).map_err(|error| Fault::from_sdk("renew a key", error))
    }

    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<Key>, Fault> {
        let found = self.get(alone(partition_of_hash(hash)), "look a key up").await?;
        found.as_ref().map(read_key).transpose()
    }

    /// The tenant's keys, newest first. Where there are more than are listed, the oldest of those that were revoked are left
    /// out, and none that works.
    pub async fn keys(&self, tenant: TenantId) -> Result<Vec<Key>, Fault> {
        let newest =
            self.newest(BY_KIND, &partition_of_tenant(tenant), KEYS_PER_TENANT_LISTED_MAX, "list keys").await?;
        let found = self.batch_get(newest.into_iter().map(|entry| alone(entry.pk)).collect()).await?;
        let mut keys = found.iter().map(read_key).collect::<Result<Vec<Key>, _>>()?;
        keys.sort_by_key(|key| std::cmp::Reverse(key.id));
        Ok(keys)
    }

    /// A key of this account by its id. An index leads there, so a key that was made just now may be missing.
    pub async fn find_key(&self, tenant: TenantId, id: KeyId) -> Result<Option<FoundKey>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .index_name("by_state")
            .key_condition_expression("state_pk = :pk")
            .expression_attribute_values(":pk", s(partition_of_id(tenant, id)))
            .limit(1);
        let found = query.send().await.map_err(|error| Fault::from_sdk("find a key", error))?;
        let Some(pk) = found.items().first().and_then(|item| item.text_if_any("pk")) else {
            return Ok(None);
        };
        let Some(item) = self.get(alone(pk), "read a key").await? else { return Ok(None) };
        Ok(Some(FoundKey { pk: pk.to_owned(), text: item.text("key")?.to_owned(), key: read_key(&item)? }))
    }

    /// Writes a key anew where it is still what was found and was not revoked: a change never brings a key back.
    pub async fn replace_key(&self, found: &FoundKey, key: &Key) -> Result<Replaced, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(&found.pk)))
            .update_expression("SET #key = :key")
            .condition_expression("#key = :found AND attribute_not_exists(revoked_at)")
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":key", s(json(key)?))
            .expression_attribute_values(":found", s(&found.text));
        Ok(if met(update.send().await, "change a key")?.is_some() { Replaced::Done } else { Replaced::Lost })
    }

    pub async fn revoke_key(&self, tenant: TenantId, id: KeyId, now: Timestamp) -> Result<Revoked, Fault> {
        match self.find_key(tenant, id).await? {
            Some(found) => self.revoke_found_key(&found, now).await,
            None => Ok(Revoked::Unknown),
        }
    }

    /// The place that it held among the account's keys is left to the next one.
    pub async fn revoke_found_key(&self, found: &FoundKey, now: Timestamp) -> Result<Revoked, Fault> {
        if found.key.revoked_at.is_some() {
            return Ok(Revoked::Before);
        }
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(alone(&found.pk)))
            .update_expression("SET revoked_at = :now, kind_sk = :place")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(revoked_at)")
            .expression_attribute_values(":now", n(now.as_unix_ms()))
            .expression_attribute_values(":place", s(place_of_revoked(&found.key)));
        if met(update.send().await, "revoke a key")?.is_none() {
            return Ok(Revoked::Before);
        }
        // The key is revoked, whatever becomes of this.
        if let Err(fault) = self.leave_key_place(found.key.tenant, found.key.id).await {
            tracing::warn!(fault = fault.chain(), "a revoked key's place is left later");
        }
        Ok(Revoked::Now)
    }
}

/// Thirteen digits hold every millisecond until the year 2286, so text order is time order.
fn place(key: &Key) -> String {
    format!("{:013}#{}", key.created_at.as_unix_ms(), key.id)
}

/// Before all digits: behind every key that works, in a list that begins with the newest.
fn place_of_revoked(key: &Key) -> String {
    format!("-{}", place(key))
}

fn key_item(hash: &str, key: &Key) -> Result<Item, Fault> {
    Ok(Item::from([
        ("pk".to_owned(), s(partition_of_hash(hash))),
        ("sk".to_owned(), s(HEAD)),
        ("kind".to_owned(), s("key")),
        ("key".to_owned(), s(json(key)?)),
        ("kind_pk".to_owned(), s(partition_of_tenant(key.tenant))),
        ("kind_sk".to_owned(), s(place(key))),
        ("state_pk".to_owned(), s(partition_of_id(key.tenant, key.id))),
        ("state_sk".to_owned(), s(HEAD)),
    ]))
}

fn read_key(item: &Item) -> Result<Key, Fault> {
    let key: Key = item.json("key")?;
    Ok(Key { revoked_at: item.time_if_any("revoked_at")?, ..key })
}

const HASH_PREFIX: &str = "key#";

fn partition_of_hash(hash: &str) -> String {
    format!("{HASH_PREFIX}{hash}")
}

fn partition_of_tenant(tenant: TenantId) -> String {
    format!("{tenant}#key")
}

fn partition_of_id(tenant: TenantId, id: KeyId) -> String {
    format!("{tenant}#key#{id}")
}
