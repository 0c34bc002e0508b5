//! `POST /api/agents/route-handoff`: moves a conversation to another agent, as a packet for it.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::ids::RequestFormat;
use handrail_domain::packet::{AGENT_CHARS_MAX, Packet, Proposal, State as PacketState};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, IdempotencyKey, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::{AGENT_ID_BYTES_MAX, Agent, Filter, Key, Order, Page};
use handrail_packets::{GivenName, Held, create, made_before};
use serde_json::{Map, Value, json};

use crate::agents::is_available;
use crate::body::{Body, Reading};
use crate::dialect::{DIALECT, flawed, not_found};
use crate::times;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-route-handoff",
    method: Verb::Post,
    path: "/api/agents/route-handoff",
    auth: Auth::Key(Scope::PacketsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadAgent, Touch::CountByFacet, Touch::Create],
    summary: "Hand a conversation over to another agent",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

/// What an agent still has to do.
const OPEN: [PacketState; 4] =
    [PacketState::Created, PacketState::Claimed, PacketState::InProgress, PacketState::AwaitingHuman];

pub(crate) const TAG: &str = "route-handoff";
const PRIORITY_DEFAULT: &str = "medium";
/// Of the words that say what it is about. They lie in an answer and in a list.
const PRIORITY_CHARS_MAX: usize = 100;
const REASON_CHARS_MAX: usize = 100_000;

pub(crate) async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsWrite>,
    IdempotencyKey(name): IdempotencyKey,
    Body(body): Body,
) -> Result<axum::Json<Value>, Problem> {
    let handoff = Handoff::read(&body)?;
    spend(&cx, &caller.key, Budget::Creates).await?;
    hand_over(&cx, &caller.key, handoff, name.as_deref()).await.map(axum::Json)
}

async fn hand_over(cx: &Cx, key: &Key, handoff: Handoff, name: Option<&str>) -> Result<Value, Problem> {
    // Whatever became of the agent since: a conversation that was taken is not refused when its answer was lost.
    let named = name.map(|name| GivenName::new(name, HANDOFF_FORMAT, handoff.to_json()));
    if let Some(made) = made_before(cx, key, named.as_ref()).await? {
        return Ok(taken(&made));
    }
    let target = match handoff.to.len() <= AGENT_ID_BYTES_MAX {
        true => cx.store.agent(key.tenant, &handoff.to).await?,
        false => None,
    };
    let target = target.filter(|agent| is_available(agent, cx.clock.now()));
    let target = target.ok_or_else(|| not_found(format!("Target agent '{}' is not available", handoff.to)))?;
    if let Some(refusal) = is_full(cx, key, &target).await? {
        return Ok(refusal);
    }
    // It was read, and what it makes is a packet like any other.
    let proposal = Proposal::read(&handoff.packet(&target.name)).map_err(|_| Problem::Broken)?;
    Ok(taken(&create(cx, key, proposal, named.as_ref()).await?))
}

fn taken(made: &Held) -> Value {
    json!({
        "status": "success",
        "handoffId": made.record.id,
        "result": true,
        "message": format!("Handed over to {}", made.record.ask.target.name),
    })
}

/// The answer of an agent that has as much to do as it takes.
///
/// The count is the index's, which follows the table within moments: of several conversations that come at once, a few may
/// get in beyond the bound.
async fn is_full(cx: &Cx, key: &Key, target: &Agent) -> Result<Option<Value>, Problem> {
    let Some(most) = target.open_max else { return Ok(None) };
    let filter = Filter::<Packet> { states: Some(OPEN.to_vec()), holder: Some(target.id.clone()), ..Filter::default() };
    let count = Page { limit: 0, offset: 0, after: None, order: Order::NewestFirst, bytes_max: 0 };
    let open = cx.store.find(key.tenant, &filter, &count, cx.clock.now()).await?.total;
    if open < u64::from(most) {
        return Ok(None);
    }
    Ok(Some(json!({
        "status": "failed",
        "handoffId": null,
        "result": false,
        "message": format!("{} takes no more now: {open} conversations are open, and it takes {most}", target.name),
    })))
}

