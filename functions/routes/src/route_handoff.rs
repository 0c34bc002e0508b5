//! `POST /api/agents/route-handoff`: hands a conversation over to another agent, as a packet.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::body_reader::{BodyReader, JsonObject};
use handrail_domain::field_error::FieldError;
use handrail_domain::ids::RecordId;
use handrail_domain::ids::RequestFormat;
use handrail_domain::packet::{AGENT_CHARS_MAX, NewPacket, Packet, State as PacketState};
use handrail_packet_records::{IdempotentRequest, PacketWithContent, create, find_created};
use handrail_store::{AGENT_ID_BYTES_MAX, Agent, ApiKey, Filter};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::agents::is_available;
use crate::body::Body;
use crate::datetime;
use crate::door::DOOR;
use crate::errors::{creation_problem, not_found};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-route-handoff",
    method: HttpMethod::Post,
    path: "/api/agents/route-handoff",
    auth: Auth::ApiKey(Scope::HandoffsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ReadAgent,
        DataAccess::CountByFilter,
        DataAccess::Create,
    ],
    summary: "Hand a conversation over to another agent",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[404])
}

/// States of packets that count as open for `maxOpen`.
const OPEN_STATES: [PacketState; 4] =
    [PacketState::Created, PacketState::Claimed, PacketState::InProgress, PacketState::AwaitingHuman];

pub(crate) const HANDOFF_TAG: &str = "route-handoff";
const PRIORITY_DEFAULT: &str = "medium";
/// Longest priority, which lists and packets repeat.
const PRIORITY_CHARS_MAX: usize = 100;
const REASON_CHARS_MAX: usize = 100_000;

pub(crate) async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::HandoffsWrite>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Body<Members>,
) -> Result<axum::Json<ResponseBody>, Problem> {
    let handoff = Handoff::parse(&body.into_members()).map_err(Problem::Invalid)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::Creates).await?;
    create_handoff(&cx, &caller.key, handoff, idempotency_key.as_deref()).await.map(axum::Json)
}

async fn create_handoff(
    cx: &Cx,
    key: &ApiKey,
    handoff: Handoff,
    idempotency_key: Option<&str>,
) -> Result<ResponseBody, Problem> {
    // A repeat of a successful handoff succeeds even if the agent is unavailable or full by now.
    let request = idempotency_key.map(|key| IdempotentRequest::new(key, HANDOFF_FORMAT, handoff.to_json()));
    let created = find_created(cx, key, request.as_ref()).await.map_err(creation_problem)?;
    if let Some(packet) = created {
        return Ok(accepted(&packet));
    }
    let target = match handoff.to_agent.len() <= AGENT_ID_BYTES_MAX {
        true => cx.store.agent(key.tenant, &handoff.to_agent).await?,
        false => None,
    };
    let target = target.filter(|agent| is_available(agent, cx.clock.now()));
    let target = target.ok_or_else(|| not_found(format!("Target agent '{}' is not available", handoff.to_agent)))?;
    if let Some(refusal) = full_agent_response(cx, key, &target).await? {
        return Ok(refusal);
    }
    let new_packet = NewPacket::read(&handoff.to_packet_json(&target.name)).map_err(|_| Problem::Internal)?;
    let created = create(cx, key, new_packet, request.as_ref()).await.map_err(creation_problem)?;
    Ok(accepted(&created))
}

/// Result of a handoff.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "HandoffResult")]
pub(crate) struct ResponseBody {
    /// `success`, or `failed` if the agent is full.
    status: &'static str,
    /// Null if the agent is full.
    handoff_id: Option<RecordId>,
    result: bool,
    message: String,
}

fn accepted(packet: &PacketWithContent) -> ResponseBody {
    ResponseBody {
        status: "success",
        handoff_id: Some(packet.record.id),
        result: true,
        message: format!("Handed over to {}", packet.record.spec.target.name),
    }
}

/// Response for an agent that has reached its `maxOpen`. Returns `None` if the agent takes another packet.
///
/// The index counts the open packets and follows the table with a delay, so concurrent handoffs may exceed the limit.
async fn full_agent_response(cx: &Cx, key: &ApiKey, target: &Agent) -> Result<Option<ResponseBody>, Problem> {
    let Some(max_open) = target.max_open_packets else { return Ok(None) };
    let filter =
        Filter::<Packet> { states: Some(OPEN_STATES.to_vec()), holder: Some(target.id.clone()), ..Filter::default() };
    // A list counts to a thousand, and an agent may take more.
    let open = cx.store.count_matching(key.tenant, &filter, cx.clock.now()).await?;
    if open < u64::from(max_open) {
        return Ok(None);
    }
    let message = format!("{} is full: {open} conversations are open, and it takes at most {max_open}", target.name);
    Ok(Some(ResponseBody { status: "failed", handoff_id: None, result: false, message }))
}

