//! `POST /decisions/{id}/resolve`: answers a decision through the API. The first answer counts.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::{Act, Choice, Decision, SubmittedAnswer, validate_answer};
use handrail_domain::ids::{CommandId, RequestFormat};
use handrail_domain::lifecycle::Command;
use handrail_records::transition::transition;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{IdempotencyKey, PathParam, PublicOrigin};
use handrail_web::json_body;
use handrail_web::json_body::Json;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::door::DOOR;
use crate::file_links::FileLinks;
use crate::get::DECISION_NOT_FOUND;
use crate::view::DecisionView;
use handrail_approvals::errors::{field_errors_to_problem, refusal_to_problem};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-resolve",
    method: HttpMethod::Post,
    path: "/decisions/{id}/resolve",
    auth: Auth::ApiKey(Scope::DecisionsResolve),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Files), RequiredSetting::Origin],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::Transition],
    summary: "Answer a decision by API",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409, 410])
}

/// Format of [`RequestBody`] in the request digest that recognises repeats.
const FORMAT: RequestFormat = RequestFormat { name: "decisions.resolve", version: 1 };

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Answer")]
struct RequestBody {
    /// Required.
    action: Option<Choice>,
    notes: Option<String>,
    response_data: Option<Value>,
    resolved_by: Option<String>,
    /// Time of execution, for `response_type` schedule.
    execute_at: Option<String>,
}

