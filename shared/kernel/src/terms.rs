//! What an account says of its keys, laid over each where it is looked up: its tier, its limits, and that it was deleted.
//!
//! Nothing of that is copied into the keys, so nothing has to be carried on to them: a change reaches every key, also one
//! that is being made at that moment, within the seconds that a key is remembered. See
//! docs/decisions/0017-an-account-is-read-with-its-key.md.

use handrail_domain::account::{Account, Tier};

use crate::cx::Cx;
use crate::fault::Fault;
use crate::store::{Key, Terms};

/// One look more for each look at a key. A key of the days before accounts has none and is what it says itself.
pub(crate) async fn under_its_account(cx: &Cx, key: Key) -> Result<Key, Fault> {
    // A key that does not work needs no terms.
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    let account = cx.store.account_even_deleted(key.tenant).await?;
    Ok(under(account.as_ref(), key))
}

fn under(account: Option<&Account>, key: Key) -> Key {
    let Some(account) = account else {
        let terms = Terms { handoffs_per_day: key.tier.allotment().handoffs_per_day, asks_nobody: false };
        return Key { terms, ..key };
    };
    let terms = Terms { handoffs_per_day: account.handoffs_per_day(), asks_nobody: asks_nobody(account, &key) };
    let requests_per_minute = requests_per_minute_under(account.tier, key.requests_per_minute);
    Key { tier: account.tier, requests_per_minute, terms, revoked_at: account.deleted_at, ..key }
}

/// What a key was given, as far as a tier allows it now.
pub fn requests_per_minute_under(tier: Tier, given: u32) -> u32 {
    given.min(tier.preset().requests_per_minute_max)
}

/// Where a tier says whom keys may ask, one that names nobody asks the account's holder: here there is none.
fn asks_nobody(account: &Account, key: &Key) -> bool {
    account.tier.preset().approvers_max.is_some() && account.email.is_none() && key.approvers.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_domain::ids::{KeyId, TenantId};
    use handrail_domain::text::EmailAddress;
    use handrail_domain::time::Timestamp;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn account(tier: Tier) -> Account {
        Account::new(TenantId::new(NOW, [1; 10]), "An account", tier, NOW)
    }

    fn key() -> Key {
        Key::new(KeyId::new(NOW, [2; 10]), account(Tier::Pro).tenant, "a key", NOW)
    }

    #[test]
    fn the_accounts_tier_counts_and_not_the_keys_own() {
        let free = under(Some(&account(Tier::Free)), key());
        assert_eq!((free.tier, free.requests_per_minute, free.terms.handoffs_per_day), (Tier::Free, 30, Some(5)));
        let slow = Key { requests_per_minute: 7, ..key() };
        assert_eq!(under(Some(&account(Tier::Free)), slow).requests_per_minute, 7);
        let alone = under(None, Key { tier: Tier::Free, ..key() });
        assert_eq!((alone.tier, alone.terms.handoffs_per_day, alone.revoked_at), (Tier::Free, Some(5), None));
    }

    #[test]
    fn a_deleted_accounts_key_is_revoked() {
        let deleted = Account { deleted_at: Some(NOW), ..account(Tier::Enterprise) };
        assert_eq!(under(Some(&deleted), key()).revoked_at, Some(NOW));
        assert_eq!(under(Some(&account(Tier::Enterprise)), key()).revoked_at, None);
    }

    #[test]
    fn who_may_ask_only_the_holder_asks_nobody_where_nobody_holds() {
        assert!(under(Some(&account(Tier::Pro)), key()).terms.asks_nobody);
        assert!(!under(Some(&account(Tier::Enterprise)), key()).terms.asks_nobody);
        let ann = EmailAddress::parse("ann@example.com").unwrap();
        let named = Key { approvers: vec![ann.clone()], ..key() };
        assert!(!under(Some(&account(Tier::Pro)), named).terms.asks_nobody);
        let held = Account { email: Some(ann), ..account(Tier::Pro) };
        assert!(!under(Some(&held), key()).terms.asks_nobody);
    }
}
