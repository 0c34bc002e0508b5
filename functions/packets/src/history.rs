//! `GET /api/v1/packets/{id}/history`: what happened to a packet, oldest first, told from its events alone.
//!
//! As published it is told at once. Where that is more than an answer holds, the newest of it is told, and what was before
//! is asked for by `before`.

use axum::extract::State;
use axum::response::Response;
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
use serde::Deserialize;
use serde_json::json;

use crate::body::{Asked, PacketId};
use crate::caller::Caller;
use crate::dialect::{DIALECT, Part, flawed_at, not_found};
use crate::packing::{ENVELOPE_BYTES_MAX, Packing};
use crate::page::given;
use crate::told::Told;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-history",
    method: Verb::Get,
    path: "/api/v1/packets/{id}/history",
    auth: Auth::Key(Scope::PacketsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read],
    summary: "See what happened to a packet",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

#[derive(Deserialize)]
struct Wanted {
    before: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsRead>,
    PacketId(id): PacketId,
    Asked(wanted): Asked<Wanted>,
    packing: Packing,
) -> Result<Response, Problem> {
    let before = before(wanted.before.as_deref())?;
    spend(&cx, &caller.key, Budget::Reads(id)).await?;
    let lines = lines_before(&cx, caller.key.tenant, id, before).await?.ok_or_else(|| not_found(id))?;
    let (mut events, mut room, mut oldest) = (Vec::new(), packing.room_beside(ENVELOPE_BYTES_MAX), 1);
    for line in lines.iter().rev() {
        if let Some(told) = Told::of(id, &line.entry) {
            let event = told.in_history();
            if !room.take_entry(&event)? {
                break;
            }
            events.push(event);
        }
        oldest = line.entry.seq;
    }
    events.reverse();
    let before = (oldest > 1).then_some(oldest);
    Ok(packing.answer_of(&json!({"packet_id": id, "events": events, "before": before}))?)
}

/// Everything that is told of a packet, oldest first, as it is at the moment. `None`: there is no such packet.
pub(crate) async fn events_of(cx: &Cx, tenant: TenantId, id: RecordId) -> Result<Option<Vec<Told>>, Fault> {
    let lines = lines_before(cx, tenant, id, u64::MAX).await?;
    Ok(lines.map(|lines| lines.iter().filter_map(|line| Told::of(id, &line.entry)).collect()))
}

async fn lines_before(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    before: u64,
) -> Result<Option<Vec<LogLine<Packet>>>, Fault> {
    let Some(record) = cx.store.record::<Packet>(tenant, id).await? else { return Ok(None) };
    let mut log = record.seen_at(cx.clock.now()).log;
    // The head's log is short; what it forgot lies beside it.
    let first = log.first().map_or(1, |line| line.entry.seq).min(before);
    let mut lines = if first > 1 { cx.store.events_before::<Packet>(tenant, id, first).await? } else { Vec::new() };
    log.retain(|line| line.entry.seq < before);
    lines.append(&mut log);
    Ok(Some(lines))
}

