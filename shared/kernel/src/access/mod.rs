//! Who calls, and may they: keys looked up once every few seconds, budgets leased in blocks.
//!
//! On a warm process neither costs a round trip on most requests.

mod leases;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use handrail_domain::account::Account;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;

use self::leases::{Leased, Leases};
use crate::cx::Cx;
use crate::fault::Fault;
use crate::master::hash_of_key;
use crate::problem::Problem;
use crate::store::{Key, Lease, LeaseAsked};
use crate::terms::under_its_account;

/// A revoked key stops working everywhere within this time.
pub const KEY_REMEMBERED_MS: i64 = 5_000;
/// Forgotten all at once when full: a process that sees this many keys in five seconds gains little from remembering.
const KEYS_REMEMBERED_MAX: usize = 1_000;

pub const WINDOW_SECONDS: i64 = 60;
/// The budget of one record, address or account is forgotten an hour after its window.
const PASSING_BUDGET_LIVES_SECONDS: i64 = 60 * 60;

/// No key is longer; the rest is not even hashed.
const KEY_CHARS_MAX: usize = 200;

#[derive(Default)]
pub struct Gate {
    keys: Mutex<HashMap<String, (Timestamp, Key)>>,
    leases: Leases,
}

/// What a request is counted under.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// Making records.
    Creates,
    /// Reading one record: each has a budget of its own, so that many waiting agents don't starve each other.
    Reads(RecordId),
    /// Everything else that a key does.
    Calls,
}

/// The key behind a credential, if it is one that works.
pub async fn authenticate(cx: &Cx, credential: &str) -> Result<Option<Key>, Fault> {
    Ok(look_up(cx, credential).await?.filter(|key| key.revoked_at.is_none()))
}

/// The same with keys that were revoked, for a door that says so.
pub async fn look_up(cx: &Cx, credential: &str) -> Result<Option<Key>, Fault> {
    if credential.is_empty() || credential.len() > KEY_CHARS_MAX {
        return Ok(None);
    }
    let hash = hash_of_key(credential);
    let now = cx.clock.now();
    let remembered = lock(&cx.gate.keys)
        .get(&hash)
        .filter(|(read_at, _)| (0..KEY_REMEMBERED_MS).contains(&now.ms_since(*read_at)))
        .map(|(_, key)| key.clone());
    let key = match remembered {
        Some(key) => Some(key),
        None => {
            let key = match cx.store.key_by_hash(&hash).await? {
                Some(key) => Some(under_its_account(cx, key).await?),
                None => None,
            };
            let mut keys = lock(&cx.gate.keys);
            if keys.len() >= KEYS_REMEMBERED_MAX {
                keys.clear();
            }
            match &key {
                Some(key) => drop(keys.insert(hash, (now, key.clone()))),
                None => drop(keys.remove(&hash)),
            }
            key
        }
    };
    Ok(key)
}

/// So much in a window of time, counted under a name of its own.
#[derive(Clone, Debug)]
pub struct Allowance {
    name: String,
    limit: u32,
    window_seconds: i64,
    /// One of many, such as that of an address: forgotten some time after its window, and no month's usage.
    passing: bool,
}

impl Allowance {
    pub fn of_key(key: &Key, budget: Budget) -> Self {
        Self {
            name: budget.name(key),
            limit: key.requests_per_minute,
            window_seconds: WINDOW_SECONDS,
            passing: matches!(budget, Budget::Reads(_)),
        }
    }

    /// What people of an account do in a minute, all of them together.
    pub fn of_account(account: &Account) -> Self {
        Self::passing(format!("{}#calls", account.tenant), account.tier.preset().requests_per_minute, WINDOW_SECONDS)
    }

    /// What all keys of an account together do in an hour, where its tier says how much that is.
    pub fn of_hour(key: &Key) -> Option<Self> {
        let limit = key.tier.allotment().requests_per_hour?;
        Some(Self::passing(format!("{}#hour", key.tenant), limit, 60 * WINDOW_SECONDS))
    }

    /// Making keys, by whomever.
    pub fn new_keys(tenant: TenantId, limit: u32) -> Self {
        Self::passing(format!("{tenant}#keys"), limit, 60 * WINDOW_SECONDS)
    }

    /// What nobody signs for: counted by where it comes from, or whom it is about. Neither is readable in the table.
    pub fn of_stranger(what: &str, who: &str, limit: u32) -> Self {
        let hash = hash_of_key(who);
        Self::passing(format!("{what}#{}", &hash[..32]), limit, WINDOW_SECONDS)
    }

