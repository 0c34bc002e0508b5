//! API keys of a tenant: their names, their storage within the tenant's limit, and their revocation, for all doors and
//! the command line.

use handrail_domain::access::Role;
use handrail_domain::account::{Tenant, Tier};
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::time::Timestamp;

use crate::admin_rights::AdminRights;
use crate::authenticate::clear_key_cache;
use crate::key_error::KeyError;
use handrail_context::cx::Cx;
use handrail_domain::key_hash::hash_of_key;
use handrail_platform::fault::Fault;
use handrail_store::{ApiKey, RevokeOutcome, Store, VersionedKey};

/// Length of the stored key prefix: enough to recognise a key, too little to guess it.
pub const KEY_PREFIX_CHARS: usize = 14;
/// Maximum length of the name of an API key, and of a tenant with an owner.
pub const NAME_CHARS_MAX: usize = 100;

/// Returns `true` if the name is one printable line of at most `chars_max` characters and not blank.
pub fn is_valid_name(name: &str, chars_max: usize) -> bool {
    !name.trim().is_empty() && name.chars().count() <= chars_max && !name.chars().any(char::is_control)
}

pub fn prefix_of(secret: &str) -> String {
    secret.chars().take(KEY_PREFIX_CHARS).collect()
}

/// Identity of a new API key.
#[derive(Clone, Debug)]
pub struct KeyIdentity {
    pub id: KeyId,
    pub tenant: TenantId,
    pub name: String,
    pub created_at: Timestamp,
}

/// Returns a new API key with the defaults of its tier. The tenant record is absent for tenants that have none.
pub fn new_key(identity: KeyIdentity, secret: &str, role: Role, tier: Tier, record: Option<&Tenant>) -> ApiKey {
    let KeyIdentity { id, tenant, name, created_at } = identity;
    ApiKey {
        prefix: prefix_of(secret),
        role,
        tier,
        approvers: default_approvers(record),
        requests_per_minute: tier.limits().requests_per_minute,
        ..ApiKey::new(id, tenant, name, created_at)
    }
}

/// Returns the approvers of a new key that names none: the owner of the tenant if the tier limits approvers, otherwise
/// none.
fn default_approvers(tenant: Option<&Tenant>) -> Vec<ApproverPattern> {
    let limited = tenant.filter(|tenant| tenant.tier.limits().approvers_max.is_some());
    limited.and_then(|tenant| tenant.email.clone()).map(ApproverPattern::from).into_iter().collect()
}

/// Stores a new API key. Returns `false` if the tenant has its maximum of active keys.
pub async fn put(store: &Store, tenant: Option<&Tenant>, secret: &str, key: &ApiKey) -> Result<bool, Fault> {
    if !store.reserve_key_slot(key.tenant, key.id, Some(keys_max(tenant, key))).await? {
        return Ok(false);
    }
    // An existing key with this hash means that the response to an earlier attempt was lost: secrets are never drawn
    // twice.
    store.put_key(&hash_of_key(secret), key).await?;
    Ok(true)
}

/// Returns the number of active keys that the tenant of this key may have.
pub(crate) fn keys_max(tenant: Option<&Tenant>, key: &ApiKey) -> u32 {
    tenant.map_or(key.tier.packet_limits().keys_max, Tenant::keys_max)
}

/// Returns the API keys of a tenant that the caller may see, newest first, including revoked ones.
pub async fn list(cx: &Cx, caller: &AdminRights, tenant: TenantId) -> Result<Vec<ApiKey>, Fault> {
    let mut keys = cx.store.keys(tenant).await?;
    keys.retain(|key| caller.can_see_key(key));
    Ok(keys)
}

/// Finds an API key that the caller may see.
pub async fn find(cx: &Cx, caller: &AdminRights, tenant: TenantId, id: KeyId) -> Result<VersionedKey, KeyError> {
    if !caller.can_see_tenant(tenant) {
        return Err(KeyError::TenantNotFound);
    }
    let found = cx.store.find_key(tenant, id).await?;
    found.filter(|found| caller.can_see_key(&found.key)).ok_or(KeyError::NotFound)
}

/// Revokes an API key that the caller may see. Returns `false` if the key was revoked before.
pub async fn revoke(cx: &Cx, caller: &AdminRights, tenant: TenantId, id: KeyId) -> Result<bool, KeyError> {
    let found = find(cx, caller, tenant, id).await?;
    Ok(revoke_found(cx, &found).await?)
}

/// Revokes an API key. Returns `false` if the key was revoked before. This process rejects the key at once, other
/// processes within [`KEY_CACHE_TTL_MS`].
///
/// [`KEY_CACHE_TTL_MS`]: crate::KEY_CACHE_TTL_MS
pub(crate) async fn revoke_found(cx: &Cx, found: &VersionedKey) -> Result<bool, Fault> {
    let outcome = cx.store.revoke_found_key(found, cx.clock.now()).await?;
    clear_key_cache(cx);
    Ok(outcome == RevokeOutcome::Revoked)
}
