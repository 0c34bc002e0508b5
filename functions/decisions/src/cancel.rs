//! `POST /decisions/{id}/cancel`: cancels a decision. The published API has no status for cancelled decisions, so they
//! read as expired, with `cancelled_at`.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::{Act, Decision, NOTES_CHARS_MAX, Refusal};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Command;
use handrail_domain::text::has_hidden_controls;
use handrail_records::transition::{TransitionError, transition_from};
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{PathParam, PublicOrigin};
use handrail_web::json_body;
use handrail_web::json_body::OptionalJson;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::DOOR;
use crate::file_links::FileLinks;
use crate::get::DECISION_NOT_FOUND;
use crate::view::DecisionView;
use handrail_approvals::errors::refusal_to_problem;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-cancel",
    method: HttpMethod::Post,
    path: "/decisions/{id}/cancel",
    auth: Auth::ApiKey(Scope::DecisionsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Files), RequiredSetting::Origin],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::Transition],
    summary: "Cancel a decision",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409, 410])
}

#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "Cancellation")]
struct RequestBody {
    reason: Option<String>,
}

json_body!(RequestBody { reason });

/// Returns a decision that was cancelled before without an error.
async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsWrite>,
    PathParam(id): PathParam,
    PublicOrigin(origin): PublicOrigin,
    OptionalJson(body): OptionalJson<RequestBody>,
) -> Result<axum::Json<DecisionView>, Problem> {
    let key = caller.key;
    let reason = validate_reason(body.reason)?;
    let id = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    check_key_limit(&cx, &key, RateLimitClass::OtherRequests).await?;
    let record = cx.store.record::<Decision>(key.tenant, id).await?.ok_or(DECISION_NOT_FOUND)?;
    let command = Command::<Decision> {
        id: CommandId::new(&cx.new_record_id().to_string(), &[]),
        actor: key.actor(),
        act: Act::Cancel { reason },
    };
    let record = match transition_from(&cx, record, &command).await {
        Ok(applied) => applied.record,
        Err(TransitionError::Refused(Refusal::Cancelled { .. })) => {
            cx.store.record::<Decision>(key.tenant, id).await?.ok_or(DECISION_NOT_FOUND)?
        }
        Err(error) => return Err(Problem::from_transition(error, "Decision", refusal_to_problem)),
    };
    let now = cx.clock.now();
    let links = FileLinks::new(cx.key(KeyPurpose::Files)?, &origin, now);
    Ok(axum::Json(DecisionView::new(&record.as_of(now), now, &links)))
}

fn validate_reason(reason: Option<String>) -> Result<Option<String>, Problem> {
    let Some(reason) = reason.filter(|reason| !reason.trim().is_empty()) else { return Ok(None) };
    if reason.chars().count() > NOTES_CHARS_MAX {
        return Err(Problem::invalid("reason", format!("must be at most {NOTES_CHARS_MAX} characters")));
    }
    if has_hidden_controls(&reason) {
        return Err(Problem::invalid("reason", "must not hold control characters other than tabs and line breaks"));
    }
    Ok(Some(reason))
}

#[cfg(test)]
mod tests {
    use handrail_domain::decision::CallbackPurpose;
    use handrail_domain::decision::State as DecisionState;
    use handrail_domain::effect::Effect;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, APP, NOON, TestApp, effects_of_newest_event};

    #[tokio::test]
    async fn repeated_cancel_takes_effect_once() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let path = format!("/decisions/{id}/cancel");
        for body in [json!({"reason": "The customer changed their mind"}), Value::Null] {
            let cancelled = app.call(ENDPOINT, &path, AGENT, body).await;
            assert_eq!(cancelled.status, 200, "{}", cancelled.text);
            assert_eq!(cancelled.json["status"], "expired");
            assert_eq!(cancelled.json["cancelled_at"], json!(NOON));
            assert_eq!(cancelled.json["cancel_reason"], "The customer changed their mind");
        }
        let record = app.record(id).await;
        assert_eq!((record.seq, record.state()), (2, DecisionState::Expired));
        assert_eq!(effects_of_newest_event(&record), [Effect::Callback(CallbackPurpose::Cancelled.purpose())]);
        let approve = json!({"action": "approve"});
        let late = app.call(crate::resolve::ENDPOINT, &format!("/decisions/{id}/resolve"), APP, approve).await;
        assert_eq!(late.error(), (410, "EXPIRED"), "{}", late.text);
        assert_eq!(late.json["cancelled_at"], json!(NOON));
    }

    #[tokio::test]
    async fn answered_decision_cannot_be_cancelled() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let body = json!({"action": "approve"});
        app.call(crate::resolve::ENDPOINT, &format!("/decisions/{id}/resolve"), APP, body).await;
        let late = app.call(ENDPOINT, &format!("/decisions/{id}/cancel"), AGENT, Value::Null).await;
        assert_eq!(late.error(), (409, "ALREADY_RESOLVED"));
        let invalid = app.call(ENDPOINT, &format!("/decisions/{id}/cancel"), AGENT, json!({"reason": "\u{7}"})).await;
        assert_eq!((invalid.error(), &invalid.json["field"]), ((400, "VALIDATION_ERROR"), &json!("reason")));
    }
}