    fn passing(name: String, limit: u32, window_seconds: i64) -> Self {
        Self { name, limit, window_seconds, passing: true }
    }
}

/// Takes one request from the key's budget, or says when to come back.
pub async fn spend(cx: &Cx, key: &Key, budget: Budget) -> Result<(), Problem> {
    take(cx, Allowance::of_key(key, budget)).await
}

/// Takes one from an allowance, or says when to come back.
pub async fn take(cx: &Cx, allowance: Allowance) -> Result<(), Problem> {
    let now_seconds = cx.clock.now().as_unix_seconds();
    let window = now_seconds - now_seconds.rem_euclid(allowance.window_seconds);
    let Some(asking) = cx.gate.leases.spend(&allowance, window) else { return Ok(()) };
    let window_ends = window + allowance.window_seconds;
    let asked = LeaseAsked {
        budget: &allowance.name,
        window,
        block: asking.block,
        limit: allowance.limit,
        month: &month_of(Timestamp::from_unix_ms(asking.spent_in * 1000)),
        spent: if allowance.passing { 0 } else { asking.unbooked },
        expires_at_seconds: allowance.passing.then_some(window_ends + PASSING_BUDGET_LIVES_SECONDS),
    };
    match cx.store.lease(&asked).await {
        Ok(Lease::Granted { block, of_all }) => {
            asking.granted(block, of_all);
            Ok(())
        }
        Ok(Lease::Exhausted) => {
            if asking.refused() {
                return Ok(());
            }
            let retry_after_s = u32::try_from(window_ends - now_seconds).unwrap_or(1).max(1);
            Err(Problem::RateLimited { retry_after_s })
        }
        Err(fault) => {
            // It may have been booked: rather too little than twice.
            tracing::warn!(fault = fault.chain(), "a lease failed");
            Err(fault.into())
        }
    }
}

/// What is left of an allowance in the window that this moment lies in, as far as this process knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    pub limit: u32,
    pub remaining: u32,
    pub ends_in_s: u32,
}

/// `None`: nothing was taken in this window yet, not by this process.
pub fn left(cx: &Cx, allowance: &Allowance) -> Option<Left> {
    let now_seconds = cx.clock.now().as_unix_seconds();
    let into_window = now_seconds.rem_euclid(allowance.window_seconds);
    let leased = cx.gate.leases.of(&allowance.name).filter(|leased| leased.window == now_seconds - into_window)?;
    let ends_in_s = u32::try_from(allowance.window_seconds - into_window).unwrap_or(1).max(1);
    let remaining = leased.left.saturating_add(leased.beyond).min(allowance.limit);
    Some(Left { limit: allowance.limit, remaining, ends_in_s })
}

/// Records made with this key this month, as far as they are booked and known here.
pub async fn created_this_month(cx: &Cx, key: &Key) -> Result<u64, Fault> {
    let name = Budget::Creates.name(key);
    let month = month_of(cx.clock.now());
    let booked = cx.store.spent(&name, &month).await?;
    Ok(booked + unbooked(cx, &name, &month))
}

/// The same for each of these keys.
pub async fn created_this_month_by_each(cx: &Cx, keys: &[Key]) -> Result<Vec<u64>, Fault> {
    let month = month_of(cx.clock.now());
    let names: Vec<String> = keys.iter().map(|key| Budget::Creates.name(key)).collect();
    let booked = cx.store.spent_each(&names, &month).await?;
    Ok(names.iter().zip(booked).map(|(name, booked)| booked + unbooked(cx, name, &month)).collect())
}

fn unbooked(cx: &Cx, name: &str, month: &str) -> u64 {
    let of_this_month = |leased: &Leased| month_of(Timestamp::from_unix_ms(leased.spent_in * 1000)) == month;
    cx.gate.leases.of(name).filter(of_this_month).map_or(0, |leased| u64::from(leased.unbooked))
}

/// `2026-01`.
pub fn month_of(now: Timestamp) -> String {
    now.to_string().get(..7).unwrap_or("").to_owned()
}

impl Budget {
    fn name(self, key: &Key) -> String {
        match self {
            Self::Creates => format!("{}#creates", key.id),
            Self::Reads(record) => format!("{}#reads#{record}", key.id),
            Self::Calls => format!("{}#calls", key.id),
        }
    }
}

impl Gate {
    /// What a changed key needs: without it the change is seen after [`KEY_REMEMBERED_MS`].
    pub fn forget_keys(&self) {
        lock(&self.keys).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic while the lock was held left plain data behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