json_body!(RequestBody { action, notes, response_data, resolved_by, execute_at });

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsResolve>,
    PathParam(id): PathParam,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    PublicOrigin(origin): PublicOrigin,
    Json(body): Json<RequestBody>,
) -> Result<axum::Json<DecisionView>, Problem> {
    let key = caller.key;
    let content = serde_json::to_value(&body).map_err(|_| Problem::Internal)?;
    let choice = body.action.ok_or_else(|| Problem::invalid("action", "is required: approve, deny or modify"))?;
    let answer = validate_answer(body.resolved_by, body.notes, body.response_data, body.execute_at)
        .map_err(field_errors_to_problem)?;
    let answer = SubmittedAnswer { key: Some(key.answering()), ..answer };
    let id = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    check_key_limit(&cx, &key, RateLimitClass::OtherRequests).await?;
    let command_name = match idempotency_key {
        Some(idempotency_key) => format!("{} {idempotency_key}", key.id),
        None => cx.new_record_id().to_string(),
    };
    let command = Command::<Decision> {
        id: CommandId::from_request(&command_name, FORMAT, &content),
        actor: key.actor(),
        act: Act::Answer(choice, answer),
    };
    let applied = transition(&cx, key.tenant, id, &command).await;
    let applied = applied.map_err(|error| Problem::from_transition(error, "Decision", refusal_to_problem))?;
    let now = cx.clock.now();
    let links = FileLinks::new(cx.key(KeyPurpose::Files)?, &origin, now);
    Ok(axum::Json(DecisionView::new(&applied.record, now, &links)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::account::{Tenant, Tier};
    use handrail_domain::actor::Actor;
    use handrail_domain::decision::CallbackPurpose;
    use handrail_domain::decision::{Answer, DecisionEvent, State as DecisionState};
    use handrail_domain::effect::Effect;
    use handrail_web::json_body::JsonBody;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, APP, MINUTE_MS, NOON, TestApp, api_key, effects_of_newest_event};

    #[tokio::test]
    async fn api_answer_resolves_decision_and_triggers_callback() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        app.advance(1);
        let body = json!({"action": "modify", "notes": "half of it", "response_data": {"amount": 40}});
        let response = app.call(ENDPOINT, &format!("/decisions/{id}/resolve"), APP, body).await;
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(response.json["status"], "modified");
        assert_eq!(response.json["resolved_at"], json!(NOON.plus_ms(MINUTE_MS)));
        assert_eq!(response.json["resolved_by"], "ann@example.com");
        // The program chooses `resolved_by`; the server adds which key answered.
        assert_eq!(response.json["resolved_via"], "api");
        assert_eq!(response.json["resolved_with_key"], json!(api_key(Role::App, APP).id));
        assert_eq!(response.json["resolved_with_key_name"], "the app");
        assert_eq!(response.json["answered_by_asker"], Value::Null);
        assert_eq!(response.json["response_data"], json!({"amount": 40}));
        let record = app.record(id).await;
        let entry = record.newest().unwrap();
        assert_eq!(entry.by, Actor::Key { key: api_key(Role::App, APP).id, role: Role::App });
        let answer = Answer {
            resolved_by: "ann@example.com".to_owned(),
            notes: Some("half of it".to_owned()),
            response_data: Some(json!({"amount": 40})),
            key_name: Some("the app".to_owned()),
            ..Answer::default()
        };
        assert_eq!(entry.event, DecisionEvent::Modified(answer));
        assert_eq!(effects_of_newest_event(&record), [Effect::Callback(CallbackPurpose::Resolved.purpose())]);
    }

    #[tokio::test]
    async fn answer_by_the_asking_key_is_marked_or_refused() {
        let app = TestApp::new().await;
        app.create_tenant(Tier::Enterprise).await;
        let create = async || {
            let created = app.call(crate::create::ENDPOINT, "/decisions", APP, crate::testing::decision_body()).await;
            format!("/decisions/{}/resolve", created.id())
        };
        let answered = app.call(ENDPOINT, &create().await, APP, json!({"action": "approve"})).await;
        assert_eq!((answered.status.as_u16(), &answered.json["answered_by_asker"]), (200, &json!(true)));
        let found = app.cx.store.find_tenant(crate::testing::tenant()).await.unwrap().unwrap();
        let forbidding = Tenant { askers_may_answer: Some(false), ..found.tenant.clone() };
        app.cx.store.replace_tenant(&found, &forbidding).await.unwrap();
        app.advance(1);
        let path = create().await;
        let refused = app.call(ENDPOINT, &path, APP, json!({"action": "approve"})).await;
        assert_eq!(refused.error(), (403, "ASKER_MAY_NOT_ANSWER"));
        let other = app.call(ENDPOINT, &path, ADMIN, json!({"action": "approve"})).await;
        assert_eq!((other.status.as_u16(), &other.json["answered_by_asker"]), (200, &Value::Null));
    }

    #[tokio::test]
    async fn second_answer_reports_the_first_and_changes_nothing() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let path = format!("/decisions/{id}/resolve");
        app.call(ENDPOINT, &path, APP, json!({"action": "deny", "resolved_by": "Bob"})).await;
        let before = app.record(id).await;
        let late = app.call(ENDPOINT, &path, ADMIN, json!({"action": "approve"})).await;
        assert_eq!(late.error(), (409, "ALREADY_RESOLVED"));
        assert_eq!((&late.json["status"], &late.json["resolved_by"]), (&json!("denied"), &json!("Bob")));
        assert_eq!(
            (&late.json["resolved_via"], &late.json["resolved_with_key_name"]),
            (&json!("api"), &json!("the app"))
        );
        assert_eq!(app.record(id).await, before);
    }

    #[tokio::test]
    async fn repeated_answer_with_idempotency_key_counts_once() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let path = format!("/decisions/{id}/resolve");
        let first = app.call_idempotent(ENDPOINT, &path, APP, "mine", json!({"action": "approve"})).await;
        let again = app.call_idempotent(ENDPOINT, &path, APP, "mine", json!({"action": "approve"})).await;
        assert_eq!((again.status, &again.json), (first.status, &first.json));
        let other = app.call_idempotent(ENDPOINT, &path, APP, "mine", json!({"action": "deny"})).await;
        assert_eq!(other.error(), (409, "IDEMPOTENCY_KEY_REUSED"));
        assert_eq!(app.record(id).await.seq, 2);
    }

    #[tokio::test]
    async fn answer_at_deadline_is_refused_without_timer() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        app.advance(60);
        let late = app.call(ENDPOINT, &format!("/decisions/{id}/resolve"), APP, json!({"action": "approve"})).await;
        assert_eq!(late.error(), (410, "EXPIRED"));
        let record = app.record(id).await;
        assert_eq!((record.state(), &record.newest().unwrap().by), (DecisionState::Expired, &Actor::Timer));
        assert_eq!(effects_of_newest_event(&record), [Effect::Callback(CallbackPurpose::Expired.purpose())]);
    }

    #[tokio::test]
    async fn answer_outside_the_options_is_refused() {
        let app = TestApp::new().await;
        let mut new_decision = crate::testing::decision_body();
        new_decision["options"] = json!(["approve"]);
        let created = app.call(crate::create::ENDPOINT, "/decisions", APP, new_decision).await;
        let path = format!("/decisions/{}/resolve", created.id());
        for body in
            [json!({"action": "deny"}), json!({}), json!({"action": "burn"}), json!({"action": "approve", "notes": 5})]
        {
            assert_eq!(app.call(ENDPOINT, &path, APP, body.clone()).await.error(), (400, "VALIDATION_ERROR"), "{body}");
        }
        assert_eq!(app.record(created.id()).await.seq, 1);
    }

    /// Every log stores this digest, so another digest needs a new version of the format.
    #[test]
    fn request_digest_is_stable() {
        let body = RequestBody::read_all(&json!({"action": "approve", "notes": "Looks right."})).unwrap();
        let command = CommandId::from_request("first", FORMAT, &serde_json::to_value(body).unwrap());
        assert_eq!(json!(command), json!("a7937b64b8caa58f03721bb6.v1-2f77ee50-962a74290f7ef9890e838b32"));
    }
}
