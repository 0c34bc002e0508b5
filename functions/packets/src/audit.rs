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

use crate::body::{Asked, uuid_in};
use crate::caller::Caller;
use crate::dialect::{DIALECT, Part, flawed_at};
use crate::history::events_of;
use crate::list::time_of;
use crate::live::feed_of;
use crate::page::{Window, given};
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
    uuid_in(Part::Query, "packet_id", text).map(RecordId::from_bytes)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AGENT, Answer, Desk, READER, WRITER, checkpoint};

    async fn ask(desk: &Desk, query: &str) -> Answer {
        desk.call(ENDPOINT, &format!("/api/v1/audit{query}"), READER, Value::Null).await
    }

    async fn entries(desk: &Desk, query: &str) -> (Vec<Value>, Value) {
        let page = ask(desk, query).await;
        assert_eq!(page.status.as_u16(), 200, "{query}: {}", page.json);
        (page.json["entries"].as_array().unwrap().clone(), page.json["total"].clone())
    }

    /// One that was worked on, one that was answered.
    async fn some_work(desk: &Desk) -> [RecordId; 2] {
        let worked_on = desk.claimed().await;
        let path = format!("/api/v1/packets/{worked_on}");
        for body in
            [json!({"context": {"summary": "new"}}), json!({"status": "in_progress"}), json!({"status": "completed"})]
        {
            desk.call(crate::patch::ENDPOINT, &path, AGENT, body).await;
        }
        let asked = desk.made_of(checkpoint()).await;
        let answer = json!({"response": "yes", "responded_by": "ann"});
        desk.call(crate::respond::ENDPOINT, &format!("/api/v1/packets/{asked}/respond"), WRITER, answer).await;
        desk.dispatched().await;
        [worked_on, asked]
    }

    #[tokio::test]
    async fn the_audit_says_of_each_event_what_its_history_says() {
        let desk = Desk::new().await;
        let ids = some_work(&desk).await;
        let (all, total) = entries(&desk, "").await;
        assert_eq!((all.len(), &total), (6, &json!(6)));
        for id in ids {
            let path = format!("/api/v1/packets/{id}/history");
            let history = desk.call(crate::history::ENDPOINT, &path, READER, Value::Null).await;
            let told: Vec<Value> = history.json["events"].as_array().unwrap().clone();
            let of_it: Vec<&Value> = all.iter().rev().filter(|entry| entry["packet_id"] == json!(id)).collect();
            assert_eq!(of_it.len(), told.len());
            for (entry, event) in of_it.into_iter().zip(&told) {
                for member in ["id", "packet_id", "actor", "details", "timestamp"] {
                    assert_eq!(entry[member], event[member], "{entry}");
                }
                assert_eq!((&entry["action"], &entry["resource"]), (&event["event_type"], &json!("packet")));
            }
            let (alone, total) = entries(&desk, &format!("?packet_id={id}")).await;
            assert_eq!((alone.len(), total), (told.len(), json!(told.len())));
            assert!(alone.iter().all(|entry| all.contains(entry)), "one packet's entries are the same");
        }
    }

    #[tokio::test]
    async fn it_is_filtered_and_paged() {
        let desk = Desk::new().await;
        let [worked_on, _] = some_work(&desk).await;
        for (query, total) in [
            ("?action=created", 2),
            ("?action=hitl_responded&actor=human:ann", 1),
            ("?actor=agent:b-1", 3),
            ("?actor=&action=&packet_id=&created_after=", 6),
            ("?created_after=2001-01-01", 6),
            ("?created_before=2001-01-01", 0),
            ("?action=nothing", 0),
            (&format!("?packet_id={worked_on}&action=completed"), 1),
            (&format!("?packet_id={worked_on}&created_before=2001-01-01"), 0),
            ("?packet_id=018f0000-0000-7000-8000-000000000000", 0),
        ] {
            let (found, counted) = entries(&desk, query).await;
            assert_eq!((found.len(), &counted), (total, &json!(total)), "{query}");
        }
        let (page, total) = entries(&desk, "?limit=2&offset=1").await;
        assert_eq!((page.len(), total), (2, json!(6)));
        assert_eq!(page[0]["action"], "created");
    }

    #[tokio::test]
    async fn what_can_be_no_filter_is_refused_by_name() {
        let desk = Desk::new().await;
        for (query, field) in [
            ("?packet_id=x", "packet_id"),
            ("?created_after=yesterday", "created_after"),
            ("?limit=201", "limit"),
            ("?offset=-1", "offset"),
        ] {
            let refused = ask(&desk, query).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{query}");
        }
    }
}
