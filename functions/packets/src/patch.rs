//! `PATCH /api/v1/packets/{id}`: changes the status or the content of a packet, or both in one write.

use axum::extract::State;
use axum::routing::{MethodRouter, patch};
use handrail_access::quota::{self, QuotaReservation};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::{Patch, State as PacketState};
use handrail_packet_records::{checkpoint_request, reserve_checkpoint_quota};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;

use crate::body::{Body, PacketId};
use crate::door::DOOR;
use crate::packet_error::approver_not_allowed;
use crate::packet_ops;
use crate::requests;
use crate::view::PacketView;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-patch",
    method: HttpMethod::Patch,
    path: "/api/v1/packets/{id}",
    auth: Auth::ApiKey(Scope::PacketsWork),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::Read,
        DataAccess::Transition,
        DataAccess::PutBody,
    ],
    summary: "Change the status or the content of a packet",
    route,
};

fn route() -> MethodRouter<Cx> {
    patch(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[403, 409, 410])
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsWork>,
    PacketId(id): PacketId,
    body: Body<requests::PacketChanges>,
) -> Result<axum::Json<PacketView>, Problem> {
    let changes = body.read(&caller.key, Patch::read)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let key = &caller.key;
    // Reserved before the content is read, since a request that exceeds the quota cannot be refused after the write.
    let quota_id = cx.new_record_id();
    let reservation = match changes.may_open_checkpoint() {
        true => reserve_checkpoint_quota(&cx, key, quota_id, false).await?,
        false => QuotaReservation::default(),
    };
    let patched = packet_ops::run_with_content(&cx, key, id, |record, content, now| {
        let (act, next) = changes.plan(record.state(), content, now).map_err(Problem::Invalid)?;
        // A repeat of the open checkpoint sends no second request to the approver.
        let is_already_open = record.state() == PacketState::AwaitingHuman && next.hitl == content.hitl;
        let request = if changes.may_open_checkpoint() && !is_already_open {
            checkpoint_request(key, &next).map_err(|error| approver_not_allowed(&error))?
        } else {
            None
        };
        Ok((act.with_checkpoint_request(request), next))
    });
    let patched = patched.await;
    let opened_no_checkpoint = match &patched {
        Ok(packet) => !packet.opened_checkpoint(),
        Err(Problem::Busy { .. } | Problem::Internal) => false,
        Err(_) => true,
    };
    if opened_no_checkpoint {
        quota::release(&cx, &reservation, quota_id).await;
    }
    Ok(axum::Json(PacketView::as_of_now(&cx, &patched?)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, TestApp, TestResponse, checkpoint_body, packet_body};

    async fn patch_packet(app: &TestApp, id: handrail_domain::ids::RecordId, body: Value) -> TestResponse {
        app.call(ENDPOINT, &format!("/api/v1/packets/{id}"), AGENT, body).await
    }

    #[tokio::test]
    async fn patch_keeps_omitted_lists() {
        let app = TestApp::new().await;
        let mut full = packet_body();
        full["actions"] = json!({"pending": [{"id": "p", "description": "d", "assignee": "b-1"}]});
        full["decisions"] = json!([{"id": "d1", "decision": "yes", "rationale": "r"}]);
        full["dependencies"] = json!([{"id": "x", "type": "api", "description": "d"}]);
        let id = app.create_packet_with(full).await;
        let completed = json!([{"id": "c", "description": "d", "result": "r"}]);
        let patched = patch_packet(&app, id, json!({"actions": {"completed": completed}, "dependencies": null})).await;
        assert_eq!(patched.status.as_u16(), 200, "{}", patched.json);
        assert_eq!(patched.json["actions"]["pending"][0]["id"], "p");
        assert_eq!(patched.json["actions"]["completed"][0]["id"], "c");
        assert_eq!(patched.json["dependencies"][0]["id"], "x");
        let more =
            json!([{"id": "d2", "decision": "b", "rationale": ""}, {"id": "d1", "decision": "no", "rationale": ""}]);
        let patched = patch_packet(&app, id, json!({"decisions": more})).await;
        let decisions = patched.json["decisions"].as_array().unwrap();
        let texts: Vec<_> = decisions.iter().map(|entry| (entry["id"].as_str(), entry["decision"].as_str())).collect();
        assert_eq!(texts, [(Some("d1"), Some("no")), (Some("d2"), Some("b"))]);
    }

    #[tokio::test]
    async fn refused_transition_changes_nothing() {
        let app = TestApp::new().await;
        let id = app.create_packet().await;
        let before = app.get_record(id).await;
        let refused = patch_packet(&app, id, json!({"status": "completed", "context": {"summary": "done"}})).await;
        let (status, detail) = refused.error();
        let message = "Cannot transition from 'created' to 'completed'. Allowed transitions from 'created': \
                    ['claimed', 'awaiting_human', 'failed', 'expired']";
        assert_eq!((status, detail), (400, message));
        assert_eq!(app.get_record(id).await, before);
    }

    #[tokio::test]
    async fn patch_with_current_status_is_no_transition() {
        let app = TestApp::new().await;
        let id = app.create_claimed_packet().await;
        let completed = patch_packet(&app, id, json!({"status": "completed"})).await;
        app.advance(5);
        let repeat = patch_packet(&app, id, json!({"status": "completed"})).await;
        assert_eq!((repeat.status.as_u16(), &repeat.json["metadata"]), (200, &completed.json["metadata"]));
        assert_ne!(repeat.json["updated_at"], completed.json["updated_at"]);
    }

    #[tokio::test]
    async fn patch_cannot_bypass_or_answer_checkpoint() {
        let app = TestApp::new().await;
        let id = app.create_packet_with(checkpoint_body()).await;
        for status in ["claimed", "in_progress", "completed"] {
            assert_eq!(patch_packet(&app, id, json!({"status": status})).await.status.as_u16(), 400, "{status}");
        }
        let forged_answer = json!({"hitl": {"reason": "Large sum", "response": "yes", "responded_by": "ann"}});
        let refused = patch_packet(&app, id, forged_answer).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("hitl.response")));
        assert_eq!(app.get_record(id).await.seq, 1);
    }

    #[tokio::test]
    async fn concurrent_patches_are_all_applied() {
        let app = TestApp::new().await;
        let id = app.create_packet().await;
        let edits = (0..8).map(|number| {
            let decision = json!([{"id": format!("d{number}"), "decision": "x", "rationale": ""}]);
            patch_packet(&app, id, json!({"decisions": decision}))
        });
        for edit in futures_util::future::join_all(edits).await {
            assert_eq!(edit.status.as_u16(), 200, "{}", edit.json);
        }
        let response = app.call(crate::get::ENDPOINT, &format!("/api/v1/packets/{id}"), AGENT, Value::Null).await;
        assert_eq!(response.json["decisions"].as_array().unwrap().len(), 8);
    }
}
