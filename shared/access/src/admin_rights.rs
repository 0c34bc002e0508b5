//! What a caller may do with tenants and API keys, whether it sends an API key or is a signed-in owner.

use handrail_domain::access::{Role, ScopeSet};
use handrail_domain::account::{Tenant, Tier};
use handrail_domain::ids::TenantId;
use handrail_store::ApiKey;

/// Rights of a caller over tenants and API keys. Whether the caller may use an operation is checked by its scope.
#[derive(Clone, Copy, Debug)]
pub struct AdminRights {
    pub tenant: TenantId,
    pub tier: Tier,
    /// Scopes that the caller may give to a new API key.
    pub grantable_scopes: ScopeSet,
    is_operator: bool,
    sees_operator_keys: bool,
}

impl AdminRights {
    /// Returns the rights of an API key. The key of an operator has them in every tenant.
    pub fn of_key(key: &ApiKey) -> Self {
        let is_operator = key.role == Role::Operator;
        Self {
            tenant: key.tenant,
            tier: key.tier,
            grantable_scopes: key.grantable_scopes(),
            is_operator,
            sees_operator_keys: is_operator,
        }
    }

    /// Returns the rights of a tenant's owner, who may give the scopes of an admin.
    pub fn of_owner(tenant: &Tenant) -> Self {
        Self {
            tenant: tenant.tenant,
            tier: tenant.tier,
            grantable_scopes: Role::Admin.scopes(),
            is_operator: false,
            sees_operator_keys: true,
        }
    }

    pub fn is_operator(&self) -> bool {
        self.is_operator
    }

    /// Returns `true` if the caller may see the tenant: its own one, or any as an operator.
    pub fn can_see_tenant(&self, tenant: TenantId) -> bool {
        tenant == self.tenant || self.is_operator
    }

    /// Returns `true` if the caller may see the key. Only operators and the owner of their tenant see the keys of
    /// operators.
    pub fn can_see_key(&self, key: &ApiKey) -> bool {
        self.can_see_tenant(key.tenant) && (key.role != Role::Operator || self.sees_operator_keys)
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::ids::KeyId;
    use handrail_domain::time::Timestamp;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn tenant(number: u8) -> Tenant {
        Tenant::new(TenantId::new(NOW, [number; 10]), "An account", Tier::Pro, NOW)
    }

    fn key(tenant: &Tenant, role: Role) -> ApiKey {
        ApiKey { role, ..ApiKey::new(KeyId::new(NOW, [9; 10]), tenant.tenant, "a key", NOW) }
    }

    #[test]
    fn only_operator_sees_other_tenants() {
        let (own, other) = (tenant(1), tenant(2));
        let operator = AdminRights::of_key(&key(&own, Role::Operator));
        assert!(operator.can_see_tenant(other.tenant) && operator.can_see_key(&key(&other, Role::Agent)));
        for rights in [AdminRights::of_key(&key(&own, Role::Admin)), AdminRights::of_owner(&own)] {
            assert!(rights.can_see_tenant(own.tenant) && rights.can_see_key(&key(&own, Role::Agent)));
            assert!(!rights.can_see_tenant(other.tenant) && !rights.can_see_key(&key(&other, Role::Agent)));
        }
    }

    #[test]
    fn admin_sees_no_operator_key() {
        let own = tenant(1);
        let operator_key = key(&own, Role::Operator);
        assert!(AdminRights::of_key(&operator_key).can_see_key(&operator_key));
        assert!(AdminRights::of_owner(&own).can_see_key(&operator_key));
        assert!(!AdminRights::of_key(&key(&own, Role::Admin)).can_see_key(&operator_key));
    }
}
