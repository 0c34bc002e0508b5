//! `GET /api/agents/handoffs`: what was handed over, newest first: to everybody, or to one agent.

use axum::extract::Query;
use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::packet::{Packet, target};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::{Filter, ListingCursor, Order, Page};
use handrail_packets::Held;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::dialect::{DIALECT, Flaw, flawed};
use crate::route_handoff::TAG;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-handoff-list",
    method: Verb::Get,
    path: "/api/agents/handoffs",
    auth: Auth::Key(Scope::PacketsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::FindByFacet],
    summary: "List what was handed over, newest first",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// A function answers 6 MB at most.
const BYTES_MAX: usize = 5 * 1024 * 1024;

#[derive(Deserialize)]
struct Wanted {
    agent: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsRead>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<axum::Json<Value>, Problem> {
    let wrong = |field: &str, msg: String, input: &str| {
        flawed(vec![Flaw::of("value_error", Some(field), msg, &json!(input)).in_query()])
    };
    let Query(wanted) = wanted.map_err(|_| wrong("query", "The query can't be read".to_owned(), ""))?;
    let limit = match wanted.limit.as_deref() {
        None => LIMIT_DEFAULT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=LIMIT_MAX).contains(limit))
            .ok_or_else(|| wrong("limit", format!("Input should be a whole number from 1 to {LIMIT_MAX}"), text))?,
    };
    let after = wanted.cursor.as_deref().filter(|text| !text.is_empty()).map(|text| {
        ListingCursor::parse(text).ok_or_else(|| wrong("cursor", "Input should be a cursor of a list".to_owned(), text))
    });
    let after = after.transpose()?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let holder = wanted.agent.filter(|agent| !agent.is_empty());
    let filter = Filter::<Packet> { holder, tags: vec![TAG.to_owned()], ..Filter::default() };
    let page = Page { limit, offset: 0, after, order: Order::NewestFirst, bytes_max: BYTES_MAX };
    let found = cx.store.find(caller.key.tenant, &filter, &page, cx.clock.now()).await?;
    let mut handoffs = Vec::with_capacity(found.records.len());
    for whole in found.records {
        handoffs.push(shown(&Held::of(whole)?));
    }
    let next = found.next.map(|cursor| cursor.text());
    Ok(axum::Json(json!({"handoffs": handoffs, "total": found.total, "nextCursor": next})))
}

fn shown(held: &Held) -> Value {
    let (ask, context) = (&held.record.ask, &held.content.context);
    json!({
        "handoffId": held.record.id,
        "fromAgent": ask.source.id,
        "toAgent": target(&held.record).id,
        "conversationContext": context.custom.get("conversationContext"),
        "handoffReason": context.summary,
        "priority": context.custom.get("priority"),
        "handoffTime": ask.stated_at.clone().unwrap_or_else(|| held.record.created_at.to_string()),
        "status": held.record.state(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AGENT, Desk};

    #[tokio::test]
    async fn an_agent_sees_what_was_handed_to_it() {
        let desk = Desk::new().await;
        for agent in ["billing", "support"] {
            let path = format!("/api/agents/{agent}");
            desk.call(crate::agent_change::ENDPOINT, &path, AGENT, json!({})).await;
        }
        for (number, to) in ["billing", "support", "billing"].into_iter().enumerate() {
            let body = json!({
                "fromAgent": "sales",
                "toAgent": to,
                "conversationContext": {"number": number},
                "handoffReason": "because",
                "priority": "whenever",
            });
            let done = desk.call(crate::handoff::ENDPOINT, "/api/agents/handoff", AGENT, body).await;
            assert_eq!(done.json["result"], true, "{}", done.json);
            desk.advance(1);
        }
        let first = desk.call(ENDPOINT, "/api/agents/handoffs?agent=billing&limit=1", AGENT, Value::Null).await;
        let shown = &first.json["handoffs"][0];
        assert_eq!((&first.json["total"], &shown["conversationContext"]), (&json!(2), &json!({"number": 2})));
        assert_eq!((&shown["priority"], &shown["status"]), (&json!("whenever"), &json!("created")));
        assert_eq!((&shown["fromAgent"], &shown["toAgent"]), (&json!("sales"), &json!("billing")));
        let cursor = first.json["nextCursor"].as_str().unwrap();
        let path = format!("/api/agents/handoffs?agent=billing&limit=1&cursor={cursor}");
        let second = desk.call(ENDPOINT, &path, AGENT, Value::Null).await;
        assert_eq!(second.json["handoffs"][0]["conversationContext"], json!({"number": 0}));
        assert_eq!(second.json["nextCursor"], Value::Null);
        let all = desk.call(ENDPOINT, "/api/agents/handoffs", AGENT, Value::Null).await;
        assert_eq!(all.json["handoffs"].as_array().unwrap().len(), 3);
        for query in ["limit=0", "limit=x", "cursor=x"] {
            let refused = desk.call(ENDPOINT, &format!("/api/agents/handoffs?{query}"), AGENT, Value::Null).await;
            assert_eq!((refused.status.as_u16(), &refused.json["detail"][0]["loc"][0]), (422, &json!("query")));
        }
    }
}
