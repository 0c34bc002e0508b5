//! Creation, rotation and revocation of API keys, for all doors and the command line.
//!
//! A key is returned only after it is stored, so an interrupted request leaves at worst a key that no program has.

use handrail_domain::account::Tenant;
use handrail_domain::ids::KeyId;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;

use crate::authenticate::clear_key_cache;
use crate::error::AccessError;
use crate::rate_limit::{RateLimit, check_limit};
use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_domain::key_hash::hash_of_key;
use handrail_platform::fault::Fault;
use handrail_store::{ApiKey, RevokeOutcome, Store, VersionedKey};

/// Length of the stored key prefix: enough to recognise a key, too little to guess it.
pub const KEY_PREFIX_CHARS: usize = 14;
/// Maximum length of the name of an API key, and of a tenant with an owner.
pub const NAME_CHARS_MAX: usize = 100;

const ROTATED_SUFFIX: &str = " (rotated)";

/// Returns `true` if the name is one printable line of at most `chars_max` characters and not blank.
pub fn is_valid_name(name: &str, chars_max: usize) -> bool {
    !name.trim().is_empty() && name.chars().count() <= chars_max && !name.chars().any(char::is_control)
}

pub fn prefix_of(secret: &str) -> String {
    secret.chars().take(KEY_PREFIX_CHARS).collect()
}

/// Returns the approvers of a new key that names none: the owner of the tenant if the tier limits approvers, otherwise
/// none.
pub fn default_approvers(tenant: Option<&Tenant>) -> Vec<EmailAddress> {
    let limited = tenant.filter(|tenant| tenant.tier.limits().approvers_max.is_some());
    limited.and_then(|tenant| tenant.email.clone()).into_iter().collect()
}

/// Stores a new API key. Enforces the hourly rate limit for new keys and the maximum number of active keys of the
/// tenant.
pub async fn create(cx: &Cx, secret: &str, key: &ApiKey) -> Result<(), AccessError> {
    check_limit(cx, RateLimit::key_creation(key.tenant, cx.settings.public_rate_limits.keys_per_hour)).await?;
    let tenant = cx.store.tenant_including_deleted(key.tenant).await?;
    if tenant.as_ref().is_some_and(|tenant| tenant.deleted_at.is_some()) {
        return Err(AccessError::TenantDeleted);
    }
    if put(&cx.store, tenant.as_ref(), secret, key).await? {
        Ok(())
    } else {
        Err(AccessError::TooManyKeys { max: keys_max(tenant.as_ref(), key) })
    }
}

/// Returns the API key that an earlier run created with this secret. Returns `None` if no run was interrupted.
pub async fn find_created(cx: &Cx, ids: &EffectIds, secret: &str) -> Result<Option<ApiKey>, Fault> {
    if ids.is_repeat() { cx.store.key_by_hash(&hash_of_key(secret)).await } else { Ok(None) }
}

/// Stores a new API key without the hourly rate limit. Returns `false` if the tenant has its maximum of active keys.
pub async fn put(store: &Store, tenant: Option<&Tenant>, secret: &str, key: &ApiKey) -> Result<bool, Fault> {
    if !store.reserve_key_slot(key.tenant, key.id, Some(keys_max(tenant, key))).await? {
        return Ok(false);
    }
    // An existing key with this hash means that the response to an earlier attempt was lost: secrets are never drawn
    // twice.
    store.put_key(&hash_of_key(secret), key).await?;
    Ok(true)
}

fn keys_max(tenant: Option<&Tenant>, key: &ApiKey) -> u32 {
    tenant.map_or(key.tier.packet_limits().keys_max, Tenant::keys_max)
}

/// Replaces an API key by a new one with the same permissions. Returns the new secret and the stored key, or `None` if
/// the old key was revoked before.
///
/// The new key is stored before the old one is revoked, so at least one works at any time. Its secret is derived from
/// the old key, so a repeat of an interrupted rotation returns the same key and creates no third.
pub async fn rotate(cx: &Cx, old: &VersionedKey) -> Result<Option<(String, ApiKey)>, AccessError> {
    if old.key.revoked_at.is_some() {
        return Ok(None);
    }
    check_limit(cx, RateLimit::key_creation(old.key.tenant, cx.settings.public_rate_limits.keys_per_hour)).await?;
    let secret = cx.master_key()?.rotated_secret(old.hash());
    let key = match cx.store.key_by_hash(&hash_of_key(&secret)).await? {
        Some(key) => key,
        None => create_rotated(cx, old, &secret).await?,
    };
    if key.revoked_at.is_some() {
        // An earlier rotation was interrupted, and its new key was revoked by hand.
        return Err(AccessError::ReplacementRevoked);
    }
    match revoke(cx, old, cx.clock.now()).await? {
        RevokeOutcome::Revoked => Ok(Some((secret, key))),
        RevokeOutcome::AlreadyRevoked | RevokeOutcome::NotFound => Ok(None),
    }
}

/// Returns the new key of a finished rotation and its secret. Returns `None` if the old key was revoked without a
/// rotation, or if the new key was revoked, too.
pub async fn find_rotated(cx: &Cx, old: &VersionedKey) -> Result<Option<(String, ApiKey)>, AccessError> {
    let secret = cx.master_key()?.rotated_secret(old.hash());
    let key = cx.store.key_by_hash(&hash_of_key(&secret)).await?;
    Ok(key.filter(|key| key.revoked_at.is_none()).map(|key| (secret, key)))
}

async fn create_rotated(cx: &Cx, old: &VersionedKey, secret: &str) -> Result<ApiKey, AccessError> {
    let now = cx.clock.now();
    let name: String = old.key.name.chars().take(NAME_CHARS_MAX - ROTATED_SUFFIX.len()).collect();
    let key = ApiKey {
        id: KeyId::new(now, cx.entropy.bytes()),
        name: name + ROTATED_SUFFIX,
        prefix: prefix_of(secret),
        created_at: now,
        ..old.key.clone()
    };
    // The new key replaces the old one, so the maximum number of keys does not apply.
    cx.store.reserve_key_slot(key.tenant, key.id, None).await?;
    if cx.store.put_key(&hash_of_key(secret), &key).await? {
        return Ok(key);
    }
    // A concurrent rotation stored the key first.
    cx.store.release_key_slot(key.tenant, key.id).await?;
    let stored = cx.store.key_by_hash(&hash_of_key(secret)).await?;
    stored.ok_or_else(|| Fault::internal("a stored API key can't be read").into())
}

/// Revokes an API key. This process rejects the key at once, other processes within [`KEY_CACHE_TTL_MS`].
///
/// [`KEY_CACHE_TTL_MS`]: crate::KEY_CACHE_TTL_MS
pub async fn revoke(cx: &Cx, found: &VersionedKey, now: Timestamp) -> Result<RevokeOutcome, AccessError> {
    let outcome = cx.store.revoke_found_key(found, now).await?;
    clear_key_cache(cx);
    Ok(outcome)
}
