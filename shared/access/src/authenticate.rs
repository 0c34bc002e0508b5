//! Finds the API key behind a credential. Keys are cached for five seconds, so most requests cost no read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use handrail_domain::key_hash::hash_of_key;
use handrail_domain::time::Timestamp;

use crate::error::AccessError;
use crate::tenant_limits::apply_tenant_limits;
use handrail_context::cx::Cx;
use handrail_platform::fault::Fault;
use handrail_store::ApiKey;

/// Lifetime of a cached API key. A revoked key stops working everywhere within this time.
pub const KEY_CACHE_TTL_MS: i64 = 5_000;
/// The cache is cleared when full: a process that sees this many keys in five seconds gains little from it.
const CACHED_KEYS_MAX: usize = 1_000;

/// Longer credentials are rejected without hashing them.
const KEY_CHARS_MAX: usize = 200;

#[derive(Default)]
struct KeyCache {
    keys: Mutex<HashMap<String, (Timestamp, ApiKey)>>,
}

impl KeyCache {
    /// Remembers what was read under the hash of a credential.
    fn set(&self, hash: String, read_at: Timestamp, key: Option<&ApiKey>) {
        let mut keys = cached_keys(self);
        let Some(key) = key else {
            keys.remove(&hash);
            return;
        };
        if keys.len() >= CACHED_KEYS_MAX && !keys.contains_key(&hash) {
            keys.clear();
        }
        keys.insert(hash, (read_at, key.clone()));
    }
}

/// Finds the API key for a credential, and refuses a key that does not work now.
pub async fn authenticate(cx: &Cx, credential: &str) -> Result<ApiKey, AccessError> {
    let key = find_key(cx, credential).await?.ok_or(AccessError::UnknownKey)?;
    check_active(cx, &key)?;
    Ok(key)
}

/// Refuses a key that is revoked or has expired. Called at each request, because a cached key expires too.
pub fn check_active(cx: &Cx, key: &ApiKey) -> Result<(), AccessError> {
    if key.revoked_at.is_some() {
        return Err(AccessError::RevokedKey);
    }
    if key.is_expired(cx.clock.now()) {
        return Err(AccessError::ExpiredKey);
    }
    Ok(())
}

/// Finds the API key for a credential, whether it works or not.
pub async fn find_key(cx: &Cx, credential: &str) -> Result<Option<ApiKey>, Fault> {
    if credential.is_empty() || credential.len() > KEY_CHARS_MAX {
        return Ok(None);
    }
    let hash = hash_of_key(credential);
    let now = cx.clock.now();
    let cache = cx.process_state::<KeyCache>();
    let cached = cached_keys(&cache)
        .get(&hash)
        .filter(|(read_at, _)| (0..KEY_CACHE_TTL_MS).contains(&now.ms_since(*read_at)))
        .map(|(_, key)| key.clone());
    let key = match cached {
        Some(key) => Some(key),
        None => {
            let key = match cx.store.key_by_hash(&hash).await? {
                Some(key) => Some(apply_tenant_limits(cx, key).await?),
                None => None,
            };
            cache.set(hash, now, key.as_ref());
            key
        }
    };
    Ok(key)
}

/// Lets this process see a changed key at once. Other processes see the change after [`KEY_CACHE_TTL_MS`].
pub fn clear_key_cache(cx: &Cx) {
    cached_keys(&cx.process_state::<KeyCache>()).clear();
}

fn cached_keys(cache: &KeyCache) -> MutexGuard<'_, HashMap<String, (Timestamp, ApiKey)>> {
    // A panic while the lock was held left plain data behind.
    cache.keys.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use handrail_domain::ids::{KeyId, TenantId};

    use super::*;

    #[test]
    fn cached_keys_are_bounded() {
        let (cache, now) = (KeyCache::default(), Timestamp::from_unix_ms(1_790_000_000_000));
        let key = ApiKey::new(KeyId::new(now, [2; 10]), TenantId::new(now, [1; 10]), "a key", now);
        for number in 0..3 * CACHED_KEYS_MAX {
            cache.set(format!("hash {number}"), now, Some(&key));
            cache.set(format!("unknown {number}"), now, None);
            assert!((1..=CACHED_KEYS_MAX).contains(&cached_keys(&cache).len()));
        }
    }
}
