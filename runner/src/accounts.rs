//! Creation of tenants and API keys from the command line, in any DynamoDB table. The first key of an installation and
//! operator keys cannot be created by API.

use anyhow::Context;
use handrail_access::api_keys::{KeyIdentity, NAME_CHARS_MAX, is_valid_name, new_key, put};
use handrail_domain::access::Role;
use handrail_domain::account::{AllowedApprovers, Tenant, Tier};
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::text::EmailAddress;
use handrail_platform::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use handrail_secrets::purpose_key::new_api_key;
use handrail_store::Store;

/// New API key with the only copy of its secret.
pub struct NewKey {
    pub secret: String,
    pub id: KeyId,
    pub tenant: TenantId,
}

/// Runs `handrail account create`, for a new tenant if none is given. Existing keys of the tenant come under the tier.
pub async fn create_account(
    store: &Store,
    email: EmailAddress,
    name: &str,
    tier: Tier,
    tenant: Option<TenantId>,
) -> anyhow::Result<Tenant> {
    check_name(name)?;
    let (entropy, created_at): (&dyn Entropy, _) = (&SystemEntropy, SystemClock.now());
    let tenant = tenant.unwrap_or_else(|| TenantId::new(created_at, entropy.bytes()));
    let stored_tenant = Tenant { email: Some(email), ..Tenant::new(tenant, name, tier, created_at) };
    let created = store.put_tenant(&stored_tenant).await;
    let created = created.context("could not store the account: check that the table exists")?;
    anyhow::ensure!(created, "the email address or the tenant has an account already");
    Ok(stored_tenant)
}

fn check_name(name: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        is_valid_name(name, NAME_CHARS_MAX),
        "name must be one line of 1 to {NAME_CHARS_MAX} characters; approvers see it"
    );
    Ok(())
}

/// Runs `handrail key create`, for a new tenant if none is given. Without approvers the key has the default of its tenant.
pub async fn create_key(
    store: &Store,
    name: &str,
    role: Role,
    tenant: Option<TenantId>,
    approvers: Vec<ApproverPattern>,
) -> anyhow::Result<NewKey> {
    check_name(name)?;
    // An admin of the same tenant could rotate the operator key and so get one.
    anyhow::ensure!(
        role != Role::Operator || tenant.is_none(),
        "an operator key needs its own account: leave out --tenant"
    );
    let (entropy, now): (&dyn Entropy, _) = (&SystemEntropy, SystemClock.now());
    let secret = new_api_key(entropy.bytes());
    let tenant = tenant.unwrap_or_else(|| TenantId::new(now, entropy.bytes()));
    let stored_tenant = store
        .tenant_including_deleted(tenant)
        .await
        .context("could not read the account: check that the table exists")?;
    let deleted = stored_tenant.as_ref().is_some_and(|stored_tenant| stored_tenant.deleted_at.is_some());
    anyhow::ensure!(!deleted, "the account is deleted, so a key of it would not work");
    let tier = stored_tenant.as_ref().map(|stored_tenant| stored_tenant.tier).unwrap_or_default();
    let id = KeyId::new(now, entropy.bytes());
    let identity = KeyIdentity { id, tenant, name: name.to_owned(), created_at: now };
    let mut key = new_key(identity, &secret, role, tier, stored_tenant.as_ref());
    if !approvers.is_empty() {
        let owner = stored_tenant.as_ref().and_then(|stored_tenant| stored_tenant.email.as_ref());
        let allowed = AllowedApprovers { approvers, backup: None }.check_tier(tier, owner);
        key.approvers = allowed.map_err(|error| anyhow::anyhow!("{} {}", error.field, error.message))?.approvers;
    }
    let stored = put(store, stored_tenant.as_ref(), &secret, &key).await;
    let stored = stored.context("could not store the key: check that the table exists")?;
    anyhow::ensure!(stored, "the account has reached its limit of active API keys: revoke one first");
    Ok(NewKey { secret, id: key.id, tenant: key.tenant })
}

#[cfg(test)]
mod tests {
    use handrail_domain::key_hash::hash_of_key;
    use handrail_engine::Engine;
    use handrail_store::table;

    use super::*;

    async fn store() -> Store {
        let engine = Engine::in_memory().unwrap();
        table::create(&engine.client(), "handrail").await.unwrap();
        Store::new(engine.client(), "handrail")
    }

    fn ann() -> EmailAddress {
        EmailAddress::parse("ann@example.com").unwrap()
    }

    #[tokio::test]
    async fn email_has_at_most_one_account() {
        let store = store().await;
        let created = create_account(&store, ann(), "Ann", Tier::Pro, None).await.unwrap();
        assert_eq!(store.tenant_by_email(&ann()).await.unwrap(), Some(created.clone()));
        assert_eq!(store.tenants(0, 10).await.unwrap(), [created]);
        assert!(create_account(&store, ann(), "Ann again", Tier::Pro, None).await.is_err());
        let bob = EmailAddress::parse("bob@example.com").unwrap();
        assert!(create_account(&store, bob, "two\nlines", Tier::Pro, None).await.is_err());
    }

    #[tokio::test]
    async fn account_adopts_keys_of_its_tenant() {
        let store = store().await;
        let key = create_key(&store, "first", Role::Admin, None, Vec::new()).await.unwrap();
        let stored_tenant = create_account(&store, ann(), "Ann", Tier::Free, Some(key.tenant)).await.unwrap();
        assert_eq!((stored_tenant.tenant, stored_tenant.tier), (key.tenant, Tier::Free));
        let second = create_key(&store, "second", Role::Agent, Some(key.tenant), Vec::new()).await.unwrap();
        let stored = store.key_by_hash(&hash_of_key(&second.secret)).await.unwrap().unwrap();
        assert_eq!((stored.tier, stored.approvers, stored.prefix.len()), (Tier::Free, vec![ann().into()], 14));
        for _ in 0..3 {
            create_key(&store, "more", Role::Agent, Some(key.tenant), Vec::new()).await.unwrap();
        }
        assert!(create_key(&store, "too many", Role::Agent, Some(key.tenant), Vec::new()).await.is_err());
    }

    #[tokio::test]
    async fn key_gets_the_approvers_that_its_tier_allows() {
        let store = store().await;
        let anyone = || vec![ApproverPattern::Anyone];
        let agent = create_key(&store, "agent", Role::Agent, None, anyone()).await.unwrap();
        let stored = store.key_by_hash(&hash_of_key(&agent.secret)).await.unwrap().unwrap();
        assert_eq!(stored.approvers, anyone());
        let free = create_account(&store, ann(), "Ann", Tier::Free, None).await.unwrap();
        assert!(create_key(&store, "agent", Role::Agent, Some(free.tenant), anyone()).await.is_err());
    }

    #[tokio::test]
    async fn operator_key_needs_its_own_account() {
        let store = store().await;
        let admin = create_key(&store, "admin", Role::Admin, None, Vec::new()).await.unwrap();
        assert!(create_key(&store, "operator", Role::Operator, Some(admin.tenant), Vec::new()).await.is_err());
        let operator = create_key(&store, "operator", Role::Operator, None, Vec::new()).await.unwrap();
        let stored = store.key_by_hash(&hash_of_key(&operator.secret)).await.unwrap().unwrap();
        assert!(stored.role == Role::Operator && stored.tenant != admin.tenant);
    }
}
