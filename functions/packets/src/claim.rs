//! `POST /api/v1/packets/{id}/claim`: claims a packet for an agent. Of several agents one succeeds; the others learn
//! the holder.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::{CLAIM_FORMAT, Claim};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::problem::Problem;

use crate::body::{Body, PacketId};
use crate::door::DOOR;
use crate::packet_ops::{self, CommandName};
use crate::requests;
use crate::view::PacketView;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-claim",
    method: HttpMethod::Post,
    path: "/api/v1/packets/{id}/claim",
    auth: Auth::ApiKey(Scope::PacketsWork),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::Transition],
    summary: "Claim a packet",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409, 410])
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsWork>,
    PacketId(id): PacketId,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Body<requests::Claim>,
) -> Result<axum::Json<PacketView>, Problem> {
    let key = &caller.key;
    let claim = body.read(key, Claim::read)?;
    check_key_limit(&cx, key, RateLimitClass::OtherRequests).await?;
    let name = CommandName::from_idempotency_key(&cx, key, idempotency_key, CLAIM_FORMAT, &claim.to_json());
    let claimed = packet_ops::run(&cx, key, id, claim.act(), &name).await?;
    Ok(axum::Json(PacketView::as_of_now(&cx, &claimed)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::packet::State as PacketState;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, NOON, READER, TestApp, TestResponse, checkpoint_body, claim_body};

    async fn claim_packet(app: &TestApp, id: handrail_domain::ids::RecordId, body: Value) -> TestResponse {
        app.call(ENDPOINT, &format!("/api/v1/packets/{id}/claim"), AGENT, body).await
    }

    #[tokio::test]
    async fn second_claim_is_refused_with_the_holder() {
        let app = TestApp::new().await;
        let id = app.create_packet().await;
        app.advance(1);
        let accepted =
            claim_packet(&app, id, json!({"agent_id": "c-1", "agent_name": "Carol", "framework": "crewai"})).await;
        assert_eq!((accepted.status.as_u16(), &accepted.json["status"]), (200, &json!("claimed")));
        let holder = json!({"id": "c-1", "name": "Carol", "framework": "crewai"});
        assert_eq!(accepted.json["metadata"]["target_agent"], holder);
        assert_eq!(accepted.json["metadata"]["claimed_at"], json!(NOON.plus_ms(1_000)));
        for second in ["d-1", "c-1"] {
            let before = app.get_record(id).await;
            let refused = claim_packet(&app, id, claim_body(second)).await;
            assert_eq!(refused.status.as_u16(), 409);
            let message = format!("Packet {id} is already claimed");
            assert_eq!(refused.json, json!({"detail": {"message": message, "claimed_by": holder}}));
            assert_eq!(app.get_record(id).await, before);
        }
    }

    #[tokio::test]
    async fn claim_cannot_bypass_checkpoint() {
        let app = TestApp::new().await;
        let id = app.create_packet_with(checkpoint_body()).await;
        assert_eq!(claim_packet(&app, id, claim_body("c-1")).await.status.as_u16(), 409);
        assert_eq!(app.get_record(id).await.state(), PacketState::AwaitingHuman);
        app.advance(60);
        assert_eq!(claim_packet(&app, id, claim_body("c-1")).await.status.as_u16(), 410);
    }

    #[tokio::test]
    async fn expired_lease_allows_another_claim() {
        let app = TestApp::new().await;
        let id = app.create_packet().await;
        let mut short = claim_body("c-1");
        short["lease_seconds"] = 30.into();
        let claimed = claim_packet(&app, id, short).await;
        assert_eq!(claimed.json["lease_expires_at"], json!(NOON.plus_ms(30_000)));
        app.advance(29);
        assert_eq!(claim_packet(&app, id, claim_body("d-1")).await.status.as_u16(), 409);
        app.advance(1);
        let next = claim_packet(&app, id, claim_body("d-1")).await;
        assert_eq!((next.status.as_u16(), &next.json["metadata"]["target_agent"]["id"]), (200, &json!("d-1")));
    }

    #[tokio::test]
    async fn same_idempotency_key_returns_the_same_claim() {
        let app = TestApp::new().await;
        let id = app.create_packet().await;
        let path = format!("/api/v1/packets/{id}/claim");
        let claim = async || {
            let request = http::Request::builder().header("x-api-key", AGENT).header("idempotency-key", "mine");
            app.send(ENDPOINT, &path, request, claim_body("c-1").to_string()).await
        };
        let (first, again) = (claim().await, claim().await);
        assert_eq!((first.status.as_u16(), &again.json), (200, &first.json));
        assert_eq!(app.get_record(id).await.seq, 2);
    }

    #[tokio::test]
    async fn repeat_of_expired_claim_claims_nothing() {
        let app = TestApp::new().await;
        let id = app.create_packet().await;
        let path = format!("/api/v1/packets/{id}/claim");
        let mut short = claim_body("c-1");
        short["lease_seconds"] = 30.into();
        let claim = async || {
            let request = http::Request::builder().header("x-api-key", AGENT).header("idempotency-key", "mine");
            app.send(ENDPOINT, &path, request, short.to_string()).await
        };
        assert_eq!(claim().await.status.as_u16(), 200);
        app.advance(30);
        // The packet is free now: returning the old claim would let two agents work on it.
        let expired = claim().await;
        assert_eq!(expired.status.as_u16(), 409, "{}", expired.json);
        assert!(expired.json["detail"].as_str().unwrap().contains("lapsed"), "{}", expired.json);
        assert_eq!(claim_packet(&app, id, claim_body("d-1")).await.status.as_u16(), 200);
        let late = claim().await;
        assert_eq!((late.status.as_u16(), &late.json["detail"]["claimed_by"]["id"]), (409, &json!("d-1")));
    }

    #[tokio::test]
    async fn claim_of_started_packet_names_allowed_transitions() {
        let app = TestApp::new().await;
        let id = app.create_claimed_packet().await;
        for (status, allowed) in
            [("in_progress", "'completed', 'awaiting_human', 'failed', 'expired'"), ("completed", "'expired'")]
        {
            let path = format!("/api/v1/packets/{id}");
            app.call(crate::patch::ENDPOINT, &path, AGENT, json!({"status": status})).await;
            let message = format!(
                "Cannot transition from '{status}' to 'claimed'. Allowed transitions from '{status}': [{allowed}]"
            );
            assert_eq!(claim_packet(&app, id, claim_body("c-1")).await.error(), (400, message.as_str()));
            let mut batch = claim_body("c-1");
            batch["packet_ids"] = json!([id]);
            let response = app.call(crate::batch_claim::ENDPOINT, "/api/v1/packets/batch/claim", AGENT, batch).await;
            assert_eq!(response.json["errors"][0]["error"], format!("Cannot claim from status '{status}'"));
        }
    }

    #[tokio::test]
    async fn reader_key_cannot_claim() {
        let app = TestApp::new().await;
        let id = app.create_packet().await;
        let refused = app.call(ENDPOINT, &format!("/api/v1/packets/{id}/claim"), READER, claim_body("c-1")).await;
        assert_eq!(refused.error(), (403, "Insufficient permissions. Required role: agent, current role: reader"));
        assert_eq!(app.get_record(id).await.state(), PacketState::Created);
    }
}
