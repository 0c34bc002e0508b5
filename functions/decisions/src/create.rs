//! `POST /decisions`: creates a decision for an approver.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::quota;
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::actor::Actor;
use handrail_domain::decision::{
    Channel, Choice, Decision, DecisionSpec, NewDecision, Requester, Urgency, policy_event,
};
use handrail_domain::ids::{CommandId, RecordId, RequestFormat};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_records::transition;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::json_body;
use handrail_web::json_body::Json;
use handrail_web::json_response::Created;
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::door::DOOR;
use crate::view::CreatedView;
use handrail_approvals::errors::{field_errors_to_problem, refusal_to_problem};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-create",
    method: HttpMethod::Post,
    path: "/decisions",
    auth: Auth::ApiKey(Scope::DecisionsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::WebhookHosts],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadWorkspace, DataAccess::Create],
    summary: "Ask a person to approve, deny or modify an action",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// Format of [`RequestBody`] in the request digest that recognises repeats.
const FORMAT: RequestFormat = RequestFormat { name: "decisions.create", version: 1 };

/// JSON body of the request. Unknown fields are ignored, and `null` counts as absent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewDecision")]
struct RequestBody {
    /// Required: what the requester will do, as one line.
    action: Option<String>,
    /// Required: mail address of the person who is asked.
    approver: Option<String>,
    context: Option<String>,
    urgency: Option<Urgency>,
    timeout_minutes: Option<Number>,
    channel: Option<Channel>,
    options: Option<Vec<Choice>>,
    callback_url: Option<String>,
    enforce: Option<bool>,
    amount: Option<Number>,
    /// Form of the answer, such as `{"type": "choose", "choices": ["A", "B"]}`.
    #[schemars(with = "Option<Map<String, Value>>")]
    response_type: Option<Value>,
    context_images: Option<Vec<String>>,
    reminders: Option<bool>,
    // Left out if absent, so that the digests of requests from before these fields stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    arguments: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    single_use: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_for_seconds: Option<Number>,
}

json_body!(RequestBody {
    action,
    approver,
    context,
    urgency,
    timeout_minutes,
    channel,
    options,
    callback_url,
    enforce,
    amount,
    response_type,
    context_images,
    reminders,
    tool,
    arguments,
    single_use,
    valid_for_seconds,
});

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsWrite>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(body): Json<RequestBody>,
) -> Result<Created<CreatedView>, Problem> {
    let key = caller.key;
    let content = serde_json::to_value(&body).map_err(|_| Problem::Internal)?;
    let asks_in_slack = body.channel == Some(Channel::Slack);
    if asks_in_slack && !key.tier.includes_slack() {
        return Err(Problem::refused(
            StatusCode::BAD_REQUEST,
            "UNSUPPORTED_CHANNEL",
            format!("channel slack is not available on the {} tier: use email or webhook", key.tier.name()),
        ));
    }
    if key.tenant_limits.has_no_approver {
        let message = format!(
            "On the {} tier requests go to the account owner, and this account has none. Set approvers on the API key.",
            key.tier.name()
        );
        return Err(Problem::refused(StatusCode::FORBIDDEN, "APPROVER_NOT_ALLOWED", message));
    }
    let requester = Requester {
        key: key.id,
        name: &key.name,
        askable: key.askable(),
        backup: key.backup_approver.as_ref(),
        escalation_stays_pending: key.escalation_stays_pending,
        rules: &key.rules,
        trusts_stated_amounts: key.trust_stated_amounts,
        slack: asks_in_slack && cx.store.workspace(key.tenant).await?.is_some(),
        reach: cx.settings.address_policy,
    };
    let now = cx.clock.now();
    let spec = DecisionSpec::check(new_decision(body), &requester, now).map_err(field_errors_to_problem)?;
    check_key_limit(&cx, &key, RateLimitClass::Creates).await?;
    let has_idempotency_key = idempotency_key.is_some();
    let (id, command_name) = match idempotency_key {
        Some(idempotency_key) => {
            (RecordId::from_idempotency_key(key.tenant, key.id, Decision::KIND, &idempotency_key), idempotency_key)
        }
        None => {
            let id = cx.new_record_id();
            (id, id.to_string())
        }
    };
    let command = CommandId::from_request(&command_name, FORMAT, &content);
    let (actor, salt) = (key.actor(), cx.new_record_salt());
    let mut record = Record::<Decision>::create(key.tenant, id, spec, actor, command.clone(), now, salt);
    // The rule answers in the write that creates the decision, so no reader sees it pending.
    if let (Some(event), Some(policy)) = (policy_event(&record.spec), record.spec.policy.clone()) {
        let actor = Actor::Policy { rule: policy.rule };
        record = record.append(event, actor, CommandId::new("policy", &[]), now);
    }
    let reservation = quota::reserve_monthly::<Decision>(&cx, &key, id, has_idempotency_key).await?;
    let created = match transition::create(&cx, record, &command).await {
        Ok(created) => created,
        Err(error) => {
            if !error.is_outcome_unknown() {
                quota::release(&cx, &reservation, id).await;
            }
            return Err(Problem::from_transition(error, "Decision", refusal_to_problem));
        }
    };
    Ok(Created(CreatedView::new(&created.record.as_of(now))))
}

