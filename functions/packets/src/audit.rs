//! `GET /api/v1/audit`: what happened to the account's packets, newest first, in the words of their histories.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::packet::Packet;
use handrail_domain::record::LogLine;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::{FeedEntry, ToldFilter};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::body::Asked;
use crate::caller::Caller;
use crate::dialect::{DIALECT, Part, flawed_at};
use crate::history::events_of;
use crate::list::{given, time_of};
use crate::live::feed_of;
use crate::page::Window;
use crate::told::Told;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-audit",
    method: Verb::Get,
    path: "/api/v1/audit",
    auth: Auth::Key(Scope::PacketsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadFeed, Touch::Read],
    summary: "List what happened to the packets, newest first",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

/// An empty text is as good as none.
#[derive(Deserialize)]
struct Wanted {
    actor: Option<String>,
    action: Option<String>,
    packet_id: Option<String>,
    created_after: Option<String>,
    created_before: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsRead>,
    Asked(wanted): Asked<Wanted>,
) -> Result<axum::Json<Value>, Problem> {
    let Window { limit, offset } = Window::read(wanted.limit.as_deref(), wanted.offset.as_deref())?;
    let owned = |text: &Option<String>| given(text.as_deref()).map(str::to_owned);
    let filter = ToldFilter {
        actor: owned(&wanted.actor),
        action: owned(&wanted.action),
        from: time_of("created_after", wanted.created_after.as_deref())?,
        to: time_of("created_before", wanted.created_before.as_deref())?,
    };
    let packet = given(wanted.packet_id.as_deref()).map(packet_id).transpose()?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let (entries, total) = match packet {
        Some(id) => of_one(&cx, caller.key.tenant, id, &filter, offset, limit).await?,
        None => {
            let found = cx.store.find_told(feed_of(&caller.key), &filter, offset, limit).await?;
            let found = found.ok_or_else(|| {
                let message = "Too much happened to look through it: ask for less time, or for one packet";
                flawed_at(Part::Query, "created_after", message, "too_long")
            })?;
            (found.entries.iter().map(told).collect::<Result<Vec<_>, Fault>>()?, found.total)
        }
    };
    let entries: Vec<Value> = entries.iter().map(Told::in_audit).collect();
    Ok(axum::Json(json!({"entries": entries, "total": total, "limit": limit, "offset": offset})))
}

fn packet_id(text: &str) -> Result<RecordId, Problem> {
    let id = Uuid::try_parse(text).map(|id| RecordId::from_bytes(id.into_bytes()));
    id.map_err(|_| flawed_at(Part::Query, "packet_id", "Input should be a valid UUID", "uuid_parsing"))
}

/// One packet's history has it all, and is up to date to the moment.
async fn of_one(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    filter: &ToldFilter,
    offset: usize,
    limit: usize,
) -> Result<(Vec<Told>, u64), Fault> {
    let mut fitting = events_of(cx, tenant, id).await?.unwrap_or_default();
    fitting.retain(|told| {
        filter.actor.as_ref().is_none_or(|actor| *actor == told.actor)
            && filter.action.as_ref().is_none_or(|action| action == told.action)
            && filter.from.is_none_or(|from| told.at >= from)
            && filter.to.is_none_or(|to| told.at <= to)
    });
    let total = fitting.len() as u64;
    Ok((fitting.into_iter().rev().skip(offset).take(limit).collect(), total))
}

fn told(entry: &FeedEntry) -> Result<Told, Fault> {
    let line = LogLine::<Packet>::read(entry.event.clone());
    let line = line.map_err(|error| Fault::broken_by("a feed's event can't be read", error))?;
    Told::of(entry.record, &line.entry).ok_or_else(|| Fault::broken("a feed tells what no history tells"))
}