/// The format of [`Handoff::to_json`].
const HANDOFF_FORMAT: RequestFormat = RequestFormat { name: "routes.handoff", version: 1 };

/// A conversation that somebody wants to hand over.
#[derive(Debug)]
struct Handoff {
    from: String,
    to: String,
    context: Map<String, Value>,
    reason: String,
    priority: String,
    stated_at: Option<handrail_domain::time::Timestamp>,
}

impl Handoff {
    /// Fields that are not named here are read over.
    fn read(body: &Map<String, Value>) -> Result<Self, Problem> {
        let mut reading = Reading::of(body);
        let mut text = |name, in_prose, chars_max| {
            reading.needed(name, in_prose).and_then(|value| reading.text(name, value, chars_max))
        };
        let (from, to) =
            (text("fromAgent", "from_agent", AGENT_CHARS_MAX), text("toAgent", "to_agent", AGENT_CHARS_MAX));
        let context = match reading.needed("conversationContext", "conversation_context") {
            Some(Value::Object(members)) => Some(members.clone()),
            Some(other) => {
                reading.flaw("dict_type", "conversationContext", "Input should be a valid dictionary", other)
            }
            None => None,
        };
        let reason = reading.needed("handoffReason", "handoff_reason");
        let reason = reason.and_then(|value| reading.text("handoffReason", value, REASON_CHARS_MAX));
        let priority = match reading.find("priority", "priority") {
            Some(value) => reading.text("priority", value, PRIORITY_CHARS_MAX),
            None => Some(PRIORITY_DEFAULT.to_owned()),
        };
        let stated_at = reading.find("handoffTime", "handoff_time");
        let stated_at = stated_at.and_then(|value| times::read(&mut reading, "handoffTime", value));
        match (from, to, context, reason, priority) {
            (Some(from), Some(to), Some(context), Some(reason), Some(priority)) if reading.flaws.is_empty() => {
                Ok(Self { from, to, context, reason, priority, stated_at })
            }
            _ => Err(flawed(reading.flaws)),
        }
    }

    /// The handoff as JSON under the published field names, for the digest of the request.
    fn to_json(&self) -> Value {
        json!({
            "fromAgent": self.from,
            "toAgent": self.to,
            "conversationContext": self.context,
            "handoffReason": self.reason,
            "priority": self.priority,
            "handoffTime": self.stated_at,
        })
    }

    /// The packet that it becomes. What packets have no word for lies in its context.
    fn packet(&self, target_name: &str) -> Value {
        json!({
            "metadata": {
                "source_agent": {"id": self.from, "name": self.from},
                "target_agent": {"id": self.to, "name": target_name},
                "created_at": self.stated_at,
                "priority": packets_word(&self.priority),
                "tags": [TAG],
            },
            "context": {
                "summary": self.reason,
                "custom": {"conversationContext": self.context, "priority": self.priority},
            },
        })
    }
}