fn new_decision(body: RequestBody) -> NewDecision {
    NewDecision {
        action: body.action,
        approver: body.approver,
        context: body.context,
        urgency: body.urgency,
        timeout_minutes: body.timeout_minutes,
        channel: body.channel,
        options: body.options,
        callback_url: body.callback_url,
        enforce: body.enforce,
        amount: body.amount,
        response_type: body.response_type,
        context_images: body.context_images,
        reminders: body.reminders,
        tool: body.tool,
        arguments: body.arguments,
        single_use: body.single_use,
        valid_for_seconds: body.valid_for_seconds,
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::account::{Tenant, Tier};
    use handrail_domain::approval_purpose::ApprovalPurpose;
    use handrail_domain::decision::CallbackPurpose;
    use handrail_domain::decision::{DecisionEvent, Phase, StateData};
    use handrail_domain::effect::Effect;
    use handrail_domain::key_hash::hash_of_key;
    use handrail_domain::record::digest_of;
    use handrail_store::ApiKey;
    use serde_json::json;

    use handrail_web::json_body::JsonBody;

    use super::*;
    use crate::testing::{AGENT, MINUTE_MS, NOON, TestApp, api_key, decision_body, effects_of_newest_event, tenant};

    /// On this tier a key without approvers may ask only the tenant's owner.
    #[tokio::test]
    async fn key_without_approvers_needs_an_owner() {
        let app = TestApp::new().await;
        let tenant_without_owner = Tenant::new(tenant(), "Keys alone", Tier::Pro, NOON);
        assert!(app.cx.store.put_tenant(&tenant_without_owner).await.unwrap());
        let unlisted = ApiKey { approvers: Vec::new(), ..api_key(Role::Agent, AGENT) };
        app.cx.store.upsert_key(&hash_of_key(AGENT), &unlisted).await.unwrap();
        let refused = app.call(ENDPOINT, "/decisions", AGENT, decision_body()).await;
        assert_eq!(refused.error(), (403, "APPROVER_NOT_ALLOWED"));
        let path = format!("/auth/api-keys/{}", api_key(Role::Agent, AGENT).id);
        let approvers = json!({"approvers": ["ann@example.com"]});
        let changed = app.call(crate::auth::keys_change::ENDPOINT, &path, crate::testing::ADMIN, approvers).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
        assert_eq!(app.call(ENDPOINT, "/decisions", AGENT, decision_body()).await.status, StatusCode::CREATED);
    }

    /// Otherwise an agent could ask a mailbox of its own and so answer itself.
    #[tokio::test]
    async fn agent_without_list_asks_only_the_owner() {
        let app = TestApp::new().await;
        app.create_tenant(Tier::Enterprise).await;
        let asks = async |secret: &str, approver: &str| {
            let mut body = decision_body();
            body["approver"] = approver.into();
            app.call(ENDPOINT, "/decisions", secret, body).await
        };
        for (role, secret) in [(Role::Agent, "ho_test_one"), (Role::Writer, "ho_test_two"), (Role::App, "ho_test_app")]
        {
            let key = ApiKey { approvers: Vec::new(), ..api_key(role, secret) };
            app.cx.store.upsert_key(&hash_of_key(secret), &key).await.unwrap();
            let stranger = asks(secret, "attacker@evil.example").await;
            if role == Role::App {
                assert_eq!(stranger.status, StatusCode::CREATED, "an app may answer itself");
                continue;
            }
            assert_eq!(stranger.error(), (403, "APPROVER_NOT_ALLOWED"));
            let message = stranger.json["error"].as_str().unwrap();
            assert!(message.contains("attacker@evil.example") && message.contains("approvers"), "{message}");
            for look_alike in ["y\u{43e}u@example.com", "you+x@example.com", "you@ex\u{430}mple.com"] {
                assert_eq!(asks(secret, look_alike).await.error(), (403, "APPROVER_NOT_ALLOWED"), "{look_alike}");
            }
            assert_eq!(asks(secret, "You@Example.com").await.status, StatusCode::CREATED);
        }
    }

    #[tokio::test]
    async fn new_decision_is_pending_and_mails_approver() {
        let app = TestApp::new().await;
        let created = app.call(ENDPOINT, "/decisions", AGENT, decision_body()).await;
        assert_eq!(created.status, StatusCode::CREATED);
        let record = app.record(created.id()).await;
        // Only fields that the server sets: clients merge the response over their own request.
        let expected = json!({
            "id": record.id,
            "status": "pending",
            "expires_at": NOON.plus_ms(60 * MINUTE_MS),
            "created_at": NOON,
            "action_hash": record.spec.action_hash(),
        });
        assert_eq!(created.json, expected);
        assert_eq!(
            (record.seq, &record.state_data),
            (1, &StateData { phase: Phase::Pending, attachments: Vec::new(), consumption: None })
        );
        assert_eq!(record.spec.action, "Refund order 1234");
        assert_eq!(record.spec.asked_by_name, "the agent");
        let entry = record.newest().unwrap();
        assert_eq!(entry.by, Actor::Key { key: api_key(Role::Agent, AGENT).id, role: Role::Agent });
        assert_eq!(entry.event, DecisionEvent::Created { ask_sha256: digest_of(&record.spec) });
        assert_eq!(effects_of_newest_event(&record)[0], Effect::Mail(ApprovalPurpose::AskApprover.purpose()));
    }

    #[tokio::test]
    async fn webhook_channel_sends_callback_instead_of_mail() {
        let app = TestApp::new().await;
        let mut body = decision_body();
        body["channel"] = "webhook".into();
        let created = app.call(ENDPOINT, "/decisions", AGENT, body).await;
        assert_eq!(
            effects_of_newest_event(&app.record(created.id()).await),
            [Effect::Callback(CallbackPurpose::Created.purpose())]
        );
    }

    #[tokio::test]
    async fn idempotency_key_creates_one_decision_and_rejects_another() {
        let app = TestApp::new().await;
        let first = app.call_idempotent(ENDPOINT, "/decisions", AGENT, "order-1234", decision_body()).await;
        app.advance(1);
        let again = app.call_idempotent(ENDPOINT, "/decisions", AGENT, "order-1234", decision_body()).await;
        assert_eq!((again.status, &again.json), (StatusCode::CREATED, &first.json));
        let mut other = decision_body();
        other["action"] = "Refund order 1235".into();
        let other = app.call_idempotent(ENDPOINT, "/decisions", AGENT, "order-1234", other).await;
        assert_eq!(other.error(), (409, "IDEMPOTENCY_KEY_REUSED"));
        assert_eq!(app.record(first.id()).await.spec.action, "Refund order 1234");
    }

    #[tokio::test]
    async fn unshowable_fields_are_refused_by_name() {
        let app = TestApp::new().await;
        for (field, value) in [
            ("response_type", json!({"type": "choose", "choices": ["a"]})),
            ("context_images", json!(["https://example.com/a.png", "javascript:alert(1)"])),
            ("callback_url", json!("https://127.0.0.1/hook")),
            ("action", json!(" ")),
            ("urgency", json!("soon")),
        ] {
            let mut body = decision_body();
            body[field] = value;
            let response = app.call(ENDPOINT, "/decisions", AGENT, body).await;
            assert_eq!(response.error(), (400, "VALIDATION_ERROR"), "{field}");
            assert_eq!(response.json["field"], field, "{}", response.text);
        }
    }

    /// The published members describe the first error, and `errors` has all of them.
    #[tokio::test]
    async fn every_invalid_field_is_reported() {
        let app = TestApp::new().await;
        let errors_of = async |changes: Value| {
            let mut body = decision_body();
            for (field, value) in changes.as_object().unwrap() {
                body[field] = value.clone();
            }
            let refused = app.call(ENDPOINT, "/decisions", AGENT, body).await;
            assert_eq!(refused.error(), (400, "VALIDATION_ERROR"), "{}", refused.text);
            let fields = refused.json["errors"].as_array().cloned().unwrap_or_default();
            let fields = fields.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
            (refused.json["field"].as_str().unwrap().to_owned(), fields.join(" "))
        };
        let expect = |field: &str, fields: &str| (field.to_owned(), fields.to_owned());
        let mistyped = json!({"action": 7, "amount": "5", "options": ["approve", "sign"]});
        assert_eq!(errors_of(mistyped).await, expect("action", "action options[1] amount"));
        let invalid = json!({"approver": "nobody", "timeout_minutes": 0, "amount": -1});
        assert_eq!(errors_of(invalid).await, expect("approver", "approver timeout_minutes amount"));
        assert_eq!(errors_of(json!({"amount": -1})).await, expect("amount", ""));
    }

    /// Every log stores this digest, so another digest needs a new version of the format.
    #[test]
    fn request_digest_is_stable() {
        let body = RequestBody::read_all(
            &json!({"action": "Refund order 4711", "approver": "ada@example.com", "amount": 129.5}),
        )
        .unwrap();
        let command = CommandId::from_request("first", FORMAT, &serde_json::to_value(body).unwrap());
        assert_eq!(json!(command), json!("a7937b64b8caa58f03721bb6.v1-486f4883-891d9b82cd72738a771c76fb"));
    }

    /// The fields of a typed action are read back where they were given, and are part of what a repeat must equal.
    #[tokio::test]
    async fn typed_action_is_read_back_and_recognised() {
        let app = TestApp::new().await;
        let typed = json!({
            "tool": "refund",
            "arguments": {"order": 1234, "amount": 80.5, "to": ["ACME", null]},
            "single_use": false,
            "valid_for_seconds": 3600,
        });
        let mut body = decision_body();
        for (name, value) in typed.as_object().unwrap() {
            body[name] = value.clone();
        }
        let created = app.call_idempotent(ENDPOINT, "/decisions", AGENT, "typed", body.clone()).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        let read = app.call(crate::get::ENDPOINT, &format!("/decisions/{}", created.id()), AGENT, Value::Null).await;
        for (name, value) in typed.as_object().unwrap() {
            assert_eq!(&read.json[name], value, "{name}");
        }
        assert_eq!(read.json["action_hash"], created.json["action_hash"]);
        let record = app.record(created.id()).await;
        assert_eq!(read.json["action_hash"], record.spec.action_hash());
        for (name, other) in [
            ("tool", json!("pay")),
            ("arguments", json!({"order": 1234})),
            ("single_use", json!(true)),
            ("valid_for_seconds", json!(60)),
        ] {
            let mut changed = body.clone();
            changed[name] = other;
            let refused = app.call_idempotent(ENDPOINT, "/decisions", AGENT, "typed", changed).await;
            assert_eq!(refused.error(), (409, "IDEMPOTENCY_KEY_REUSED"), "{name}");
        }
        let again = app.call_idempotent(ENDPOINT, "/decisions", AGENT, "typed", body).await;
        assert_eq!(again.json, created.json);
    }
}
