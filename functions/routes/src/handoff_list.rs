//! `GET /api/agents/handoffs`: lists handoffs to all agents or to one agent, newest first.

use axum::extract::Query;
use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::field_error::{FieldError, RequestPart};
use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Packet, State as PacketState, current_agent};
use handrail_packet_records::PacketWithContent;
use handrail_store::{Cursor, Filter, Order, PageRequest};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::headers::total_header;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::door::DOOR;
use crate::route_handoff::HANDOFF_TAG;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-handoff-list",
    method: HttpMethod::Get,
    path: "/api/agents/handoffs",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::FindByFilter],
    summary: "List handoffs, newest first",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).json::<ResponseBody>(200).problems(&[422])
}

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Largest response. A Lambda function may return 6 MB.
const RESPONSE_BYTES_MAX: usize = 5 * 1024 * 1024;

#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// Id of the agent that received the handoffs.
    agent: Option<String>,
    /// The `nextCursor` of the previous page.
    cursor: Option<String>,
    /// Handoffs of the page: 1 to 200.
    limit: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRead>,
    query: Result<Query<QueryParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let query_error = |field: &'static str, msg: String, input: &str| {
        let error = FieldError::new([field], msg, "value_error").in_part(RequestPart::Query);
        Problem::from(error.with_input(json!(input)))
    };
    let Query(query) = query.map_err(|_| query_error("query", "The query can't be read".to_owned(), ""))?;
    let limit = match query.limit.as_deref() {
        None => LIMIT_DEFAULT,
        Some(text) => text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or_else(|| {
            query_error("limit", format!("Input should be a whole number from 1 to {LIMIT_MAX}"), text)
        })?,
    };
    let cursor = query.cursor.as_deref().filter(|text| !text.is_empty()).map(|text| {
        Cursor::parse(text).ok_or_else(|| query_error("cursor", "Input should be a cursor of a list".to_owned(), text))
    });
    let cursor = cursor.transpose()?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let agent = query.agent.filter(|agent| !agent.is_empty());
    let filter = Filter::<Packet> { holder: agent, tags: vec![HANDOFF_TAG.to_owned()], ..Filter::default() };
    let page = PageRequest { limit, offset: 0, cursor, order: Order::NewestFirst, bytes_max: RESPONSE_BYTES_MAX };
    let found = cx.store.find(caller.key.tenant, &filter, &page, cx.clock.now()).await?;
    let mut handoffs = Vec::with_capacity(found.records.len());
    for record in found.records {
        handoffs.push(HandoffView::new(PacketWithContent::from_record(record)?));
    }
    let next_cursor = found.next.map(|cursor| cursor.encode());
    let body = ResponseBody { handoffs, total: found.total.count, next_cursor };
    Ok((total_header(found.total), axum::Json(body)).into_response())
}

/// Page of handoffs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "HandoffList")]
struct ResponseBody {
    handoffs: Vec<HandoffView>,
    total: u64,
    /// Cursor of the next page; null on the last.
    next_cursor: Option<String>,
}

/// JSON view of a handoff.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Handoff")]
struct HandoffView {
    handoff_id: RecordId,
    from_agent: String,
    to_agent: String,
    conversation_context: Option<Value>,
    handoff_reason: String,
    priority: Option<Value>,
    handoff_time: String,
    /// Status of the packet.
    status: PacketState,
}

impl HandoffView {
    fn new(packet: PacketWithContent) -> Self {
        let (record, mut context) = (packet.record, packet.content.context);
        Self {
            handoff_id: record.id,
            to_agent: current_agent(&record).id.clone(),
            conversation_context: context.custom.swap_remove("conversationContext"),
            priority: context.custom.swap_remove("priority"),
            handoff_reason: context.summary,
            handoff_time: record.spec.stated_at.clone().unwrap_or_else(|| record.created_at.to_string()),
            status: record.state(),
            from_agent: record.spec.source.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AGENT, TestApp};

    #[tokio::test]
    async fn handoffs_are_listed_per_agent_with_cursor() {
        let app = TestApp::new().await;
        for agent in ["billing", "support"] {
            let path = format!("/api/agents/{agent}");
            app.call(crate::agent_change::ENDPOINT, &path, AGENT, json!({})).await;
        }
        for (number, to) in ["billing", "support", "billing"].into_iter().enumerate() {
            let body = json!({
                "fromAgent": "sales",
                "toAgent": to,
                "conversationContext": {"number": number},
                "handoffReason": "because",
                "priority": "whenever",
            });
            let response = app.call(crate::handoff::ENDPOINT, "/api/agents/handoff", AGENT, body).await;
            assert_eq!(response.json["result"], true, "{}", response.json);
            app.advance(1);
        }
        let first = app.call(ENDPOINT, "/api/agents/handoffs?agent=billing&limit=1", AGENT, Value::Null).await;
        let newest = &first.json["handoffs"][0];
        assert_eq!((&first.json["total"], &newest["conversationContext"]), (&json!(2), &json!({"number": 2})));
        assert_eq!((&newest["priority"], &newest["status"]), (&json!("whenever"), &json!("created")));
        assert_eq!((&newest["fromAgent"], &newest["toAgent"]), (&json!("sales"), &json!("billing")));
        let cursor = first.json["nextCursor"].as_str().unwrap();
        let path = format!("/api/agents/handoffs?agent=billing&limit=1&cursor={cursor}");
        let second = app.call(ENDPOINT, &path, AGENT, Value::Null).await;
        assert_eq!(second.json["handoffs"][0]["conversationContext"], json!({"number": 0}));
        assert_eq!(second.json["nextCursor"], Value::Null);
        let all = app.call(ENDPOINT, "/api/agents/handoffs", AGENT, Value::Null).await;
        assert_eq!(all.json["handoffs"].as_array().unwrap().len(), 3);
        for query in ["limit=0", "limit=x", "cursor=x"] {
            let refused = app.call(ENDPOINT, &format!("/api/agents/handoffs?{query}"), AGENT, Value::Null).await;
            assert_eq!((refused.status.as_u16(), &refused.json["detail"][0]["loc"][0]), (422, &json!("query")));
        }
    }
}
