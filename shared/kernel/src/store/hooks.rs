//! Hooks: where an account wants to be called, and about what.
//!
//! An account has a fixed number of places for the hooks of a kind, each an item. A new hook takes a free place, or that of
//! one that is no longer active, in one conditional write: however many come at once, there are never more than places.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use handrail_domain::hook::HookId;
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::outcome::{met, met_or_found};
use super::single::item_key;
use super::{Item, ReadItem, Store, json, n, s};
use crate::fault::Fault;

/// Of a kind, for one account. Each event asks for all of them, and each may be a call.
pub const HOOKS_MAX: u8 = 50;

/// A hook, without the secret that signs its calls: see [`secret_of`](crate::hook::secret_of).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    pub id: HookId,
    pub tenant: TenantId,
    /// As it was given.
    pub url: String,
    /// In the words of the door.
    pub events: Vec<String>,
    pub created_at: Timestamp,
    /// It is called no more.
    pub closed_at: Option<Timestamp>,
    /// See [`seal`](crate::seal). A hook that is called no more has none.
    pub(crate) sealed_secret: Option<String>,
}

/// What never changes.
#[derive(Serialize, Deserialize)]
struct Wish {
    url: String,
    events: Vec<String>,
    created_at: Timestamp,
}

impl Hook {
    pub fn is_active(&self) -> bool {
        self.closed_at.is_none()
    }

    pub fn wants(&self, event: &str) -> bool {
        self.is_active() && self.events.iter().any(|wanted| wanted == event)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    Now,
    Before,
    Unknown,
}

impl Store {
    /// Puts a hook in its place. `false`: somebody else is there. Where `instead_of` was, which is called no more, this one
    /// may be.
    pub async fn put_hook(&self, kind: &str, hook: &Hook, instead_of: Option<HookId>) -> Result<bool, Fault> {
        let wish = Wish { url: hook.url.clone(), events: hook.events.clone(), created_at: hook.created_at };
        let mut item = key(hook.tenant, kind, hook.id.slot());
        item.insert("hook_id".to_owned(), s(hook.id.to_string()));
        item.insert("hook".to_owned(), s(json(&wish)?));
        if let Some(secret) = &hook.sealed_secret {
            item.insert("sealed_secret".to_owned(), s(secret));
        }
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // Our own is there after an attempt whose answer was lost.
            .condition_expression(
                "attribute_not_exists(pk) OR hook_id = :own OR (hook_id = :other AND attribute_exists(closed_at))",
            )
            .expression_attribute_values(":own", s(hook.id.to_string()))
            .expression_attribute_values(":other", s(instead_of.unwrap_or(hook.id).to_string()));
        Ok(met(put.send().await, "put a hook")?.is_some())
    }

    /// All of the account's hooks of this kind, newest first, those too that are called no more.
    pub async fn hooks(&self, tenant: TenantId, kind: &str) -> Result<Vec<Hook>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
            .expression_attribute_values(":pk", s(partition(tenant)))
            .expression_attribute_values(":kind", s(places(kind)))
            .limit(i32::from(HOOKS_MAX));
        let found = query.send().await.map_err(|error| Fault::from_sdk("list hooks", error))?;
        let hooks = found.items().iter().map(|item| read(tenant, item));
        let mut hooks = hooks.collect::<Result<Vec<Hook>, Fault>>()?;
        hooks.sort_by_key(|hook| std::cmp::Reverse((hook.created_at, hook.id)));
        Ok(hooks)
    }

    pub async fn hook(&self, tenant: TenantId, kind: &str, id: HookId) -> Result<Option<Hook>, Fault> {
        let found = self.get(key(tenant, kind, id.slot()), "read a hook").await?;
        let hook = found.map(|item| read(tenant, &item)).transpose()?;
        Ok(hook.filter(|hook| hook.id == id))
    }

    /// It is called no more, and its secret is gone.
    pub async fn close_hook(&self, tenant: TenantId, kind: &str, id: HookId, now: Timestamp) -> Result<Closed, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(tenant, kind, id.slot())))
            .update_expression("SET closed_at = :now REMOVE sealed_secret")
            .condition_expression("hook_id = :id AND attribute_not_exists(closed_at)")
            .expression_attribute_values(":now", n(now.as_unix_ms()))
            .expression_attribute_values(":id", s(id.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(found) = met_or_found(update.send().await, "close a hook")? else { return Ok(Closed::Now) };
        let found = found.as_ref().and_then(|item| item.text_if_any("hook_id"));
        Ok(if found == Some(id.to_string().as_str()) { Closed::Before } else { Closed::Unknown })
    }
}

fn partition(tenant: TenantId) -> String {
    format!("hooks#{tenant}")
}

fn places(kind: &str) -> String {
    format!("hook#{kind}#")
}

fn key(tenant: TenantId, kind: &str, slot: u8) -> Item {
    item_key(s(partition(tenant)), format!("{}{slot:03}", places(kind)))
}

fn read(tenant: TenantId, item: &Item) -> Result<Hook, Fault> {
    let id = item.text("hook_id")?.parse().map_err(|error| Fault::broken_by("a hook's id can't be read", error))?;
    let Wish { url, events, created_at } = item.json("hook")?;
    Ok(Hook {
        id,
        tenant,
        url,
        events,
        created_at,
        closed_at: item.time_if_any("closed_at")?,
        sealed_secret: item.text_if_any("sealed_secret").map(str::to_owned),
    })
}
