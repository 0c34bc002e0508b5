//! Making API keys, putting one in the place of another, taking one back: what every door and the command line do alike.
//!
//! A key is given away only after it is kept. What dies on the way leaves at worst a key that nobody has.

use handrail_domain::account::Account;
use handrail_domain::ids::KeyId;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use http::StatusCode;

use crate::access::{Allowance, take};
use crate::cx::Cx;
use crate::fault::Fault;
use crate::master::hash_of_key;
use crate::problem::Problem;
use crate::store::{FoundKey, Key, Revoked, Store};

/// Enough to recognise a key by, too little to guess it from.
pub const PREFIX_CHARS: usize = 14;
/// Of a key's name, and of an account's that a person holds.
pub const NAME_CHARS_MAX: usize = 100;

const ROTATED: &str = " (rotated)";

/// One line that can be shown.
pub fn is_name(name: &str, chars_max: usize) -> bool {
    !name.trim().is_empty() && name.chars().count() <= chars_max && !name.chars().any(char::is_control)
}

pub fn prefix_of(secret: &str) -> String {
    secret.chars().take(PREFIX_CHARS).collect()
}

/// Whom a new key may ask that names nobody: where the tier says who that is, the account's holder, and nobody where it has
/// none.
pub fn approvers_of(account: Option<&Account>) -> Vec<EmailAddress> {
    let limited = account.filter(|account| account.tier.preset().approvers_max.is_some());
    limited.and_then(|account| account.email.clone()).into_iter().collect()
}

/// Keeps a new key. There is room for so many of an account that work at a time, and it makes so many in an hour.
pub async fn mint(cx: &Cx, secret: &str, key: &Key) -> Result<(), Problem> {
    take(cx, Allowance::new_keys(key.tenant, cx.settings.limits.keys_per_hour)).await?;
    let account = cx.store.account_even_deleted(key.tenant).await?;
    if account.as_ref().is_some_and(|account| account.deleted_at.is_some()) {
        return Err(Problem::NotFound { what: "Tenant" });
    }
    if keep(&cx.store, account.as_ref(), secret, key).await? { Ok(()) } else { Err(no_room(account.as_ref(), key)) }
}

/// The same for whoever has no limit in an hour. `false`: there is no room.
pub async fn keep(store: &Store, account: Option<&Account>, secret: &str, key: &Key) -> Result<bool, Fault> {
    if !store.hold_key_place(key.tenant, key.id, Some(keys_max(account, key))).await? {
        return Ok(false);
    }
    // That there is one with this hash already means that the answer to the first try was lost: nobody draws it twice.
    store.put_key(&hash_of_key(secret), key).await?;
    Ok(true)
}

fn keys_max(account: Option<&Account>, key: &Key) -> u32 {
    account.map_or(key.tier.allotment().keys_max, Account::keys_max)
}

fn no_room(account: Option<&Account>, key: &Key) -> Problem {
    let max = keys_max(account, key);
    let message = format!("This account may have {max} API keys at a time, and has them: revoke one first");
    let details = serde_json::Map::from_iter([("field".to_owned(), "max_api_keys".into())]);
    Problem::Refused { status: StatusCode::CONFLICT, code: "TOO_MANY_KEYS", message, details }
}

/// Puts a new key in the place of this one, with everything that it may do.
///
/// The new one is kept first and the old one revoked last, so both work for a moment and never none. The new one follows
/// from the old one: whoever repeats what died in between finds the same key, and no third is made.
///
/// Gives the new key's only copy and what is kept of it. `None`: the old one was revoked before.
pub async fn rotate(cx: &Cx, old: &FoundKey) -> Result<Option<(String, Key)>, Problem> {
    if old.key.revoked_at.is_some() {
        return Ok(None);
    }
    take(cx, Allowance::new_keys(old.key.tenant, cx.settings.limits.keys_per_hour)).await?;
    let secret = cx.master()?.key_after(old.hash());
    let key = match cx.store.key_by_hash(&hash_of_key(&secret)).await? {
        Some(key) => key,
        None => make_after(cx, old, &secret).await?,
    };
    if key.revoked_at.is_some() {
        // Somebody saw it in the list, took it back, and nobody finished this.
        let message = "The key that takes its place was revoked already: revoke this one and make another";
        return Err(Problem::refused(StatusCode::CONFLICT, "KEY_REVOKED", message));
    }
    match revoke(cx, old, cx.clock.now()).await? {
        Revoked::Now => Ok(Some((secret, key))),
        Revoked::Before | Revoked::Unknown => Ok(None),
    }
}

async fn make_after(cx: &Cx, old: &FoundKey, secret: &str) -> Result<Key, Problem> {
    let now = cx.clock.now();
    let name: String = old.key.name.chars().take(NAME_CHARS_MAX - ROTATED.len()).collect();
    let key = Key {
        id: KeyId::new(now, cx.entropy.bytes()),
        name: name + ROTATED,
        prefix: prefix_of(secret),
        created_at: now,
        ..old.key.clone()
    };
    // It goes where the old one was, so it is not refused for want of room.
    cx.store.hold_key_place(key.tenant, key.id, None).await?;
    if cx.store.put_key(&hash_of_key(secret), &key).await? {
        return Ok(key);
    }
    // Somebody does the same at this moment: theirs it is.
    cx.store.leave_key_place(key.tenant, key.id).await?;
    let theirs = cx.store.key_by_hash(&hash_of_key(secret)).await?;
    theirs.ok_or_else(|| Fault::broken("a key that is there can't be read").into())
}

/// Takes a key back. This process refuses it at once, every other one within seconds.
pub async fn revoke(cx: &Cx, found: &FoundKey, now: Timestamp) -> Result<Revoked, Problem> {
    let revoked = cx.store.revoke_found_key(found, now).await?;
    cx.gate.forget_keys();
    Ok(revoked)
}
