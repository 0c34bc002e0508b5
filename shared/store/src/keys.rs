//! API keys: looked up by their hash, listed by tenant, revoked by id.

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::access::{Role, Scope, ScopeSet};
use handrail_domain::account::Tier;
use handrail_domain::actor::Actor;
use handrail_domain::answer_origin::AnsweringKey;
use handrail_domain::approvers::{ApproverPattern, AskablePeople};
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::key_rate_limit::KeyRateLimit;
use handrail_domain::policy::Rule;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::index_ranges::BY_KIND;
use crate::item::HEAD;
use crate::item_ops::partition_only_key;
use crate::outcome::unless_condition_failed;
use handrail_platform::fault::Fault;

/// Number of API keys that a list returns at most, so that one page holds all active keys.
const KEYS_PER_TENANT_LISTED_MAX: usize = 100;

/// Stored properties of an API key. The secret itself is known only to the key's user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: KeyId,
    pub tenant: TenantId,
    pub name: String,
    /// First characters of the secret, by which a person recognises the key.
    pub prefix: String,
    pub role: Role,
    /// Scopes of a key that has fewer than its role. `None`: all scopes of the role.
    ///
    /// Stored in an attribute of its own, so that a version that doesn't know scopes can't remove them.
    #[serde(skip)]
    pub scopes: Option<ScopeSet>,
    /// Time from which the key no longer works. Stored in an attribute of its own, as `scopes`.
    #[serde(skip)]
    pub expires_at: Option<Timestamp>,
    /// Approvers that the key may ask. Empty: see [`ApiKey::askable`].
    #[serde(default)]
    pub approvers: Vec<ApproverPattern>,
    /// Approver who is asked when the first one did not answer in time.
    #[serde(default)]
    pub backup_approver: Option<EmailAddress>,
    /// `true` if the requester goes on reading `pending` while the backup is asked.
    #[serde(default)]
    pub escalation_stays_pending: bool,
    /// Rules that answer decisions without a person. The first rule that matches applies.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// `true` if rules may approve by the amount that a request states. Without the field: `false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trust_stated_amounts: bool,
    pub requests_per_minute: u32,
    /// Rate limit with a window of its own. `requests_per_minute` is its average then, for versions that don't know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<KeyRateLimit>,
    /// Monthly quota of this key alone, beside the quota of the tenant's tier. `None`: limited only by the tenant's
    /// quota.
    #[serde(default)]
    pub decisions_per_month: Option<u32>,
    /// Tier of the tenant, set on lookup. The stored value applies only if there is no tenant record.
    #[serde(default)]
    pub tier: Tier,
    pub created_at: Timestamp,
    #[serde(skip)]
    pub tenant_limits: TenantLimits,
    /// People of the tenant. Set on lookup and never stored.
    #[serde(skip)]
    pub people: Vec<EmailAddress>,
    /// Stored in an attribute of its own, so that changing the other properties can't undo a revocation.
    #[serde(skip)]
    pub revoked_at: Option<Timestamp>,
}

/// Limits of the key's tenant. Set on lookup and never stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantLimits {
    /// `None`: no limit.
    pub handoffs_per_day: Option<u32>,
    /// `true` if the tier allows only the owner as approver, the tenant has no owner, and the key names no approver.
    pub has_no_approver: bool,
    /// `true` if keys may not answer requests that they created themselves.
    pub forbids_own_answers: bool,
}

impl ApiKey {
    /// Creates an agent's key with the limits of the default tier.
    pub fn new(id: KeyId, tenant: TenantId, name: impl Into<String>, created_at: Timestamp) -> Self {
        let tier = Tier::default();
        Self {
            id,
            tenant,
            name: name.into(),
            prefix: String::new(),
            role: Role::Agent,
            scopes: None,
            expires_at: None,
            approvers: Vec::new(),
            backup_approver: None,
            escalation_stays_pending: false,
            rules: Vec::new(),
            trust_stated_amounts: false,
            requests_per_minute: tier.limits().requests_per_minute,
            rate_limit: None,
            decisions_per_month: None,
            tier,
            created_at,
            tenant_limits: TenantLimits::default(),
            people: Vec::new(),
            revoked_at: None,
        }
    }

