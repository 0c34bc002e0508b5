//! `POST /api/v1/packets/{id}/claim`: an agent takes the packet. Of many, one gets it, and the others learn who.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::packet::{CLAIM_FORMAT, Claim};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{IdempotencyKey, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use crate::body::{Body, PacketId};
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::shelf::{self, Name};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-claim",
    method: Verb::Post,
    path: "/api/v1/packets/{id}/claim",
    auth: Auth::Key(Scope::PacketsWork),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move],
    summary: "Take a packet, once",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsWork>,
    PacketId(id): PacketId,
    IdempotencyKey(name): IdempotencyKey,
    body: Body,
) -> Result<axum::Json<Value>, Problem> {
    let key = &caller.key;
    let claim = body.read(key, Claim::read)?;
    spend(&cx, key, Budget::Calls).await?;
    let name = Name::given(&cx, key, name, CLAIM_FORMAT, &claim.to_json());
    let claimed = shelf::act(&cx, key, id, claim.act(), &name).await?;
    Ok(axum::Json(claimed.view(&cx)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::packet::State as PacketState;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Answer, Desk, NOON, READER, checkpoint, claim};

    async fn take(desk: &Desk, id: handrail_domain::ids::RecordId, body: Value) -> Answer {
        desk.call(ENDPOINT, &format!("/api/v1/packets/{id}/claim"), AGENT, body).await
    }

    #[tokio::test]
    async fn the_first_has_it_and_the_second_learns_who() {
        let desk = Desk::new().await;
        let id = desk.made().await;
        desk.advance(1);
        let won = take(&desk, id, json!({"agent_id": "c-1", "agent_name": "Carol", "framework": "crewai"})).await;
        assert_eq!((won.status.as_u16(), &won.json["status"]), (200, &json!("claimed")));
        let holder = json!({"id": "c-1", "name": "Carol", "framework": "crewai"});
        assert_eq!(won.json["metadata"]["target_agent"], holder);
        assert_eq!(won.json["metadata"]["claimed_at"], json!(NOON.plus_ms(1_000)));
        for second in ["d-1", "c-1"] {
            let before = desk.record(id).await;
            let lost = take(&desk, id, claim(second)).await;
            assert_eq!(lost.status.as_u16(), 409);
            let message = format!("Packet {id} is already claimed");
            assert_eq!(lost.json, json!({"detail": {"message": message, "claimed_by": holder}}));
            assert_eq!(desk.record(id).await, before);
        }
    }

    #[tokio::test]
    async fn no_claim_goes_past_the_person() {
        let desk = Desk::new().await;
        let id = desk.made_of(checkpoint()).await;
        assert_eq!(take(&desk, id, claim("c-1")).await.status.as_u16(), 409);
        assert_eq!(desk.record(id).await.state(), PacketState::AwaitingHuman);
        desk.advance(60);
        assert_eq!(take(&desk, id, claim("c-1")).await.status.as_u16(), 410);
    }

    #[tokio::test]
    async fn a_lease_that_lapses_lets_the_next_one_in() {
        let desk = Desk::new().await;
        let id = desk.made().await;
        let mut short = claim("c-1");
        short["lease_seconds"] = 30.into();
        let held = take(&desk, id, short).await;
        assert_eq!(held.json["lease_expires_at"], json!(NOON.plus_ms(30_000)));
        desk.advance(29);
        assert_eq!(take(&desk, id, claim("d-1")).await.status.as_u16(), 409);
        desk.advance(1);
        let next = take(&desk, id, claim("d-1")).await;
        assert_eq!((next.status.as_u16(), &next.json["metadata"]["target_agent"]["id"]), (200, &json!("d-1")));
    }

    #[tokio::test]
    async fn a_repeat_under_a_key_is_the_same_claim() {
        let desk = Desk::new().await;
        let id = desk.made().await;
        let path = format!("/api/v1/packets/{id}/claim");
        let ask = async || {
            let request = http::Request::builder().header("x-api-key", AGENT).header("idempotency-key", "mine");
            desk.send(ENDPOINT, &path, request, claim("c-1").to_string()).await
        };
        let (first, again) = (ask().await, ask().await);
        assert_eq!((first.status.as_u16(), &again.json), (200, &first.json));
        assert_eq!(desk.record(id).await.seq, 2);
    }

    #[tokio::test]
    async fn a_repeat_of_a_claim_that_is_over_takes_nothing() {
        let desk = Desk::new().await;
        let id = desk.made().await;
        let path = format!("/api/v1/packets/{id}/claim");
        let mut short = claim("c-1");
        short["lease_seconds"] = 30.into();
        let ask = async || {
            let request = http::Request::builder().header("x-api-key", AGENT).header("idempotency-key", "mine");
            desk.send(ENDPOINT, &path, request, short.to_string()).await
        };
        assert_eq!(ask().await.status.as_u16(), 200);
        desk.advance(30);
        // Nobody has it now: whoever took this for a claim would work on what is anybody's.
        let over = ask().await;
        assert_eq!(over.status.as_u16(), 409, "{}", over.json);
        assert!(over.json["detail"].as_str().unwrap().contains("lapsed"), "{}", over.json);
        assert_eq!(take(&desk, id, claim("d-1")).await.status.as_u16(), 200);
        let late = ask().await;
        assert_eq!((late.status.as_u16(), &late.json["detail"]["claimed_by"]["id"]), (409, &json!("d-1")));
    }

    #[tokio::test]
    async fn who_may_only_read_takes_nothing() {
        let desk = Desk::new().await;
        let id = desk.made().await;
        let refused = desk.call(ENDPOINT, &format!("/api/v1/packets/{id}/claim"), READER, claim("c-1")).await;
        assert_eq!(refused.status.as_u16(), 403);
        assert_eq!(desk.record(id).await.state(), PacketState::Created);
    }
}
