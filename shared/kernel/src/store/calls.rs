//! Calls of hooks: one event on its way to one hook. Each is a delivery in an item of its own, found by its id, in the list
//! of its hook, among those of its hook in one state, and, given up, among all of its account that were.

use handrail_domain::hook::{CallId, HookId};
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;

use super::deliveries::{Delivery, DeliveryKey, DeliveryStatus};
use super::item::Attributes;
use super::newest::Entry;
use super::single::item_key;
use super::strands::{BY_FACET, BY_KIND, BY_STATE};
use super::{Item, ReadItem, Store, json, n, s};
use crate::fault::Fault;

/// Longer than anybody looks for what a receiver missed.
const LIVES_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Beyond these nobody pages.
pub const CALLS_BEHIND_MAX: usize = 10_000;

/// One event on its way to one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub id: CallId,
    pub key: DeliveryKey,
    pub hook: HookId,
    /// Of the record and of the hook.
    pub kind: String,
    /// In the words of the door.
    pub event: String,
    pub delivery: Delivery,
}

/// How far a call is. Lists are kept by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// Not tried yet.
    Pending,
    /// The last attempt failed, and there will be another one.
    Failed,
    Delivered,
    /// Given up.
    Dead,
}

impl CallState {
    pub fn of(delivery: &Delivery) -> Self {
        match delivery.status {
            DeliveryStatus::Pending if delivery.attempts.len() > delivery.tried_before => Self::Failed,
            DeliveryStatus::Pending => Self::Pending,
            DeliveryStatus::Delivered => Self::Delivered,
            DeliveryStatus::Dead => Self::Dead,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

impl Store {
    /// Writes a call down with the bytes that will be sent. One that lies there already stays as it is.
    pub async fn open_call(&self, kind: &str, key: DeliveryKey, event: &str, fresh: &Delivery) -> Result<(), Fault> {
        let (hook, id) = named(key)?;
        let mut item = Item::from([
            ("pk".to_owned(), s(partition(key.tenant, id))),
            ("sk".to_owned(), s(CALL)),
            ("kind".to_owned(), s(kind)),
            ("key".to_owned(), s(json(&key)?)),
            ("event".to_owned(), s(event)),
            ("delivery".to_owned(), s(json(fresh)?)),
            ("attempted".to_owned(), n(0)),
            ("ttl".to_owned(), n(fresh.created_at.as_unix_seconds() + LIVES_SECONDS)),
            ("kind_pk".to_owned(), s(of_hook(key.tenant, hook))),
            ("kind_sk".to_owned(), s(position(fresh.created_at, hook, id))),
            ("state_sk".to_owned(), s(position(fresh.created_at, hook, id))),
        ]);
        let moving = moving(kind, key, fresh)?.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        item.extend(moving);
        self.put_if_absent(item, "open a call").await.map(drop)
    }

    pub async fn call(&self, tenant: TenantId, id: CallId) -> Result<Option<Call>, Fault> {
        self.get(key_at(partition(tenant, id)), "read a call").await?.as_ref().map(read).transpose()
    }

    /// As [`Store::record_attempt`], and moves the call in the lists.
    pub async fn record_call(&self, call: &Call, after: &Delivery) -> Result<bool, Fault> {
        self.write_attempt(call.key, after, moving(&call.kind, call.key, after)?).await
    }

    /// The hook's calls, newest first: all of them, or those in one state. The index follows the table within moments.
    pub async fn calls_of_hook(
        &self,
        tenant: TenantId,
        hook: HookId,
        state: Option<CallState>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Call>, Fault> {
        let (index, partition) = match state {
            None => (BY_KIND, of_hook(tenant, hook)),
            Some(state) => (BY_STATE, in_state(tenant, hook, state)),
        };
        let newest = self.newest(index, &partition, offset + limit, LISTING).await?;
        let mut calls = self.calls_at(newest.into_iter().skip(offset)).await?;
        calls.retain(|call| state.is_none_or(|state| CallState::of(&call.delivery) == state));
        Ok(calls)
    }

    /// The account's calls of this kind that were given up, newest first.
    pub async fn dead_calls(
        &self,
        tenant: TenantId,
        kind: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Call>, Fault> {
        let newest = self.newest(BY_FACET, &dead(tenant, kind), offset + limit, LISTING).await?;
        let mut calls = self.calls_at(newest.into_iter().skip(offset)).await?;
        calls.retain(|call| call.delivery.status == DeliveryStatus::Dead);
        Ok(calls)
    }

    /// The newest of them that were for one of these hooks.
    pub async fn dead_calls_of(
        &self,
        tenant: TenantId,
        kind: &str,
        hooks: &[HookId],
        limit: usize,
    ) -> Result<Vec<Call>, Fault> {
        let newest = self.newest(BY_FACET, &dead(tenant, kind), CALLS_BEHIND_MAX, LISTING).await?;
        let for_them = |entry: &Entry| hook_at(&entry.position).is_some_and(|hook| hooks.contains(&hook));
        let mut calls = self.calls_at(newest.into_iter().filter(for_them).take(limit)).await?;
        calls.retain(|call| call.delivery.status == DeliveryStatus::Dead);
        Ok(calls)
    }

    /// Asks for a call that was given up to be made again, from the first attempt on. `None`: somebody else just did.
    pub async fn replay_call(&self, call: &Call, now: Timestamp) -> Result<Option<Delivery>, Fault> {
        let again = call.delivery.again_at(now);
        let mut more = moving(&call.kind, call.key, &again)?;
        more.push(("ttl", Some(n(now.as_unix_seconds() + LIVES_SECONDS))));
        self.replay(call.key, &call.kind, &call.delivery, again, more).await
    }

    /// In this order. What is gone is left out.
    async fn calls_at(&self, entries: impl Iterator<Item = Entry>) -> Result<Vec<Call>, Fault> {
        let places: Vec<String> = entries.map(|entry| entry.pk).collect();
        let items = self.batch_get(places.iter().map(key_at).collect()).await?;
        let at = |pk: &String| items.iter().find(|item| item.text_if_any("pk") == Some(pk));
        places.iter().filter_map(at).map(read).collect()
    }
}

/// What a failed list was about.
const LISTING: &str = "list calls";
/// As a delivery's other items are called, so that the stream's filter lets it through.
const CALL: &str = "delivery#call";

/// What changes with each attempt. `None`: removed.
fn moving(kind: &str, key: DeliveryKey, after: &Delivery) -> Result<Attributes, Fault> {
    let (hook, id) = named(key)?;
    let state = CallState::of(after);
    let is_dead = state == CallState::Dead;
    Ok(vec![
        ("state_pk", Some(s(in_state(key.tenant, hook, state)))),
        ("facet_pk", is_dead.then(|| s(dead(key.tenant, kind)))),
        ("facet_sk", is_dead.then(|| s(position(after.created_at, hook, id)))),
    ])
}

fn named(key: DeliveryKey) -> Result<(HookId, CallId), Fault> {
    let call = key.hook.zip(key.call());
    call.ok_or_else(|| Fault::broken("a delivery that is no hook's was taken for one"))
}

pub(super) fn item_key_of(key: DeliveryKey, id: CallId) -> Item {
    key_at(partition(key.tenant, id))
}

fn key_at(pk: impl Into<String>) -> Item {
    item_key(s(pk), CALL)
}

fn partition(tenant: TenantId, id: CallId) -> String {
    format!("call#{tenant}#{id}")
}

/// Not in shards, as lists of records are: what one hook hears is bounded by what its receiver can take, far below the
/// thousand writes a second that a partition takes.
fn of_hook(tenant: TenantId, hook: HookId) -> String {
    format!("{tenant}#call#{hook}")
}

fn in_state(tenant: TenantId, hook: HookId, state: CallState) -> String {
    format!("{tenant}#call#{hook}#{}", state.name())
}

fn dead(tenant: TenantId, kind: &str) -> String {
    format!("{tenant}#call#{kind}#dead")
}

/// Thirteen digits: text order is time order.
fn position(created_at: Timestamp, hook: HookId, id: CallId) -> String {
    format!("{:013}#{hook}#{id}", created_at.as_unix_ms())
}

fn hook_at(position: &str) -> Option<HookId> {
    position.split('#').nth(1)?.parse().ok()
}

fn read(item: &Item) -> Result<Call, Fault> {
    let key: DeliveryKey = item.json("key")?;
    let (hook, id) = named(key)?;
    let text = |name| item.text(name).map(str::to_owned);
    Ok(Call { id, key, hook, kind: text("kind")?, event: text("event")?, delivery: item.json("delivery")? })
}