    /// Scopes of the key, never more than those of its role.
    pub fn scopes(&self) -> ScopeSet {
        let of_role = self.role.scopes();
        self.scopes.map_or(of_role, |scopes| scopes.intersection(of_role))
    }

    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes().contains(scope)
    }

    /// People whom the key may ask. A key that does not answer may not choose who answers in its place, unless an admin
    /// lists whom it may ask: without a list it may ask the people of the tenant.
    pub fn askable(&self) -> AskablePeople<'_> {
        if !self.approvers.is_empty() {
            AskablePeople::Listed(&self.approvers)
        } else if self.allows(Scope::DecisionsResolve) {
            AskablePeople::Anyone
        } else {
            AskablePeople::OfTenant(&self.people)
        }
    }

    /// Returns `true` from the moment at which the key expires.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }

    /// Scopes that this key may give to a key that it creates.
    pub fn grantable_scopes(&self) -> ScopeSet {
        self.role.grantable_scopes(self.scopes())
    }

    /// Rate limit of the key: its own, or else the requests per minute.
    pub fn rate_limit(&self) -> KeyRateLimit {
        self.rate_limit.unwrap_or(KeyRateLimit::per_minute(self.requests_per_minute))
    }

    /// What an answer that this key sends has to know about the key.
    pub fn answering(&self) -> AnsweringKey {
        AnsweringKey { name: self.name.clone(), askers_may_answer: !self.tenant_limits.forbids_own_answers }
    }

    /// Author of the changes that are made with this key.
    ///
    /// Lifecycles judge an author by its role. So a key without the scope to answer acts as an agent, whatever its role.
    pub fn actor(&self) -> Actor {
        let answers_by_role_only = self.role.allows(Scope::DecisionsResolve) && !self.allows(Scope::DecisionsResolve);
        Actor::Key { key: self.id, role: if answers_by_role_only { Role::Agent } else { self.role } }
    }
}

/// API key as it was read, for a write on condition that the stored key has not changed.
#[derive(Clone, Debug)]
pub struct VersionedKey {
    pub key: ApiKey,
    pk: String,
    stored_json: String,
}

impl VersionedKey {
    /// Returns the hash of the secret.
    pub fn hash(&self) -> &str {
        self.pk.strip_prefix(HASH_PREFIX).unwrap_or(&self.pk)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceOutcome {
    Done,
    /// The key was changed or revoked after it was read.
    Conflict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeOutcome {
    Revoked,
    AlreadyRevoked,
    NotFound,
}

impl Store {
    /// Stores a new key. Returns `false` if a key with this hash exists.
    pub async fn put_key(&self, hash: &str, key: &ApiKey) -> Result<bool, Fault> {
        self.put_if_absent(key_item(hash, key)?, "put a key").await
    }

    /// Creates the key or replaces the key with this hash. A replaced key works again even if it was revoked.
    pub async fn upsert_key(&self, hash: &str, key: &ApiKey) -> Result<(), Fault> {
        let put = self.db.put_item().table_name(&self.table).set_item(Some(key_item(hash, key)?));
        put.send().await.map(drop).map_err(|error| Fault::from_sdk("create or replace a key", error))
    }

    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<ApiKey>, Fault> {
        let found = self.get(partition_only_key(hash_partition(hash)), "look up a key").await?;
        found.as_ref().map(key_from_item).transpose()
    }

    /// Returns the tenant's keys, newest first. If there are more than the list returns, the oldest revoked keys are
    /// left out, never an active key.
    pub async fn keys(&self, tenant: TenantId) -> Result<Vec<ApiKey>, Fault> {
        Ok(self.versioned_keys(tenant).await?.into_iter().map(|found| found.key).collect())
    }

    /// Returns the keys as [`Store::keys`] does, for a change of one of them.
    pub(super) async fn versioned_keys(&self, tenant: TenantId) -> Result<Vec<VersionedKey>, Fault> {
        let newest =
            self.newest_entries(BY_KIND, &tenant_partition(tenant), KEYS_PER_TENANT_LISTED_MAX, "list keys").await?;
        let found = self.batch_get(newest.into_iter().map(|entry| partition_only_key(entry.pk)).collect()).await?;
        let mut keys = found.iter().map(versioned_key).collect::<Result<Vec<VersionedKey>, _>>()?;
        keys.sort_by_key(|found| std::cmp::Reverse(found.key.id));
        Ok(keys)
    }

    /// Returns a key of the tenant by its id. The index follows the table, so a key created just now may be missing.
    pub async fn find_key(&self, tenant: TenantId, id: KeyId) -> Result<Option<VersionedKey>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .index_name("by_state")
            .key_condition_expression("state_pk = :pk")
            .expression_attribute_values(":pk", s(id_partition(tenant, id)))
            .limit(1);
        let found = query.send().await.map_err(|error| Fault::from_sdk("find a key", error))?;
        let Some(pk) = found.items().first().and_then(|item| item.opt_text("pk")) else {
            return Ok(None);
        };
        let Some(item) = self.get(partition_only_key(pk), "read a key").await? else { return Ok(None) };
        versioned_key(&item).map(Some)
    }

    /// Replaces a key that has not changed since it was read and is not revoked: a change never revives a key.
    pub async fn replace_key(&self, found: &VersionedKey, key: &ApiKey) -> Result<ReplaceOutcome, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(&found.pk)))
            .update_expression("SET #key = :key")
            .condition_expression("#key = :found AND attribute_not_exists(revoked_at)")
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":key", s(json(key)?))
            .expression_attribute_values(":found", s(&found.stored_json));
        Ok(if unless_condition_failed(update.send().await, "change a key")?.is_some() {
            ReplaceOutcome::Done
        } else {
            ReplaceOutcome::Conflict
        })
    }

    pub async fn revoke_key(&self, tenant: TenantId, id: KeyId, now: Timestamp) -> Result<RevokeOutcome, Fault> {
        match self.find_key(tenant, id).await? {
            Some(found) => self.revoke_found_key(&found, now).await,
            None => Ok(RevokeOutcome::NotFound),
        }
    }

    /// Revokes a key and releases its slot among the tenant's active keys.
    pub async fn revoke_found_key(&self, found: &VersionedKey, now: Timestamp) -> Result<RevokeOutcome, Fault> {
        if found.key.revoked_at.is_some() {
            return Ok(RevokeOutcome::AlreadyRevoked);
        }
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(&found.pk)))
            .update_expression("SET revoked_at = :now, kind_sk = :place")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(revoked_at)")
            .expression_attribute_values(":now", n(now.as_unix_ms()))
            .expression_attribute_values(":place", s(revoked_key_list_position(&found.key)));
        if unless_condition_failed(update.send().await, "revoke a key")?.is_none() {
            return Ok(RevokeOutcome::AlreadyRevoked);
        }
        // The key is revoked even if its slot stays taken: a stale slot is released when the tenant has no free one.
        if let Err(fault) = self.release_key_slot(found.key.tenant, found.key.id).await {
            tracing::warn!(
                fault = fault.with_causes(),
                "could not release the slot of a revoked key; it is released when the tenant has no free slot"
            );
        }
        Ok(RevokeOutcome::Revoked)
    }
}

