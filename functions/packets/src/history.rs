//! `GET /api/v1/packets/{id}/history`: what happened to a packet, oldest first, told from its events alone.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::packet::Packet;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::{Value, json};

use crate::body::PacketId;
use crate::caller::Caller;
use crate::dialect::{DIALECT, not_found};
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

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsRead>,
    PacketId(id): PacketId,
) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Reads(id)).await?;
    let events = events_of(&cx, caller.key.tenant, id).await?.ok_or_else(|| not_found(id))?;
    Ok(axum::Json(json!({"packet_id": id, "events": events.iter().map(Told::in_history).collect::<Vec<_>>()})))
}

/// Everything that is told of a packet, oldest first, as it is at the moment. `None`: there is no such packet.
pub(crate) async fn events_of(cx: &Cx, tenant: TenantId, id: RecordId) -> Result<Option<Vec<Told>>, Fault> {
    let Some(record) = cx.store.record::<Packet>(tenant, id).await? else { return Ok(None) };
    let seen = record.seen_at(cx.clock.now());
    // The head's log is short; what it forgot lies beside it.
    let first = seen.log.first().map_or(1, |line| line.entry.seq);
    let earlier = if first > 1 { cx.store.events_before::<Packet>(tenant, id, first).await? } else { Vec::new() };
    Ok(Some(earlier.iter().chain(&seen.log).filter_map(|line| Told::of(id, &line.entry)).collect()))
}

#[cfg(test)]
mod tests {
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
}
