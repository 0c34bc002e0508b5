//! Creation of API keys by request. The doors read the request; what a new key may be is decided here alike.
//!
//! A key is returned only after it is stored, so an interrupted request leaves at worst a key that no program has.

use handrail_domain::access::Role;
use handrail_domain::ids::{KeyId, TenantId};

use crate::admin_rights::AdminRights;
use crate::api_keys::{KeyIdentity, keys_max, new_key, put};
use crate::error::AccessError;
use crate::key_error::KeyError;
use crate::key_grant::KeyGrant;
use crate::key_settings::KeySettings;
use crate::rate_limit::{RateLimit, check_limit};
use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_domain::key_hash::hash_of_key;
use handrail_store::ApiKey;

/// What a door gives to the API keys that are created through it.
#[derive(Clone, Copy)]
pub struct KeyDefaults {
    /// Role of a key whose request names none.
    pub role: Role,
    /// Formats the secret as the door's clients know it.
    pub format_secret: fn([u8; 32]) -> String,
    /// `true` if operators may create keys of operators in their own tenant.
    pub creates_operators: bool,
}

/// Requested API key.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub name: String,
    /// Tenant of the key, or `None` for the caller's own.
    pub tenant: Option<TenantId>,
    pub grant: KeyGrant,
    pub settings: KeySettings,
}

/// API key with its secret, which only the response that creates the key shows.
#[derive(Clone, Debug)]
pub struct KeyWithSecret {
    pub key: ApiKey,
    pub secret: String,
}

/// Creates an API key. Enforces the hourly rate limit for new keys and the maximum number of active keys of the tenant.
///
/// A repeat of a request with an idempotency key finds the key that an interrupted run created.
pub async fn create(
    cx: &Cx,
    ids: &EffectIds,
    caller: &AdminRights,
    defaults: KeyDefaults,
    request: NewKey,
) -> Result<KeyWithSecret, KeyError> {
    let tenant = request.tenant.unwrap_or(caller.tenant);
    if !caller.can_see_tenant(tenant) {
        return Err(KeyError::TenantNotFound);
    }
    let is_own = tenant == caller.tenant;
    let may_be_operator = defaults.creates_operators && is_own && caller.is_operator();
    if request.grant.role == Some(Role::Operator) && !may_be_operator {
        return Err(KeyError::OperatorRole);
    }
    let record = cx.store.tenant_including_deleted(tenant).await?;
    let is_deleted = record.as_ref().is_some_and(|record| record.deleted_at.is_some());
    match is_own {
        true if is_deleted => return Err(AccessError::TenantDeleted.into()),
        false if is_deleted || record.is_none() => return Err(KeyError::TenantNotFound),
        _ => {}
    }
    let secret = (defaults.format_secret)(ids.secret_bytes("key")?);
    let hash = hash_of_key(&secret);
    // An interrupted run may have created the key.
    if ids.has_run()
        && let Some(key) = cx.store.key_by_hash(&hash).await?
    {
        return Ok(KeyWithSecret { key, secret });
    }
    let now = cx.clock.now();
    let tier = record.as_ref().map_or(caller.tier, |record| record.tier);
    let identity =
        KeyIdentity { id: KeyId::new(now, ids.bytes("key id")), tenant, name: request.name.clone(), created_at: now };
    let key = new_key(identity, &secret, defaults.role, tier, record.as_ref());
    let grantable = match may_be_operator {
        true => caller.grantable_scopes,
        false => caller.grantable_scopes.intersection(Role::Admin.scopes()),
    };
    let owner = record.as_ref().and_then(|record| record.email.as_ref());
    let settings = KeySettings { name: Some(request.name), ..request.settings };
    let mut errors = Vec::new();
    let key = request.grant.apply_to(key, grantable, now, &mut errors);
    let key = settings.apply_to(key, owner, &mut errors);
    if !errors.is_empty() {
        return Err(KeyError::Invalid(errors));
    }
    check_limit(cx, RateLimit::key_creation(tenant, cx.settings.public_rate_limits.keys_per_hour)).await?;
    if !put(&cx.store, record.as_ref(), &secret, &key).await? {
        return Err(AccessError::TooManyKeys { max: keys_max(record.as_ref(), &key) }.into());
    }
    Ok(KeyWithSecret { key, secret })
}