/// Format of [`Handoff::to_json`] in the request digest that recognises repeats.
const HANDOFF_FORMAT: RequestFormat = RequestFormat { name: "routes.handoff", version: 1 };

/// A validated request to hand a conversation over.
#[derive(Debug)]
struct Handoff {
    from_agent: String,
    to_agent: String,
    context: Map<String, Value>,
    reason: String,
    priority: String,
    stated_at: Option<handrail_domain::time::Timestamp>,
}

/// Members of the body, which [`Handoff`] reads.
#[derive(JsonSchema)]
#[schemars(rename = "HandoffRequest", rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Members {
    from_agent: String,
    to_agent: String,
    conversation_context: Map<String, Value>,
    handoff_reason: String,
    /// Any text. By default medium.
    priority: Option<String>,
    handoff_time: Option<String>,
}

impl Handoff {
    /// Validates the body. Unknown fields are ignored.
    fn parse(body: &JsonObject) -> Result<Self, Vec<FieldError>> {
        BodyReader::keeping_input().read(|reader| {
            let from =
                reader.required_as(body, ["fromAgent", "from_agent"], |r, value| r.text_within(value, AGENT_CHARS_MAX));
            let to =
                reader.required_as(body, ["toAgent", "to_agent"], |r, value| r.text_within(value, AGENT_CHARS_MAX));
            let context =
                reader.required_as(body, ["conversationContext", "conversation_context"], BodyReader::json_object);
            let reason = reader.required_as(body, ["handoffReason", "handoff_reason"], |r, value| {
                r.text_within(value, REASON_CHARS_MAX)
            });
            let priority = match body.get("priority") {
                Some(value) => reader.in_member("priority", |r| r.text_within(value, PRIORITY_CHARS_MAX)),
                None => Some(PRIORITY_DEFAULT.to_owned()),
            };
            let stated_at = reader.optional_as(body, ["handoffTime", "handoff_time"], datetime::read_datetime);
            Some(Self {
                from_agent: from?,
                to_agent: to?,
                context: context?,
                reason: reason?,
                priority: priority?,
                stated_at: stated_at?,
            })
        })
    }

    /// The handoff as JSON under the published field names, for the digest of the request.
    fn to_json(&self) -> Value {
        json!({
            "fromAgent": self.from_agent,
            "toAgent": self.to_agent,
            "conversationContext": self.context,
            "handoffReason": self.reason,
            "priority": self.priority,
            "handoffTime": self.stated_at,
        })
    }

    /// The packet of the handoff as JSON. Fields that packets don't have go into its custom context.
    fn to_packet_json(&self, target_name: &str) -> Value {
        json!({
            "metadata": {
                "source_agent": {"id": self.from_agent, "name": self.from_agent},
                "target_agent": {"id": self.to_agent, "name": target_name},
                "created_at": self.stated_at,
                "priority": packet_priority(&self.priority),
                "tags": [HANDOFF_TAG],
            },
            "context": {
                "summary": self.reason,
                "custom": {"conversationContext": self.context, "priority": self.priority},
            },
        })
    }
}

