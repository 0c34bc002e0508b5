//! Rotation of API keys: an API key is replaced by a new one with the same permissions.
//!
//! The new key is stored before the old one is revoked, so at least one works at any time. Its secret is derived from
//! the old key, so a repeat of an interrupted rotation returns the same key and creates no third.

use handrail_domain::ids::{KeyId, TenantId};
use handrail_secrets::keys::KeyPurpose;

use crate::admin_rights::AdminRights;
use crate::api_keys::{NAME_CHARS_MAX, find, prefix_of, revoke_found};
use crate::error::AccessError;
use crate::key_creation::KeyWithSecret;
use crate::key_error::KeyError;
use crate::rate_limit::{RateLimit, check_limit};
use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_domain::key_hash::hash_of_key;
use handrail_platform::fault::Fault;
use handrail_store::{ApiKey, VersionedKey};

const ROTATED_SUFFIX: &str = " (rotated)";

/// Replaces an API key that the caller may see and whose scopes it may give.
///
/// A repeat of a finished rotation is refused, unless it has the idempotency key of the rotation.
pub async fn rotate(
    cx: &Cx,
    ids: &EffectIds,
    caller: &AdminRights,
    tenant: TenantId,
    id: KeyId,
) -> Result<KeyWithSecret, KeyError> {
    let old = find(cx, caller, tenant, id).await?;
    if !old.key.scopes().is_subset_of(caller.grantable_scopes) {
        return Err(KeyError::ScopesBeyondCaller);
    }
    // A key that was active just now was revoked by this run, and the response to the write was lost, or by another
    // rotation, which has the same new key.
    let was_rotated = ids.is_repeat() || (ids.has_run() && old.key.revoked_at.is_none());
    let rotated = match replace(cx, &old).await? {
        None if was_rotated => find_replacement(cx, &old).await?,
        rotated => rotated,
    };
    rotated.ok_or(KeyError::AlreadyRevoked)
}

/// Stores the new key and revokes the old one. Returns `None` if the old key was revoked before.
async fn replace(cx: &Cx, old: &VersionedKey) -> Result<Option<KeyWithSecret>, AccessError> {
    if old.key.revoked_at.is_some() {
        return Ok(None);
    }
    check_limit(cx, RateLimit::key_creation(old.key.tenant, cx.settings.public_rate_limits.keys_per_hour)).await?;
    let secret = cx.key(KeyPurpose::ApiKeys)?.rotated_secret(old.hash());
    let key = match cx.store.key_by_hash(&hash_of_key(&secret)).await? {
        Some(key) => key,
        None => create_replacement(cx, old, &secret).await?,
    };
    if key.revoked_at.is_some() {
        // An earlier rotation was interrupted, and its new key was revoked by hand.
        return Err(AccessError::ReplacementRevoked);
    }
    Ok(revoke_found(cx, old).await?.then_some(KeyWithSecret { key, secret }))
}

/// Returns the new key of a finished rotation. Returns `None` if the old key was revoked without a rotation, or if the
/// new key was revoked, too.
async fn find_replacement(cx: &Cx, old: &VersionedKey) -> Result<Option<KeyWithSecret>, AccessError> {
    let secret = cx.key(KeyPurpose::ApiKeys)?.rotated_secret(old.hash());
    let key = cx.store.key_by_hash(&hash_of_key(&secret)).await?;
    Ok(key.filter(|key| key.revoked_at.is_none()).map(|key| KeyWithSecret { key, secret }))
}

async fn create_replacement(cx: &Cx, old: &VersionedKey, secret: &str) -> Result<ApiKey, AccessError> {
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