/// Any word is a priority here; packets know four.
fn packets_word(priority: &str) -> &'static str {
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
    use crate::testing::{AGENT, Answer, Desk, NOON};

    fn handoff() -> Value {
        json!({
            "fromAgent": "sales",
            "toAgent": "billing",
            "conversationContext": {"topic": "upgrade", "turns": [1, null, {"deep": true}]},
            "handoffReason": "Wants to pay",
        })
    }

    async fn ask(desk: &Desk, body: Value) -> Answer {
        desk.call(ENDPOINT, "/api/agents/route-handoff", AGENT, body).await
    }

    async fn desk_with_billing() -> Desk {
        let desk = Desk::new().await;
        desk.call(crate::agent_change::ENDPOINT, "/api/agents/billing", AGENT, json!({"name": "Billing"})).await;
        desk
    }

    #[tokio::test]
    async fn a_conversation_becomes_a_packet_for_the_agent() {
        let desk = desk_with_billing().await;
        let mut wanted = handoff();
        wanted["priority"] = "urgent".into();
        wanted["handoffTime"] = json!(1_789_999_999);
        let done = ask(&desk, wanted).await;
        assert_eq!(done.status.as_u16(), 200, "{}", done.json);
        let id = done.json["handoffId"].as_str().unwrap().parse().unwrap();
        let expected = json!({
            "status": "success",
            "handoffId": done.json["handoffId"],
            "result": true,
            "message": "Handed over to Billing",
        });
        assert_eq!(done.json, expected);
        let packet = desk.packet(id).await;
        assert_eq!(
            (packet.record.ask.source.id.as_str(), packet.record.ask.target.name.as_str()),
            ("sales", "Billing")
        );
        assert_eq!(packet.record.ask.priority.name(), "critical");
        assert_eq!(packet.content.context.summary, "Wants to pay");
        assert_eq!(packet.content.context.custom["conversationContext"], handoff()["conversationContext"]);
        assert_eq!(packet.record.ask.stated_at, Some(NOON.plus_ms(-1_000).to_string()));
    }

    #[tokio::test]
    async fn the_names_of_the_prose_are_taken_too() {
        let desk = desk_with_billing().await;
        let body = json!({"from_agent": "", "to_agent": "billing", "conversation_context": {}, "handoff_reason": "", "handoff_time": null, "extra": 1});
        assert_eq!(ask(&desk, body).await.status.as_u16(), 200);
    }

    #[tokio::test]
    async fn who_is_not_there_is_handed_nothing() {
        let desk = desk_with_billing().await;
        let mut elsewhere = handoff();
        for to in ["nobody", "", "x\u{0}y"] {
            elsewhere["toAgent"] = to.into();
            let refused = ask(&desk, elsewhere.clone()).await;
            let detail = format!("Target agent '{to}' is not available");
            assert_eq!((refused.status.as_u16(), refused.json), (404, json!({"detail": detail})));
        }
        desk.call(crate::agent_change::ENDPOINT, "/api/agents/billing", AGENT, json!({"enabled": false})).await;
        assert_eq!(ask(&desk, handoff()).await.status.as_u16(), 404);
    }

    #[tokio::test]
    async fn an_agent_that_has_enough_to_do_takes_no_more() {
        let desk = desk_with_billing().await;
        let bound = json!({"name": "Billing", "maxOpen": 2});
        let kept = desk.call(crate::agent_change::ENDPOINT, "/api/agents/billing", AGENT, bound).await;
        assert_eq!(kept.json["maxOpen"], 2);
        let first = desk.call_once(ENDPOINT, "/api/agents/route-handoff", AGENT, "first", handoff()).await;
        desk.advance(60);
        assert_eq!(ask(&desk, handoff()).await.json["status"], "success");
        let refused = ask(&desk, handoff()).await;
        let expected = json!({
            "status": "failed",
            "handoffId": null,
            "result": false,
            "message": "Billing takes no more now: 2 conversations are open, and it takes 2",
        });
        assert_eq!((refused.status.as_u16(), &refused.json), (200, &expected));
        // What it took is not refused when its answer was lost.
        let again = desk.call_once(ENDPOINT, "/api/agents/route-handoff", AGENT, "first", handoff()).await;
        assert_eq!(again.json, first.json);
        // A day later the first one has expired. Nobody has heard of the agent meanwhile.
        desk.advance(24 * 60 * 60 - 60);
        desk.call(crate::agent_heartbeat::ENDPOINT, "/api/agents/billing/heartbeat", AGENT, Value::Null).await;
        assert_eq!(ask(&desk, handoff()).await.json["result"], true);
        assert_eq!(ask(&desk, handoff()).await.json["result"], false);
        // Without a bound nobody counts.
        desk.call(crate::agent_change::ENDPOINT, "/api/agents/billing", AGENT, json!({"name": "Billing"})).await;
        assert_eq!(ask(&desk, handoff()).await.json["result"], true);
    }

    #[tokio::test]
    async fn what_was_taken_stays_taken_whatever_became_of_the_agent() {
        let desk = desk_with_billing().await;
        let ask_once =
            async |body: Value| desk.call_once(ENDPOINT, "/api/agents/route-handoff", AGENT, "7", body).await;
        let first = ask_once(handoff()).await;
        assert_eq!(first.json["result"], true, "{}", first.json);
        desk.call(crate::agent_change::ENDPOINT, "/api/agents/billing", AGENT, json!({"name": "Invoices"})).await;
        let renamed = ask_once(handoff()).await;
        assert_eq!((renamed.status.as_u16(), &renamed.json), (200, &first.json));
        // It falls silent. Whoever were told now that it did not take the conversation would hand it to another one too.
        desk.advance(24 * 60);
        assert_eq!(ask(&desk, handoff()).await.status.as_u16(), 404);
        let silent = ask_once(handoff()).await;
        assert_eq!((silent.status.as_u16(), &silent.json), (200, &first.json));
        let mut otherwise = handoff();
        otherwise["handoffReason"] = "Another".into();
        assert_eq!(ask_once(otherwise).await.status.as_u16(), 409);
    }

    #[tokio::test]
    async fn everything_that_is_wrong_is_listed_in_the_order_of_the_fields() {
        let desk = Desk::new().await;
        let body = json!({"conversationContext": [1], "toAgent": 5, "handoffReason": null, "priority": null, "handoffTime": "yesterday"});
        let refused = ask(&desk, body.clone()).await;
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
        for wrong in [json!([]), json!({}), json!(true)] {
            let mut body = handoff();
            body["handoffTime"] = wrong;
            let refused = ask(&desk, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["detail"][0]["type"]), (422, &json!("datetime_type")));
        }
    }

    #[tokio::test]
    async fn what_is_no_object_is_told_in_the_known_words() {
        let desk = Desk::new().await;
        let object = "Input should be a valid dictionary or object to extract fields from";
        for (body, entry) in [
            ("", json!({"type": "missing", "loc": ["body"], "msg": "Field required", "input": null})),
            ("[1]", json!({"type": "model_attributes_type", "loc": ["body"], "msg": object, "input": [1]})),
            ("null", json!({"type": "model_attributes_type", "loc": ["body"], "msg": object, "input": null})),
            ("\"x\"", json!({"type": "model_attributes_type", "loc": ["body"], "msg": object, "input": "x"})),
        ] {
            let refused = desk.send_text(ENDPOINT, "/api/agents/route-handoff", AGENT, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json), (422, &json!({"detail": [entry]})), "{body}");
        }
        for body in ["{\"a\": x}", "{\"a\": \"\\ud800\"}"] {
            let refused = desk.send_text(ENDPOINT, "/api/agents/route-handoff", AGENT, body).await;
            let entry = &refused.json["detail"][0];
            assert_eq!((refused.status.as_u16(), &entry["type"]), (422, &json!("json_invalid")), "{}", refused.json);
            assert!(entry["loc"][1].is_u64() && entry["input"] == json!({}) && entry["ctx"]["error"].is_string());
        }
    }

    #[tokio::test]
    async fn nobody_comes_in_without_a_key() {
        let desk = Desk::new().await;
        for key in ["", "ho_unknown"] {
            let refused = desk.call(ENDPOINT, "/api/agents/route-handoff", key, handoff()).await;
            assert_eq!((refused.status.as_u16(), &refused.json), (401, &json!({"detail": "Not authenticated"})));
        }
    }

    /// Stored in every log: a change of this text is a new version of the format.
    #[test]
    fn digest_of_a_request_stays() {
        let handoff = Handoff::read(handoff().as_object().unwrap()).unwrap();
        let command = CommandId::from_request("first", HANDOFF_FORMAT, &handoff.to_json());
        assert_eq!(json!(command), json!("a7937b64b8caa58f03721bb6.v1-32f2fb58-3c6f880df158e953c3f52823"));
    }
}