/// The number of the first event that is not asked for.
fn before(text: Option<&str>) -> Result<u64, Problem> {
    let Some(text) = given(text) else { return Ok(u64::MAX) };
    let refuse = || flawed_at(Part::Query, "before", "Input should be a whole number from 1", "int_parsing");
    text.parse().ok().filter(|number| *number > 0).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::{AGENT, Desk, READER, WRITER, checkpoint};

    async fn told(desk: &Desk, id: RecordId) -> Vec<Value> {
        let told = desk.call(ENDPOINT, &format!("/api/v1/packets/{id}/history"), READER, Value::Null).await;
        assert_eq!(told.json["packet_id"], json!(id), "{}", told.json);
        told.json["events"].as_array().unwrap().clone()
    }

    #[tokio::test]
    async fn moves_are_told_and_edits_are_not() {
        let desk = Desk::new().await;
        let id = desk.claimed().await;
        let path = format!("/api/v1/packets/{id}");
        for body in [json!({"context": {"summary": "new"}}), json!({"status": "in_progress"}), json!({})] {
            desk.call(crate::patch::ENDPOINT, &path, AGENT, body).await;
        }
        desk.call(crate::delete::ENDPOINT, &path, AGENT, Value::Null).await;
        let events = told(&desk, id).await;
        let short: Vec<_> = events.iter().map(|event| (event["event_type"].clone(), event["actor"].clone())).collect();
        let expected = [
            ("created", "agent:a-1"),
            ("claimed", "agent:b-1"),
            ("in_progress", "agent:b-1"),
            ("expired", "system:soft_delete"),
        ];
        assert_eq!(short, expected.map(|(kind, actor)| (json!(kind), json!(actor))));
        assert_eq!(events[1]["details"], json!({"agent_name": "The b-1", "framework": null}));
        assert_eq!(events[3]["details"], json!({"previous_status": "in_progress", "reason": "soft_delete"}));
    }

    #[tokio::test]
    async fn time_is_told_as_the_systems_work() {
        let desk = Desk::new().await;
        let waiting = desk.made_of(checkpoint()).await;
        let old = desk.made().await;
        desk.advance(24 * 60 * 60);
        let last = told(&desk, waiting).await.pop().unwrap();
        assert_eq!(
            (&last["actor"], &last["details"]["reason"]),
            (&json!("system:expiry_task"), &json!("hitl_timeout"))
        );
        let last = told(&desk, old).await.pop().unwrap();
        let details = json!({"previous_status": "created", "reason": "ttl_exceeded"});
        assert_eq!((&last["actor"], &last["details"]), (&json!("system:expiry_task"), &details));
    }

    #[tokio::test]
    async fn an_answer_is_told_in_the_persons_name() {
        let desk = Desk::new().await;
        let id = desk.made_of(checkpoint()).await;
        let body = json!({"response": "yes", "responded_by": "ann"});
        desk.call(crate::respond::ENDPOINT, &format!("/api/v1/packets/{id}/respond"), WRITER, body).await;
        let last = told(&desk, id).await.pop().unwrap();
        assert_eq!((&last["event_type"], &last["actor"]), (&json!("hitl_responded"), &json!("human:ann")));
        assert_eq!(last["details"], json!({"response": "yes", "notes": null, "transition_to": "claimed"}));
    }

    #[tokio::test]
    async fn a_history_that_no_answer_holds_is_told_in_pieces() {
        let desk = Desk::new().await;
        let id = desk.made().await;
        let path = format!("/api/v1/packets/{id}");
        let text = "\"".repeat(10_000);
        for _ in 0..85 {
            let question = json!({"status": "awaiting_human", "hitl": {"reason": "Again"}});
            let asked = desk.call(crate::patch::ENDPOINT, &path, AGENT, question).await;
            assert_eq!(asked.status.as_u16(), 200, "{}", asked.json);
            let body = json!({"response": text, "responded_by": "ann", "notes": text});
            desk.call(crate::respond::ENDPOINT, &format!("{path}/respond"), WRITER, body).await;
            // What the stream's worker does.
            let record = desk.record(id).await;
            for line in &record.log {
                let key = handrail_kernel::store::HeadKey { tenant: record.tenant, id };
                desk.cx.store.keep_event(key, line).await.unwrap();
            }
        }
        let ask = async |before: &str| {
            let answer = desk.call(ENDPOINT, &format!("{path}/history?before={before}"), READER, Value::Null).await;
            assert!(answer.body.len() < 6_000_000);
            answer.json
        };
        let newest = ask("").await;
        let before = newest["before"].as_u64().unwrap();
        let rest = ask(&before.to_string()).await;
        assert_eq!(rest["before"], Value::Null);
        let all = rest["events"].as_array().unwrap().iter().chain(newest["events"].as_array().unwrap());
        let numbers =
            all.map(|event| event["id"].as_str().unwrap().rsplit_once('.').unwrap().1.parse::<u64>().unwrap());
        assert!(numbers.eq(1..=171), "one made, and 85 times asked and answered");
        let refused = desk.call(ENDPOINT, &format!("{path}/history?before=x"), READER, Value::Null).await;
        assert_eq!(refused.json["field"], "before");
    }
}
