//! Accounts with their names and places for keys on Amazon's own DynamoDB Local: what a set holds and what a condition means is
//! the table's to say.

use handrail_domain::account::{Account, Tier};
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_kernel::cx::Cx;
use handrail_kernel::store::{Key, NameTaken, Replaced, Revoked};
use tokio::task::JoinSet;

use crate::tools::NOON;

pub(crate) async fn hold(cx: &Cx) {
    of_twenty_keys_three_find_room(cx).await;
    a_key_that_works_is_listed_before_all_that_do_not(cx).await;
    a_name_is_one_accounts(cx).await;
    accounts_are_listed_newest_first_and_changed_once(cx).await;
}

fn tenant(number: u8) -> TenantId {
    TenantId::new(NOON, [number; 10])
}

fn key(of: u8, number: u8) -> Key {
    let at = NOON.plus_ms(i64::from(number));
    Key::new(KeyId::new(at, [number; 10]), tenant(of), format!("key {number}"), at)
}

async fn of_twenty_keys_three_find_room(cx: &Cx) {
    let of = 101;
    assert!(cx.store.put_key("older than the set", &key(of, 0)).await.unwrap());
    let mut racers = JoinSet::new();
    for number in 1..=20 {
        let cx = cx.clone();
        racers.spawn(async move { cx.store.hold_key_place(tenant(of), key(of, number).id, Some(3)).await.unwrap() });
    }
    let held = racers.join_all().await.into_iter().filter(|held| *held).count();
    assert_eq!(held, 2, "one place is that of the key that was there");
    // Goes where another was.
    assert!(cx.store.hold_key_place(tenant(of), key(of, 21).id, None).await.unwrap());
    let old = cx.store.find_key(tenant(of), key(of, 0).id).await.unwrap().unwrap();
    assert_eq!(cx.store.revoke_found_key(&old, NOON).await.unwrap(), Revoked::Now);
    assert!(!cx.store.hold_key_place(tenant(of), key(of, 22).id, Some(3)).await.unwrap());
    // Those that were never made give way, but only when they can't be in the making any more.
    let later = KeyId::new(NOON.plus_ms(11 * 60_000), [99; 10]);
    assert!(cx.store.hold_key_place(tenant(of), later, Some(3)).await.unwrap());
    // Twice is once.
    assert!(cx.store.hold_key_place(tenant(of), later, Some(1)).await.unwrap());
    cx.store.leave_key_place(tenant(of), later).await.unwrap();
    assert!(cx.store.hold_key_place(tenant(of), key(of, 23).id, Some(1)).await.unwrap(), "an empty set has room");
    cx.store.leave_key_place(tenant(250), later).await.unwrap();
}

async fn a_key_that_works_is_listed_before_all_that_do_not(cx: &Cx) {
    let of = 102;
    for number in 0..=120 {
        cx.store.put_key(&format!("{of} {number}"), &key(of, number)).await.unwrap();
        if number > 0 {
            let found = cx.store.find_key(tenant(of), key(of, number).id).await.unwrap().unwrap();
            cx.store.revoke_found_key(&found, NOON).await.unwrap();
        }
    }
    let listed = cx.store.keys(tenant(of)).await.unwrap();
    assert_eq!(listed.len(), 100);
    assert!(listed.iter().any(|listed| listed.revoked_at.is_none() && listed.id == key(of, 0).id));
}

async fn a_name_is_one_accounts(cx: &Cx) {
    let (first, second) = (tenant(103), tenant(104));
    let take = async |tenant, at: Timestamp| cx.store.take_name("Acme", tenant, at).await.unwrap();
    assert_eq!(take(first, NOON).await, NameTaken::Now);
    assert_eq!(take(second, NOON.plus_ms(1_000)).await, NameTaken::Unsettled(60));
    assert!(cx.store.put_account(&Account::new(first, "Acme", Tier::Pro, NOON)).await.unwrap());
    assert_eq!(take(second, NOON.plus_ms(600_000)).await, NameTaken::Held);
    let found = cx.store.find_account(first).await.unwrap().unwrap();
    let gone = Account { deleted_at: Some(NOON), ..found.account.clone() };
    assert_eq!(cx.store.replace_account(&found, &gone).await.unwrap(), Replaced::Done);
    assert_eq!(take(second, NOON).await, NameTaken::Now);
}

async fn accounts_are_listed_newest_first_and_changed_once(cx: &Cx) {
    let account = |number: u8| {
        Account::new(tenant(number), format!("account {number}"), Tier::Pro, NOON.plus_ms(i64::from(number)))
    };
    for number in 110..=114 {
        assert!(cx.store.put_account(&account(number)).await.unwrap());
    }
    let found = cx.store.find_account(tenant(112)).await.unwrap().unwrap();
    let gone = Account { deleted_at: Some(NOON), ..found.account.clone() };
    assert_eq!(cx.store.replace_account(&found, &gone).await.unwrap(), Replaced::Done);
    assert_eq!(cx.store.replace_account(&found, &account(112)).await.unwrap(), Replaced::Lost);
    assert!(cx.store.find_account(tenant(112)).await.unwrap().is_none());
    let names = async |offset, limit| {
        let listed = cx.store.accounts(offset, limit).await.unwrap();
        listed.into_iter().map(|account| account.name).collect::<Vec<_>>()
    };
    assert_eq!(names(0, 3).await, ["account 114", "account 113", "account 111"]);
    assert_eq!(names(2, 2).await, ["account 111", "account 110"]);
}
