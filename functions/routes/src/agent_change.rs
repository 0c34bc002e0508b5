//! `PUT /api/agents/{id}`: registers the agent, or changes it. It is there at once.

use axum::extract::State;
use axum::routing::{MethodRouter, put};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::AgentSaid;
use serde_json::{Value, json};

use crate::agents::{ID_CHARS_MAX, is_id, shown};
use crate::body::{Body, Reading};
use crate::dialect::{DIALECT, flawed};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-agent-change",
    method: Verb::Put,
    path: "/api/agents/{id}",
    auth: Auth::Key(Scope::PacketsWork),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::KeepAgent],
    summary: "Register an agent that takes conversations, or change it",
    route,
};

fn route() -> MethodRouter<Cx> {
    put(handler)
}

/// Whoever takes more at once need not count.
const OPEN_MAX: u32 = 10_000;

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsWork>,
    Segment(id): Segment,
    Body(body): Body,
) -> Result<axum::Json<Value>, Problem> {
    let mut reading = Reading::of(&body);
    if !is_id(&id) {
        reading.flaw::<()>("value_error", "id", "No agent can be called so", &json!(id));
    }
    let name = match body.get("name") {
        None | Some(Value::Null) => Some(id.clone()),
        Some(name) => reading.text("name", name, ID_CHARS_MAX),
    };
    let (enabled, is_static) = (reading.flag("enabled", true), reading.flag("static", false));
    let open_max = reading.find("maxOpen", "max_open").filter(|value| !value.is_null());
    let open_max = open_max.and_then(|value| match value.as_u64().and_then(|most| u32::try_from(most).ok()) {
        Some(most) if (1..=OPEN_MAX).contains(&most) => Some(most),
        _ => {
            let message = format!("Input should be a whole number from 1 to {OPEN_MAX}");
            reading.flaw("int_type", "maxOpen", message, value)
        }
    });
    let Some(name) = name.filter(|_| reading.flaws.is_empty()) else { return Err(flawed(reading.flaws)) };
    spend(&cx, &caller.key, Budget::Calls).await?;
    let now = cx.clock.now();
    let agent = cx
        .store
        .put_agent(caller.key.tenant, &id, AgentSaid { name: &name, enabled, is_static, open_max }, now)
        .await?;
    Ok(axum::Json(shown(&agent, now)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::SILENT_MAX_MS;
    use crate::testing::{AGENT, Desk, NOON};

    #[tokio::test]
    async fn an_agent_is_there_until_it_falls_silent() {
        let desk = Desk::new().await;
        let path = "/api/agents/billing%201";
        let made = desk.call(ENDPOINT, path, AGENT, json!({"name": "Billing"})).await;
        let expected = json!({
            "id": "billing 1",
            "name": "Billing",
            "enabled": true,
            "static": false,
            "maxOpen": null,
            "available": true,
            "lastHeartbeatAt": NOON,
            "createdAt": NOON,
            "updatedAt": NOON,
        });
        assert_eq!((made.status.as_u16(), &made.json), (200, &expected));
        let there = || async {
            let seen = desk.call(crate::agent_get::ENDPOINT, path, AGENT, Value::Null).await;
            (seen.status.as_u16(), seen.json["available"].clone())
        };
        desk.advance(SILENT_MAX_MS / 1_000);
        assert_eq!(there().await, (200, json!(false)));
        let beat = desk.call(crate::agent_heartbeat::ENDPOINT, &format!("{path}/heartbeat"), AGENT, Value::Null).await;
        assert_eq!((beat.status.as_u16(), &beat.json["createdAt"]), (200, &json!(NOON)));
        assert_eq!(there().await, (200, json!(true)));
        desk.call(ENDPOINT, path, AGENT, json!({"enabled": false})).await;
        assert_eq!(there().await, (200, json!(false)));
        desk.call(ENDPOINT, path, AGENT, json!({"static": true})).await;
        desk.advance(1_000_000);
        assert_eq!(there().await, (200, json!(true)));
        let listed = desk.call(crate::agent_list::ENDPOINT, "/api/agents", AGENT, Value::Null).await;
        assert_eq!(listed.json["agents"][0]["id"], "billing 1");
        let remove = || desk.call(crate::agent_remove::ENDPOINT, path, AGENT, Value::Null);
        assert_eq!(remove().await.status.as_u16(), 204);
        assert_eq!((remove().await.status.as_u16(), there().await.0), (404, 404));
        let silent =
            desk.call(crate::agent_heartbeat::ENDPOINT, &format!("{path}/heartbeat"), AGENT, Value::Null).await;
        assert_eq!((silent.status.as_u16(), &silent.json), (404, &json!({"detail": "Agent 'billing 1' not found"})));
    }

    #[tokio::test]
    async fn what_no_agent_can_be_is_named() {
        let desk = Desk::new().await;
        for (path, body, field) in [
            ("/api/agents/a", json!({"name": 5}), "name"),
            ("/api/agents/a", json!({"name": "x".repeat(257)}), "name"),
            ("/api/agents/a", json!({"enabled": "yes"}), "enabled"),
            ("/api/agents/a", json!({"static": 1}), "static"),
            ("/api/agents/a", json!({"maxOpen": 0}), "maxOpen"),
            ("/api/agents/a", json!({"max_open": "5"}), "maxOpen"),
            ("/api/agents/handoffs", json!({}), "id"),
        ] {
            let refused = desk.call(ENDPOINT, path, AGENT, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["detail"][0]["loc"]), (422, &json!(["body", field])));
        }
        let long = format!("/api/agents/{}", "x".repeat(1_000));
        assert_eq!(desk.call(ENDPOINT, &long, AGENT, json!({})).await.status.as_u16(), 422);
        assert_eq!(desk.call(crate::agent_get::ENDPOINT, &long, AGENT, Value::Null).await.status.as_u16(), 404);
    }
}
