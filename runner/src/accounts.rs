//! Accounts and keys from the command line, in a table on AWS or on a server that speaks DynamoDB: the first key of an
//! installation has no key to ask with, and no key of an account makes an operator's.

use anyhow::Context;
use handrail_domain::access::Role;
use handrail_domain::account::{Account, Tier};
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::text::EmailAddress;
use handrail_kernel::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use handrail_kernel::master::new_api_key;
use handrail_kernel::minting::{NAME_CHARS_MAX, approvers_of, is_name, keep, prefix_of};
use handrail_kernel::store::{Key, Store};

/// A key just made, with the only copy of its secret.
pub struct NewKey {
    pub secret: String,
    pub id: KeyId,
    pub tenant: TenantId,
}

/// `handrail account create`, in a new tenant where none is named. Keys that the tenant has already come under the tier.
pub async fn create_account(
    store: &Store,
    email: EmailAddress,
    name: &str,
    tier: Tier,
    tenant: Option<TenantId>,
) -> anyhow::Result<Account> {
    check_name(name)?;
    let (entropy, created_at): (&dyn Entropy, _) = (&SystemEntropy, SystemClock.now());
    let tenant = tenant.unwrap_or_else(|| TenantId::new(created_at, entropy.bytes()));
    let account = Account { email: Some(email), ..Account::new(tenant, name, tier, created_at) };
    let made = store.put_account(&account).await;
    let made = made.context("could not keep the account: is the table there?")?;
    anyhow::ensure!(made, "the address or the tenant has an account already");
    Ok(account)
}

fn check_name(name: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        is_name(name, NAME_CHARS_MAX),
        "the name must be one line of 1 to {NAME_CHARS_MAX} characters: approvers see it"
    );
    Ok(())
}

/// `handrail key create`, in a new account where none is named.
pub async fn create_key(store: &Store, name: &str, role: Role, tenant: Option<TenantId>) -> anyhow::Result<NewKey> {
    check_name(name)?;
    // An admin of the same account could turn it into a key of their own.
    anyhow::ensure!(role != Role::Operator || tenant.is_none(), "an operator's key belongs to an account of its own");
    let (entropy, now): (&dyn Entropy, _) = (&SystemEntropy, SystemClock.now());
    let secret = new_api_key(entropy.bytes());
    let tenant = tenant.unwrap_or_else(|| TenantId::new(now, entropy.bytes()));
    let account = store.account_even_deleted(tenant).await.context("is the table there?")?;
    let deleted = account.as_ref().is_some_and(|account| account.deleted_at.is_some());
    anyhow::ensure!(!deleted, "the account was deleted: none of its keys would work");
    let tier = account.as_ref().map(|account| account.tier).unwrap_or_default();
    let key = Key {
        prefix: prefix_of(&secret),
        role,
        tier,
        approvers: approvers_of(account.as_ref()),
        requests_per_minute: tier.preset().requests_per_minute,
        ..Key::new(KeyId::new(now, entropy.bytes()), tenant, name, now)
    };
    let kept = keep(store, account.as_ref(), &secret, &key).await;
    let kept = kept.context("could not keep the key: is the table there?")?;
    anyhow::ensure!(kept, "the account has as many keys as it may have: revoke one first");
    Ok(NewKey { secret, id: key.id, tenant: key.tenant })
}

#[cfg(test)]
mod tests {
    use handrail_engine::Engine;
    use handrail_kernel::master::hash_of_key;
    use handrail_kernel::store::table;

    use super::*;

    async fn store() -> Store {
        let engine = Engine::memory().unwrap();
        table::create(&engine.client(), "handrail").await.unwrap();
        Store::new(engine.client(), "handrail")
    }

    fn ann() -> EmailAddress {
        EmailAddress::parse("ann@example.com").unwrap()
    }

    #[tokio::test]
    async fn an_account_is_made_once_for_an_address() {
        let store = store().await;
        let made = create_account(&store, ann(), "Ann", Tier::Pro, None).await.unwrap();
        assert_eq!(store.account_by_email(&ann()).await.unwrap(), Some(made.clone()));
        assert_eq!(store.accounts(0, 10).await.unwrap(), [made]);
        assert!(create_account(&store, ann(), "Ann again", Tier::Pro, None).await.is_err());
        let bob = EmailAddress::parse("bob@example.com").unwrap();
        assert!(create_account(&store, bob, "two\nlines", Tier::Pro, None).await.is_err());
    }

    #[tokio::test]
    async fn an_account_is_made_for_the_keys_that_are_there() {
        let store = store().await;
        let key = create_key(&store, "first", Role::Admin, None).await.unwrap();
        let account = create_account(&store, ann(), "Ann", Tier::Free, Some(key.tenant)).await.unwrap();
        assert_eq!((account.tenant, account.tier), (key.tenant, Tier::Free));
        let more = create_key(&store, "second", Role::Agent, Some(key.tenant)).await.unwrap();
        let kept = store.key_by_hash(&hash_of_key(&more.secret)).await.unwrap().unwrap();
        assert_eq!((kept.tier, kept.approvers, kept.prefix.len()), (Tier::Free, vec![ann()], 14));
        for _ in 0..3 {
            create_key(&store, "more", Role::Agent, Some(key.tenant)).await.unwrap();
        }
        assert!(create_key(&store, "too many", Role::Agent, Some(key.tenant)).await.is_err());
    }

    #[tokio::test]
    async fn an_operator_shares_no_account_with_an_admin() {
        let store = store().await;
        let admin = create_key(&store, "admin", Role::Admin, None).await.unwrap();
        assert!(create_key(&store, "operator", Role::Operator, Some(admin.tenant)).await.is_err());
        let operator = create_key(&store, "operator", Role::Operator, None).await.unwrap();
        let kept = store.key_by_hash(&hash_of_key(&operator.secret)).await.unwrap().unwrap();
        assert!(kept.role == Role::Operator && kept.tenant != admin.tenant);
    }
}
