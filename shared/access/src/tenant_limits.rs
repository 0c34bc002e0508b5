//! Applies the tier, the limits and the deletion of a tenant to its API keys when they are looked up.
//!
//! Keys hold no copy of these, so a change of the tenant reaches every key, even one being created, within the lifetime
//! of a cached key. See docs/decisions/0017-an-account-is-read-with-its-key.md.

use handrail_domain::account::{Tenant, Tier};

use handrail_context::cx::Cx;
use handrail_platform::fault::Fault;
use handrail_store::{ApiKey, TenantLimits};

/// Applies the limits of the tenant to an API key, at the cost of one more read. Keys from before tenants were stored
/// have no tenant item and keep their own limits.
pub(crate) async fn apply_tenant_limits(cx: &Cx, key: ApiKey) -> Result<ApiKey, Fault> {
    // A revoked key needs no limits.
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    let tenant = cx.store.tenant_including_deleted(key.tenant).await?;
    Ok(with_tenant_limits(tenant.as_ref(), key))
}

fn with_tenant_limits(tenant: Option<&Tenant>, key: ApiKey) -> ApiKey {
    let Some(tenant) = tenant else {
        let handoffs_per_day = key.tier.packet_limits().handoffs_per_day;
        let tenant_limits = TenantLimits { handoffs_per_day, ..TenantLimits::default() };
        return ApiKey { tenant_limits, ..key };
    };
    let tenant_limits = TenantLimits {
        handoffs_per_day: tenant.handoffs_per_day(),
        has_no_approver: has_no_approver(tenant, &key),
        forbids_own_answers: !tenant.askers_may_answer(),
    };
    let requests_per_minute = cap_requests_per_minute(tenant.tier, key.requests_per_minute);
    let rate_limit = key.rate_limit.map(|rate_limit| rate_limit.capped(tenant.tier));
    let (people, revoked_at) = (tenant.email.iter().cloned().collect(), tenant.deleted_at);
    ApiKey { tier: tenant.tier, requests_per_minute, rate_limit, tenant_limits, people, revoked_at, ..key }
}

/// Caps the rate limit of an API key at the maximum of the tier.
pub fn cap_requests_per_minute(tier: Tier, requests_per_minute: u32) -> u32 {
    requests_per_minute.min(tier.limits().requests_per_minute_max)
}

/// Returns `true` if the tier limits the approvers, the key names none, and the tenant has no owner to ask instead.
fn has_no_approver(tenant: &Tenant, key: &ApiKey) -> bool {
    tenant.tier.limits().approvers_max.is_some() && tenant.email.is_none() && key.approvers.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_domain::ids::{KeyId, TenantId};
    use handrail_domain::text::EmailAddress;
    use handrail_domain::time::Timestamp;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn tenant(tier: Tier) -> Tenant {
        Tenant::new(TenantId::new(NOW, [1; 10]), "An account", tier, NOW)
    }

    fn key() -> ApiKey {
        ApiKey::new(KeyId::new(NOW, [2; 10]), tenant(Tier::Pro).tenant, "a key", NOW)
    }

    #[test]
    fn tenant_tier_overrides_key_tier() {
        let free = with_tenant_limits(Some(&tenant(Tier::Free)), key());
        assert_eq!(
            (free.tier, free.requests_per_minute, free.tenant_limits.handoffs_per_day),
            (Tier::Free, 30, Some(5))
        );
        let slow = ApiKey { requests_per_minute: 7, ..key() };
        assert_eq!(with_tenant_limits(Some(&tenant(Tier::Free)), slow).requests_per_minute, 7);
        let without_tenant = with_tenant_limits(None, ApiKey { tier: Tier::Free, ..key() });
        assert_eq!(
            (without_tenant.tier, without_tenant.tenant_limits.handoffs_per_day, without_tenant.revoked_at),
            (Tier::Free, Some(5), None)
        );
    }

    #[test]
    fn key_of_deleted_tenant_is_revoked() {
        let deleted = Tenant { deleted_at: Some(NOW), ..tenant(Tier::Enterprise) };
        assert_eq!(with_tenant_limits(Some(&deleted), key()).revoked_at, Some(NOW));
        assert_eq!(with_tenant_limits(Some(&tenant(Tier::Enterprise)), key()).revoked_at, None);
    }

    #[test]
    fn key_without_approvers_needs_owner_on_limited_tier() {
        assert!(with_tenant_limits(Some(&tenant(Tier::Pro)), key()).tenant_limits.has_no_approver);
        assert!(!with_tenant_limits(Some(&tenant(Tier::Enterprise)), key()).tenant_limits.has_no_approver);
        let ann = EmailAddress::parse("ann@example.com").unwrap();
        let with_approver = ApiKey { approvers: vec![ann.clone().into()], ..key() };
        assert!(!with_tenant_limits(Some(&tenant(Tier::Pro)), with_approver).tenant_limits.has_no_approver);
        let owned = Tenant { email: Some(ann), ..tenant(Tier::Pro) };
        assert!(!with_tenant_limits(Some(&owned), key()).tenant_limits.has_no_approver);
    }
}
