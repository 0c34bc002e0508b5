//! `POST /api/v1/packets/{id}/respond`: records a person's answer to a checkpoint, which the team's program
//! sends. Only the first answer counts.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::{CheckpointAnswer, Responder};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;

use crate::body::{Body, PacketId};
use crate::door::DOOR;
use crate::packet_ops;
use crate::requests;
use crate::view::PacketView;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-respond",
    method: HttpMethod::Post,
    path: "/api/v1/packets/{id}/respond",
    auth: Auth::ApiKey(Scope::PacketsRespond),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::Read,
        DataAccess::Transition,
        DataAccess::PutBody,
    ],
    summary: "Answer a packet's checkpoint",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[403, 409, 410])
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRespond>,
    PacketId(id): PacketId,
    body: Body<requests::CheckpointResponse>,
) -> Result<axum::Json<PacketView>, Problem> {
    let response = body.read(&caller.key, CheckpointAnswer::read)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let responder = Responder { by: caller.key.actor(), key: Some(caller.key.answering()), question: None };
    let answered = packet_ops::run_with_content(&cx, &caller.key, id, |record, content, now| {
        Ok(response.plan(&responder, record, content, now))
    });
    Ok(axum::Json(PacketView::as_of_now(&cx, &answered.await?)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::packet::State as PacketState;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, AGENT, NOON, TestApp, TestResponse, WRITER, checkpoint_body};

    async fn respond_to_packet(
        app: &TestApp,
        id: handrail_domain::ids::RecordId,
        key: &str,
        response: &str,
    ) -> TestResponse {
        let body = json!({"response": response, "responded_by": "ann", "notes": "as agreed"});
        app.call(ENDPOINT, &format!("/api/v1/packets/{id}/respond"), key, body).await
    }

    #[tokio::test]
    async fn first_answer_counts_and_later_answers_conflict() {
        let app = TestApp::new().await;
        let id = app.create_packet_with(checkpoint_body()).await;
        app.advance(59);
        let first = respond_to_packet(&app, id, WRITER, "yes, but half").await;
        assert_eq!((first.status.as_u16(), &first.json["status"]), (200, &json!("claimed")));
        let hitl = &first.json["hitl"];
        assert_eq!((&hitl["response"], &hitl["responded_by"]), (&json!("yes, but half"), &json!("ann")));
        assert_eq!(hitl["responded_at"], json!(NOON.plus_ms(59_000)));
        assert_eq!((&hitl["resolved_via"], &hitl["resolved_with_key_name"]), (&json!("api"), &json!("the writer")));
        assert_eq!(hitl["answered_by_asker"], true, "the key created the packet with its checkpoint: {hitl}");
        let before = app.get_record(id).await;
        let second = respond_to_packet(&app, id, WRITER, "no").await;
        let message = "Packet is in 'claimed' status, not 'awaiting_human'. Cannot respond.";
        assert_eq!(second.error(), (409, message));
        assert_eq!(app.get_record(id).await, before);
    }

    /// The published client sends a packet back whole, without the members that it does not know.
    #[tokio::test]
    async fn origin_of_an_answer_outlives_an_edit() {
        let app = TestApp::new().await;
        let id = app.create_packet_with(checkpoint_body()).await;
        let answered = respond_to_packet(&app, id, WRITER, "yes").await.json["hitl"].clone();
        let mut sent = answered.clone();
        sent["resolved_via"] = "mail_link".into();
        sent["resolved_with_key"] = Value::Null;
        let path = format!("/api/v1/packets/{id}");
        let edited = app.call(crate::patch::ENDPOINT, &path, AGENT, json!({"hitl": sent})).await;
        assert_eq!((edited.status.as_u16(), &edited.json["hitl"]), (200, &answered));
        let again = json!({"status": "awaiting_human", "hitl": {"reason": "And now?"}});
        let opened = app.call(crate::patch::ENDPOINT, &path, AGENT, again).await;
        assert_eq!(opened.json["hitl"]["resolved_via"], Value::Null, "{}", opened.json);
        let other = respond_to_packet(&app, id, WRITER, "yes").await;
        assert_eq!(other.json["hitl"]["answered_by_asker"], Value::Null, "the agent's key asked: {}", other.json);
    }

    #[tokio::test]
    async fn asker_cannot_answer_its_checkpoint_if_the_tenant_forbids_it() {
        let app = TestApp::new().await;
        app.create_own_tenant(|tenant| tenant.askers_may_answer = Some(false)).await;
        let id = app.create_packet_with(checkpoint_body()).await;
        let before = app.get_record(id).await;
        let refused = respond_to_packet(&app, id, WRITER, "yes").await;
        assert_eq!(refused.status.as_u16(), 403);
        assert!(refused.error().1.contains("askers_may_answer"), "{}", refused.json);
        assert_eq!(app.get_record(id).await, before);
        assert_eq!(respond_to_packet(&app, id, ADMIN, "yes").await.status.as_u16(), 200);
    }

    #[tokio::test]
    async fn agent_key_cannot_answer_checkpoint() {
        let app = TestApp::new().await;
        let id = app.create_packet_with(checkpoint_body()).await;
        assert_eq!(respond_to_packet(&app, id, AGENT, "yes").await.status.as_u16(), 403);
        assert_eq!(app.get_record(id).await.state(), PacketState::AwaitingHuman);
    }

    #[tokio::test]
    async fn answer_after_timeout_is_gone() {
        let app = TestApp::new().await;
        let id = app.create_packet_with(checkpoint_body()).await;
        app.advance(60);
        assert_eq!(respond_to_packet(&app, id, WRITER, "yes").await.status.as_u16(), 410);
        assert_eq!(app.get_record(id).await.state(), PacketState::Expired);
    }

    #[tokio::test]
    async fn answer_without_checkpoint_is_refused() {
        let app = TestApp::new().await;
        let id = app.create_packet().await;
        let path = format!("/api/v1/packets/{id}");
        let awaiting = app.call(crate::patch::ENDPOINT, &path, AGENT, json!({"status": "awaiting_human"})).await;
        assert_eq!(awaiting.json["status"], "awaiting_human", "{}", awaiting.json);
        assert_eq!(respond_to_packet(&app, id, WRITER, "yes").await.status.as_u16(), 400);
    }
}