/// Returns a key's sort key in the tenant's list. Thirteen digits hold every millisecond until the year 2286, so text
/// order is time order.
fn key_list_position(key: &ApiKey) -> String {
    format!("{:013}#{}", key.created_at.as_unix_ms(), key.id)
}

/// Returns the sort key of a revoked key. The hyphen sorts before all digits, so a list that begins with the newest
/// ends with the revoked keys.
fn revoked_key_list_position(key: &ApiKey) -> String {
    format!("-{}", key_list_position(key))
}

fn key_item(hash: &str, key: &ApiKey) -> Result<Item, Fault> {
    let mut item = Item::from([
        ("pk".to_owned(), s(hash_partition(hash))),
        ("sk".to_owned(), s(HEAD)),
        ("kind".to_owned(), s("key")),
        ("key".to_owned(), s(json(key)?)),
        ("kind_pk".to_owned(), s(tenant_partition(key.tenant))),
        ("kind_sk".to_owned(), s(key_list_position(key))),
        ("state_pk".to_owned(), s(id_partition(key.tenant, key.id))),
        ("state_sk".to_owned(), s(HEAD)),
    ]);
    if let Some(scopes) = key.scopes {
        let names = scopes.iter().map(|scope| s(scope.name())).collect();
        item.insert(SCOPES.to_owned(), AttributeValue::L(names));
    }
    if let Some(expires_at) = key.expires_at {
        item.insert(EXPIRES_AT.to_owned(), n(expires_at.as_unix_ms()));
    }
    Ok(item)
}

fn versioned_key(item: &Item) -> Result<VersionedKey, Fault> {
    Ok(VersionedKey {
        pk: item.text("pk")?.to_owned(),
        stored_json: item.text("key")?.to_owned(),
        key: key_from_item(item)?,
    })
}

fn key_from_item(item: &Item) -> Result<ApiKey, Fault> {
    let key: ApiKey = item.json("key")?;
    Ok(ApiKey {
        revoked_at: item.opt_time("revoked_at")?,
        expires_at: item.opt_time(EXPIRES_AT)?,
        scopes: scopes_of_item(item),
        ..key
    })
}

/// Reads the scopes of a key. Names that a later version added are left out, so the key has fewer rights here, not more.
fn scopes_of_item(item: &Item) -> Option<ScopeSet> {
    let scopes = item.get(SCOPES)?;
    let names = scopes.as_l().ok().into_iter().flatten().filter_map(|name| name.as_s().ok());
    Some(names.filter_map(|name| Scope::from_name(name)).collect())
}

const SCOPES: &str = "scopes";
const EXPIRES_AT: &str = "expires_at";

const HASH_PREFIX: &str = "key#";

fn hash_partition(hash: &str) -> String {
    format!("{HASH_PREFIX}{hash}")
}

fn tenant_partition(tenant: TenantId) -> String {
    format!("{tenant}#key")
}

fn id_partition(tenant: TenantId, id: KeyId) -> String {
    format!("{tenant}#key#{id}")
}
