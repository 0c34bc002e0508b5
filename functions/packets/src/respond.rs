//! `POST /api/v1/packets/{id}/respond`: a person's answer to a checkpoint, brought by a program of the team. The first counts.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::packet::Response;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use crate::body::{Body, PacketId};
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::shelf;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-respond",
    method: Verb::Post,
    path: "/api/v1/packets/{id}/respond",
    auth: Auth::Key(Scope::PacketsRespond),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move, Touch::PutBody],
    summary: "Answer a packet's checkpoint",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsRespond>,
    PacketId(id): PacketId,
    body: Body,
) -> Result<axum::Json<Value>, Problem> {
    let response = body.read(&caller.key, Response::read)?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let answered = shelf::edit(&cx, &caller.key, id, |_, content, now| Ok(response.plan(content, now)));
    Ok(axum::Json(answered.await?.view(&cx)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::packet::State as PacketState;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Answer, Desk, NOON, WRITER, checkpoint};

    async fn answer(desk: &Desk, id: handrail_domain::ids::RecordId, key: &str, response: &str) -> Answer {
        let body = json!({"response": response, "responded_by": "ann", "notes": "as agreed"});
        desk.call(ENDPOINT, &format!("/api/v1/packets/{id}/respond"), key, body).await
    }

    #[tokio::test]
    async fn the_first_answer_counts_and_is_the_only_one() {
        let desk = Desk::new().await;
        let id = desk.made_of(checkpoint()).await;
        desk.advance(59);
        let first = answer(&desk, id, WRITER, "yes, but half").await;
        assert_eq!((first.status.as_u16(), &first.json["status"]), (200, &json!("claimed")));
        let hitl = &first.json["hitl"];
        assert_eq!((&hitl["response"], &hitl["responded_by"]), (&json!("yes, but half"), &json!("ann")));
        assert_eq!(hitl["responded_at"], json!(NOON.plus_ms(59_000)));
        let before = desk.record(id).await;
        let second = answer(&desk, id, WRITER, "no").await;
        let told = "Packet is in 'claimed' status, not 'awaiting_human'. Cannot respond.";
        assert_eq!(second.refusal(), (409, told));
        assert_eq!(desk.record(id).await, before);
    }

    #[tokio::test]
    async fn who_hands_over_does_not_answer() {
        let desk = Desk::new().await;
        let id = desk.made_of(checkpoint()).await;
        assert_eq!(answer(&desk, id, AGENT, "yes").await.status.as_u16(), 403);
        assert_eq!(desk.record(id).await.state(), PacketState::AwaitingHuman);
    }

    #[tokio::test]
    async fn after_its_time_the_checkpoint_is_gone() {
        let desk = Desk::new().await;
        let id = desk.made_of(checkpoint()).await;
        desk.advance(60);
        assert_eq!(answer(&desk, id, WRITER, "yes").await.status.as_u16(), 410);
        assert_eq!(desk.record(id).await.state(), PacketState::Expired);
    }

    #[tokio::test]
    async fn what_asks_nothing_has_no_answer() {
        let desk = Desk::new().await;
        let id = desk.made().await;
        let path = format!("/api/v1/packets/{id}");
        let waiting = desk.call(crate::patch::ENDPOINT, &path, AGENT, json!({"status": "awaiting_human"})).await;
        assert_eq!(waiting.json["status"], "awaiting_human", "{}", waiting.json);
        assert_eq!(answer(&desk, id, WRITER, "yes").await.status.as_u16(), 400);
    }
}
