//! Management of tenants: an operator creates, changes and deletes them, an admin sees its own.
//!
//! Each tenant has a unique name. A change reaches all API keys of the tenant within the lifetime of a cached key.

use handrail_domain::account::{Tenant, Tier};
use handrail_domain::ids::TenantId;

use crate::admin_rights::AdminRights;
use crate::api_keys;
use crate::authenticate::clear_key_cache;
use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_platform::fault::Fault;
use handrail_store::{ApiKey, ClaimNameOutcome, ReplaceOutcome};

/// Requested properties of a tenant. Absent ones keep their value, or the default of the tier.
#[derive(Clone, Debug, Default)]
pub struct TenantChanges {
    pub name: Option<String>,
    pub tier: Option<Tier>,
    pub handoffs_per_day: Option<u32>,
    pub max_api_keys: Option<u32>,
    pub askers_may_answer: Option<bool>,
}

impl TenantChanges {
    fn apply_to(&self, tenant: Tenant) -> Tenant {
        Tenant {
            name: self.name.clone().unwrap_or(tenant.name),
            tier: self.tier.unwrap_or(tenant.tier),
            handoffs_per_day: self.handoffs_per_day.or(tenant.handoffs_per_day),
            max_api_keys: self.max_api_keys.or(tenant.max_api_keys),
            askers_may_answer: self.askers_may_answer.or(tenant.askers_may_answer),
            ..tenant
        }
    }
}

/// Reason why a request about a tenant is refused.
#[derive(Debug)]
pub enum TenantError {
    /// The tenant does not exist, or the caller may not see it.
    NotFound,
    /// Another tenant has the name.
    NameTaken {
        name: String,
    },
    /// The tenant is the operator's own, which it can't delete.
    OwnTenant,
    /// Other requests are changing the tenant or claiming its name.
    Busy {
        retry_after_s: u32,
    },
    Fault(Fault),
}

impl From<Fault> for TenantError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Creates a tenant without an owner, on the free tier if none is requested.
///
/// A repeat of a request with an idempotency key finds the tenant that an interrupted run created.
pub async fn create(cx: &Cx, ids: &EffectIds, changes: &TenantChanges) -> Result<Tenant, TenantError> {
    let id = TenantId::new(ids.now(), ids.bytes("tenant"));
    if ids.is_repeat()
        && let Some(tenant) = cx.store.tenant_including_deleted(id).await?
    {
        return Ok(tenant);
    }
    // The operator makes the tenant for others, who have to allow it if a key is to answer what it asked.
    let new = Tenant { askers_may_answer: Some(false), ..Tenant::new(id, "", Tier::Free, cx.clock.now()) };
    let tenant = changes.apply_to(new);
    claim_name(cx, &tenant).await?;
    // `false` means that the tenant exists, because the response to the first attempt was lost.
    cx.store.put_tenant(&tenant).await?;
    Ok(tenant)
}

/// Finds a tenant that the caller may see.
pub async fn find(cx: &Cx, caller: &AdminRights, tenant: TenantId) -> Result<Tenant, TenantError> {
    check_visible(caller, tenant)?;
    cx.store.tenant(tenant).await?.ok_or(TenantError::NotFound)
}

/// Returns the tenants that the caller may see, newest first: all of them for an operator, else the caller's own.
pub async fn list(cx: &Cx, caller: &AdminRights, offset: usize, limit: usize) -> Result<Vec<Tenant>, Fault> {
    if caller.is_operator() {
        return cx.store.tenants(offset, limit).await;
    }
    let own = cx.store.tenant(caller.tenant).await?;
    Ok(own.into_iter().skip(offset).take(limit).collect())
}

/// Returns the API keys of a tenant that the caller may see, newest first, including revoked ones.
pub async fn keys(cx: &Cx, caller: &AdminRights, tenant: TenantId) -> Result<Vec<ApiKey>, TenantError> {
    find(cx, caller, tenant).await?;
    Ok(api_keys::list(cx, caller, tenant).await?)
}

/// Changes a tenant that the caller may see.
pub async fn change(
    cx: &Cx,
    caller: &AdminRights,
    tenant: TenantId,
    changes: &TenantChanges,
) -> Result<Tenant, TenantError> {
    replace(cx, caller, tenant, |current| async move {
        let changed = Tenant { updated_at: Some(cx.clock.now()), ..changes.apply_to(current.clone()) };
        if changed.name != current.name {
            claim_name(cx, &changed).await?;
        }
        Ok(changed)
    })
    .await
}

/// Deletes a tenant. Within seconds all its keys are refused, and its owner can't sign in. Its records stay stored.
pub async fn delete(cx: &Cx, caller: &AdminRights, tenant: TenantId) -> Result<(), TenantError> {
    check_visible(caller, tenant)?;
    if tenant == caller.tenant {
        return Err(TenantError::OwnTenant);
    }
    let mark_deleted = |tenant| std::future::ready(Ok(Tenant { deleted_at: Some(cx.clock.now()), ..tenant }));
    replace(cx, caller, tenant, mark_deleted).await.map(drop)
}

/// Most attempts of a change. A concurrent change causes another attempt on the new version; operators are few.
const ATTEMPTS_MAX: usize = 5;

/// Replaces a tenant with the result of `change`, and clears the key cache of this process. The caches of other
/// processes expire within seconds.
async fn replace<F>(
    cx: &Cx,
    caller: &AdminRights,
    tenant: TenantId,
    change: impl Fn(Tenant) -> F,
) -> Result<Tenant, TenantError>
where
    F: Future<Output = Result<Tenant, TenantError>>,
{
    check_visible(caller, tenant)?;
    for _ in 0..ATTEMPTS_MAX {
        let found = cx.store.find_tenant(tenant).await?.ok_or(TenantError::NotFound)?;
        let changed = change(found.tenant.clone()).await?;
        if cx.store.replace_tenant(&found, &changed).await? == ReplaceOutcome::Done {
            clear_key_cache(cx);
            return Ok(changed);
        }
    }
    Err(TenantError::Busy { retry_after_s: 1 })
}

fn check_visible(caller: &AdminRights, tenant: TenantId) -> Result<(), TenantError> {
    if caller.can_see_tenant(tenant) { Ok(()) } else { Err(TenantError::NotFound) }
}

/// Claims the name of a tenant that is about to have it.
async fn claim_name(cx: &Cx, tenant: &Tenant) -> Result<(), TenantError> {
    match cx.store.claim_name(&tenant.name, tenant.tenant, cx.clock.now()).await? {
        ClaimNameOutcome::Claimed => Ok(()),
        ClaimNameOutcome::Taken => Err(TenantError::NameTaken { name: tenant.name.clone() }),
        ClaimNameOutcome::Pending(retry_after_s) => Err(TenantError::Busy { retry_after_s }),
    }
}