/// Converts a priority, which may be any text, to one of the four priorities of packets.
fn packet_priority(priority: &str) -> &'static str {
    match priority.trim().to_lowercase().as_str() {
        "low" | "lowest" | "minor" => "low",
        "high" | "important" => "high",
        "critical" | "urgent" | "highest" | "emergency" => "critical",
        _ => "normal",
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::ids::CommandId;

    use super::*;
    use crate::testing::{AGENT, NOON, TestApp, TestResponse};

    fn handoff_body() -> Value {
        json!({
            "fromAgent": "sales",
            "toAgent": "billing",
            "conversationContext": {"topic": "upgrade", "turns": [1, null, {"deep": true}]},
            "handoffReason": "Wants to pay",
        })
    }

    async fn send_handoff(app: &TestApp, body: Value) -> TestResponse {
        app.call(ENDPOINT, "/api/agents/route-handoff", AGENT, body).await
    }

    async fn app_with_billing_agent() -> TestApp {
        let app = TestApp::new().await;
        app.call(crate::agent_change::ENDPOINT, "/api/agents/billing", AGENT, json!({"name": "Billing"})).await;
        app
    }

    #[tokio::test]
    async fn handoff_creates_packet_for_target_agent() {
        let app = app_with_billing_agent().await;
        let mut body = handoff_body();
        body["priority"] = "urgent".into();
        body["handoffTime"] = json!(1_789_999_999);
        let response = send_handoff(&app, body).await;
        assert_eq!(response.status.as_u16(), 200, "{}", response.json);
        let id = response.json["handoffId"].as_str().unwrap().parse().unwrap();
        let expected = json!({
            "status": "success",
            "handoffId": response.json["handoffId"],
            "result": true,
            "message": "Handed over to Billing",
        });
        assert_eq!(response.json, expected);
        let packet = app.packet(id).await;
        assert_eq!(
            (packet.record.spec.source.id.as_str(), packet.record.spec.target.name.as_str()),
            ("sales", "Billing")
        );
        assert_eq!(packet.record.spec.priority.name(), "critical");
        assert_eq!(packet.content.context.summary, "Wants to pay");
        assert_eq!(packet.content.context.custom["conversationContext"], handoff_body()["conversationContext"]);
        assert_eq!(packet.record.spec.stated_at, Some(NOON.plus_ms(-1_000).to_string()));
    }

    #[tokio::test]
    async fn snake_case_field_names_are_accepted() {
        let app = app_with_billing_agent().await;
        let body = json!({"from_agent": "", "to_agent": "billing", "conversation_context": {}, "handoff_reason": "", "handoff_time": null, "extra": 1});
        assert_eq!(send_handoff(&app, body).await.status.as_u16(), 200);
    }

    #[tokio::test]
    async fn unavailable_agent_receives_no_handoff() {
        let app = app_with_billing_agent().await;
        let mut body = handoff_body();
        for to in ["unknown", "", "x\u{0}y"] {
            body["toAgent"] = to.into();
            let refused = send_handoff(&app, body.clone()).await;
            let detail = format!("Target agent '{to}' is not available");
            assert_eq!((refused.status.as_u16(), refused.json), (404, json!({"detail": detail})));
        }
        app.call(crate::agent_change::ENDPOINT, "/api/agents/billing", AGENT, json!({"enabled": false})).await;
        assert_eq!(send_handoff(&app, handoff_body()).await.status.as_u16(), 404);
    }

    #[tokio::test]
    async fn full_agent_accepts_no_more_handoffs() {
        let app = app_with_billing_agent().await;
        let settings = json!({"name": "Billing", "maxOpen": 2});
        let changed = app.call(crate::agent_change::ENDPOINT, "/api/agents/billing", AGENT, settings).await;
        assert_eq!(changed.json["maxOpen"], 2);
        let first = app.call_idempotent(ENDPOINT, "/api/agents/route-handoff", AGENT, "first", handoff_body()).await;
        app.advance(60);
        assert_eq!(send_handoff(&app, handoff_body()).await.json["status"], "success");
        let refused = send_handoff(&app, handoff_body()).await;
        let expected = json!({
            "status": "failed",
            "handoffId": null,
            "result": false,
            "message": "Billing is full: 2 conversations are open, and it takes at most 2",
        });
        assert_eq!((refused.status.as_u16(), &refused.json), (200, &expected));
        // A repeat of a successful handoff still succeeds.
        let again = app.call_idempotent(ENDPOINT, "/api/agents/route-handoff", AGENT, "first", handoff_body()).await;
        assert_eq!(again.json, first.json);
        // A day later the first packet has expired, and the agent needs a heartbeat.
        app.advance(24 * 60 * 60 - 60);
        app.call(crate::agent_heartbeat::ENDPOINT, "/api/agents/billing/heartbeat", AGENT, Value::Null).await;
        assert_eq!(send_handoff(&app, handoff_body()).await.json["result"], true);
        assert_eq!(send_handoff(&app, handoff_body()).await.json["result"], false);
        // Without `maxOpen` there is no limit.
        app.call(crate::agent_change::ENDPOINT, "/api/agents/billing", AGENT, json!({"name": "Billing"})).await;
        assert_eq!(send_handoff(&app, handoff_body()).await.json["result"], true);
    }

    #[tokio::test]
    async fn repeated_handoff_succeeds_after_agent_changes() {
        let app = app_with_billing_agent().await;
        let send_idempotent =
            async |body: Value| app.call_idempotent(ENDPOINT, "/api/agents/route-handoff", AGENT, "7", body).await;
        let first = send_idempotent(handoff_body()).await;
        assert_eq!(first.json["result"], true, "{}", first.json);
        app.call(crate::agent_change::ENDPOINT, "/api/agents/billing", AGENT, json!({"name": "Invoices"})).await;
        let renamed = send_idempotent(handoff_body()).await;
        assert_eq!((renamed.status.as_u16(), &renamed.json), (200, &first.json));
        // The agent is unavailable. A failed repeat would make the client hand the conversation to another agent too.
        app.advance(24 * 60);
        assert_eq!(send_handoff(&app, handoff_body()).await.status.as_u16(), 404);
        let repeated = send_idempotent(handoff_body()).await;
        assert_eq!((repeated.status.as_u16(), &repeated.json), (200, &first.json));
        let mut other = handoff_body();
        other["handoffReason"] = "Another".into();
        assert_eq!(send_idempotent(other).await.status.as_u16(), 409);
    }

    #[tokio::test]
    async fn field_errors_follow_the_field_order() {
        let app = TestApp::new().await;
        let body = json!({"conversationContext": [1], "toAgent": 5, "handoffReason": null, "priority": null, "handoffTime": "yesterday"});
        let refused = send_handoff(&app, body.clone()).await;
        let string = "Input should be a valid string";
        let expected = json!([
            {"type": "missing", "loc": ["body", "fromAgent"], "msg": "Field required", "input": body},
            {"type": "string_type", "loc": ["body", "toAgent"], "msg": string, "input": 5},
            {"type": "dict_type", "loc": ["body", "conversationContext"], "msg": "Input should be a valid dictionary", "input": [1]},
            {"type": "string_type", "loc": ["body", "handoffReason"], "msg": string, "input": null},
            {"type": "string_type", "loc": ["body", "priority"], "msg": string, "input": null},
            {
                "type": "datetime_from_date_parsing",
                "loc": ["body", "handoffTime"],
                "msg": "Input should be a valid datetime or date, input is too short",
                "input": "yesterday",
                "ctx": {"error": "input is too short"},
            },
        ]);
        assert_eq!((refused.status.as_u16(), &refused.json), (422, &json!({"detail": expected})));
        for invalid in [json!([]), json!({}), json!(true)] {
            let mut body = handoff_body();
            body["handoffTime"] = invalid;
            let refused = send_handoff(&app, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["detail"][0]["type"]), (422, &json!("datetime_type")));
        }
    }

    #[tokio::test]
    async fn non_object_body_is_refused_with_published_error() {
        let app = TestApp::new().await;
        let object = "Input should be a valid dictionary or object to extract fields from";
        for (body, entry) in [
            ("", json!({"type": "missing", "loc": ["body"], "msg": "Field required", "input": null})),
            ("[1]", json!({"type": "model_attributes_type", "loc": ["body"], "msg": object, "input": [1]})),
            ("null", json!({"type": "model_attributes_type", "loc": ["body"], "msg": object, "input": null})),
            ("\"x\"", json!({"type": "model_attributes_type", "loc": ["body"], "msg": object, "input": "x"})),
        ] {
            let refused = app.send_text(ENDPOINT, "/api/agents/route-handoff", AGENT, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json), (422, &json!({"detail": [entry]})), "{body}");
        }
        for body in ["{\"a\": x}", "{\"a\": \"\\ud800\"}"] {
            let refused = app.send_text(ENDPOINT, "/api/agents/route-handoff", AGENT, body).await;
            let entry = &refused.json["detail"][0];
            assert_eq!((refused.status.as_u16(), &entry["type"]), (422, &json!("json_invalid")), "{}", refused.json);
            assert!(entry["loc"][1].is_u64() && entry["input"] == json!({}) && entry["ctx"]["error"].is_string());
        }
    }

    #[tokio::test]
    async fn handoff_without_api_key_is_refused() {
        let app = TestApp::new().await;
        for key in ["", "ho_unknown"] {
            let refused = app.call(ENDPOINT, "/api/agents/route-handoff", key, handoff_body()).await;
            assert_eq!((refused.status.as_u16(), &refused.json), (401, &json!({"detail": "Not authenticated"})));
        }
    }

    /// Every log stores this digest, so another digest needs a new version of the format.
    #[test]
    fn request_digest_is_stable() {
        let handoff = Handoff::parse(handoff_body().as_object().unwrap()).unwrap();
        let command = CommandId::from_request("first", HANDOFF_FORMAT, &handoff.to_json());
        assert_eq!(json!(command), json!("a7937b64b8caa58f03721bb6.v1-32f2fb58-3c6f880df158e953c3f52823"));
    }
}
