//! Tenants, their names and API key slots on Amazon's DynamoDB Local, whose sets and conditions are the real ones.

use handrail_context::cx::Cx;
use handrail_domain::account::{Tenant, Tier};
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_store::{ApiKey, ClaimNameOutcome, ReplaceOutcome, RevokeOutcome};
use tokio::task::JoinSet;

use crate::tools::NOON;

pub(crate) async fn check_tenants(cx: &Cx) {
    concurrent_keys_respect_key_limit(cx).await;
    active_key_is_listed_despite_revoked_keys(cx).await;
    tenant_name_is_unique(cx).await;
    tenants_are_listed_newest_first(cx).await;
}

fn tenant(number: u8) -> TenantId {
    TenantId::new(NOON, [number; 10])
}

fn key(tenant_number: u8, number: u8) -> ApiKey {
    let at = NOON.plus_ms(i64::from(number));
    ApiKey::new(KeyId::new(at, [number; 10]), tenant(tenant_number), format!("key {number}"), at)
}

async fn concurrent_keys_respect_key_limit(cx: &Cx) {
    let tenant_number = 101;
    assert!(cx.store.put_key("older than the slots", &key(tenant_number, 0)).await.unwrap());
    let mut racers = JoinSet::new();
    for number in 1..=20 {
        let cx = cx.clone();
        racers.spawn(async move {
            cx.store.reserve_key_slot(tenant(tenant_number), key(tenant_number, number).id, Some(3)).await.unwrap()
        });
    }
    let reserved = racers.join_all().await.into_iter().filter(|is_reserved| *is_reserved).count();
    assert_eq!(reserved, 2, "the existing key uses one slot");
    // A rotation has no limit, because it replaces a key.
    assert!(cx.store.reserve_key_slot(tenant(tenant_number), key(tenant_number, 21).id, None).await.unwrap());
    let old = cx.store.find_key(tenant(tenant_number), key(tenant_number, 0).id).await.unwrap().unwrap();
    assert_eq!(cx.store.revoke_found_key(&old, NOON).await.unwrap(), RevokeOutcome::Revoked);
    assert!(!cx.store.reserve_key_slot(tenant(tenant_number), key(tenant_number, 22).id, Some(3)).await.unwrap());
    // Slots of keys that were never stored are released once their creation must have ended.
    let later = KeyId::new(NOON.plus_ms(11 * 60_000), [99; 10]);
    assert!(cx.store.reserve_key_slot(tenant(tenant_number), later, Some(3)).await.unwrap());
    // A repeat reserves no second slot.
    assert!(cx.store.reserve_key_slot(tenant(tenant_number), later, Some(1)).await.unwrap());
    cx.store.release_key_slot(tenant(tenant_number), later).await.unwrap();
    assert!(
        cx.store.reserve_key_slot(tenant(tenant_number), key(tenant_number, 23).id, Some(1)).await.unwrap(),
        "an empty set has room"
    );
    cx.store.release_key_slot(tenant(250), later).await.unwrap();
}

async fn active_key_is_listed_despite_revoked_keys(cx: &Cx) {
    let tenant_number = 102;
    for number in 0..=120 {
        cx.store.put_key(&format!("{tenant_number} {number}"), &key(tenant_number, number)).await.unwrap();
        if number > 0 {
            let found = cx.store.find_key(tenant(tenant_number), key(tenant_number, number).id).await.unwrap().unwrap();
            cx.store.revoke_found_key(&found, NOON).await.unwrap();
        }
    }
    let listed = cx.store.keys(tenant(tenant_number)).await.unwrap();
    assert_eq!(listed.len(), 100);
    assert!(listed.iter().any(|listed| listed.revoked_at.is_none() && listed.id == key(tenant_number, 0).id));
}

async fn tenant_name_is_unique(cx: &Cx) {
    let (first, second) = (tenant(103), tenant(104));
    let claim = async |tenant, at: Timestamp| cx.store.claim_name("Acme", tenant, at).await.unwrap();
    assert_eq!(claim(first, NOON).await, ClaimNameOutcome::Claimed);
    assert_eq!(claim(second, NOON.plus_ms(1_000)).await, ClaimNameOutcome::Pending(60));
    assert!(cx.store.put_tenant(&Tenant::new(first, "Acme", Tier::Pro, NOON)).await.unwrap());
    assert_eq!(claim(second, NOON.plus_ms(600_000)).await, ClaimNameOutcome::Taken);
    let found = cx.store.find_tenant(first).await.unwrap().unwrap();
    let deleted = Tenant { deleted_at: Some(NOON), ..found.tenant.clone() };
    assert_eq!(cx.store.replace_tenant(&found, &deleted).await.unwrap(), ReplaceOutcome::Done);
    assert_eq!(claim(second, NOON).await, ClaimNameOutcome::Claimed);
}

async fn tenants_are_listed_newest_first(cx: &Cx) {
    let new_tenant = |number: u8| {
        Tenant::new(tenant(number), format!("account {number}"), Tier::Pro, NOON.plus_ms(i64::from(number)))
    };
    for number in 110..=114 {
        assert!(cx.store.put_tenant(&new_tenant(number)).await.unwrap());
    }
    let found = cx.store.find_tenant(tenant(112)).await.unwrap().unwrap();
    let deleted = Tenant { deleted_at: Some(NOON), ..found.tenant.clone() };
    assert_eq!(cx.store.replace_tenant(&found, &deleted).await.unwrap(), ReplaceOutcome::Done);
    assert_eq!(cx.store.replace_tenant(&found, &new_tenant(112)).await.unwrap(), ReplaceOutcome::Conflict);
    assert!(cx.store.find_tenant(tenant(112)).await.unwrap().is_none());
    let names = async |offset, limit| {
        let listed = cx.store.tenants(offset, limit).await.unwrap();
        listed.into_iter().map(|new_tenant| new_tenant.name).collect::<Vec<_>>()
    };
    assert_eq!(names(0, 3).await, ["account 114", "account 113", "account 111"]);
    assert_eq!(names(2, 2).await, ["account 111", "account 110"]);
}
