//! `PUT /api/agents/{id}`: registers or changes an agent, which is available immediately.

use axum::extract::State;
use axum::routing::{MethodRouter, put};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::body_reader::{BodyReader, JsonObject};
use handrail_domain::field_error::FieldError;
use handrail_store::AgentUpdate;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde_json::json;

use crate::agents::{AGENT_ID_CHARS_MAX, AgentView, is_valid_id};
use crate::body::Body;
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "routes-agent-change",
    method: HttpMethod::Put,
    path: "/api/agents/{id}",
    auth: Auth::ApiKey(Scope::PacketsWork),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::PutAgent],
    summary: "Register or change an agent that takes conversations",
    route,
};

fn route() -> MethodRouter<Cx> {
    put(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// Highest `maxOpen`. An agent that takes more packets needs no limit.
const MAX_OPEN_PACKETS_LIMIT: u32 = 10_000;

/// Validated properties of an agent.
struct AgentParams {
    name: String,
    enabled: bool,
    is_static: bool,
    max_open: Option<u32>,
}

/// Members of the body, which [`AgentParams`] reads.
#[derive(JsonSchema)]
#[schemars(rename = "AgentParams", rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct Members {
    /// By default the id.
    name: Option<String>,
    /// By default true.
    enabled: Option<bool>,
    /// Whether the agent is available without heartbeats. By default false.
    #[schemars(rename = "static")]
    is_static: Option<bool>,
    /// Most packets that may be open for the agent: 1 to 10,000.
    max_open: Option<u32>,
}

impl AgentParams {
    fn read(id: &str, body: &JsonObject) -> Result<Self, Vec<FieldError>> {
        BodyReader::keeping_input().read(|reader| {
            if !is_valid_id(id) {
                let message = "Input is not a valid agent id";
                reader.in_member("id", |r| r.error_of::<()>(&json!(id), message, "value_error"));
            }
            let name = reader.optional(body, "name", |r, value| r.text_within(value, AGENT_ID_CHARS_MAX));
            let enabled = reader.optional(body, "enabled", BodyReader::boolean);
            let is_static = reader.optional(body, "static", BodyReader::boolean);
            let max_open = reader.optional_as(body, ["maxOpen", "max_open"], |r, value| {
                r.whole_number(value, 1..=MAX_OPEN_PACKETS_LIMIT)
            });
            Some(Self {
                name: name?.unwrap_or_else(|| id.to_owned()),
                enabled: enabled?.unwrap_or(true),
                is_static: is_static?.unwrap_or(false),
                max_open: max_open?,
            })
        })
    }

    fn to_update(&self) -> AgentUpdate<'_> {
        let Self { name, enabled, is_static, max_open } = self;
        AgentUpdate { name, enabled: *enabled, is_static: *is_static, max_open_packets: *max_open }
    }
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsWork>,
    PathParam(id): PathParam,
    body: Body<Members>,
) -> Result<axum::Json<AgentView>, Problem> {
    let params = AgentParams::read(&id, &body.into_members()).map_err(Problem::Invalid)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let now = cx.clock.now();
    let agent = cx.store.put_agent(caller.key.tenant, &id, params.to_update(), now).await?;
    Ok(axum::Json(AgentView::new(&agent, now)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::HEARTBEAT_TIMEOUT_MS;
    use crate::testing::{AGENT, NOON, TestApp};
    use serde_json::Value;

    #[tokio::test]
    async fn agent_is_available_until_heartbeat_timeout() {
        let app = TestApp::new().await;
        let path = "/api/agents/billing%201";
        let created = app.call(ENDPOINT, path, AGENT, json!({"name": "Billing"})).await;
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
        assert_eq!((created.status.as_u16(), &created.json), (200, &expected));
        let get_availability = || async {
            let response = app.call(crate::agent_get::ENDPOINT, path, AGENT, Value::Null).await;
            (response.status.as_u16(), response.json["available"].clone())
        };
        app.advance(HEARTBEAT_TIMEOUT_MS / 1_000);
        assert_eq!(get_availability().await, (200, json!(false)));
        let heartbeat =
            app.call(crate::agent_heartbeat::ENDPOINT, &format!("{path}/heartbeat"), AGENT, Value::Null).await;
        assert_eq!((heartbeat.status.as_u16(), &heartbeat.json["createdAt"]), (200, &json!(NOON)));
        assert_eq!(get_availability().await, (200, json!(true)));
        app.call(ENDPOINT, path, AGENT, json!({"enabled": false})).await;
        assert_eq!(get_availability().await, (200, json!(false)));
        app.call(ENDPOINT, path, AGENT, json!({"static": true})).await;
        app.advance(1_000_000);
        assert_eq!(get_availability().await, (200, json!(true)));
        let listed = app.call(crate::agent_list::ENDPOINT, "/api/agents", AGENT, Value::Null).await;
        assert_eq!(listed.json["agents"][0]["id"], "billing 1");
        let remove = || app.call(crate::agent_remove::ENDPOINT, path, AGENT, Value::Null);
        assert_eq!(remove().await.status.as_u16(), 204);
        assert_eq!((remove().await.status.as_u16(), get_availability().await.0), (404, 404));
        let unknown =
            app.call(crate::agent_heartbeat::ENDPOINT, &format!("{path}/heartbeat"), AGENT, Value::Null).await;
        assert_eq!((unknown.status.as_u16(), &unknown.json), (404, &json!({"detail": "Agent 'billing 1' not found"})));
    }

    #[tokio::test]
    async fn invalid_agent_is_refused_by_field() {
        let app = TestApp::new().await;
        for (path, body, field) in [
            ("/api/agents/a", json!({"name": 5}), "name"),
            ("/api/agents/a", json!({"name": "x".repeat(257)}), "name"),
            ("/api/agents/a", json!({"enabled": "yes"}), "enabled"),
            ("/api/agents/a", json!({"static": 1}), "static"),
            ("/api/agents/a", json!({"maxOpen": 0}), "maxOpen"),
            ("/api/agents/a", json!({"max_open": "5"}), "maxOpen"),
            ("/api/agents/handoffs", json!({}), "id"),
        ] {
            let refused = app.call(ENDPOINT, path, AGENT, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["detail"][0]["loc"]), (422, &json!(["body", field])));
        }
        let long = format!("/api/agents/{}", "x".repeat(1_000));
        assert_eq!(app.call(ENDPOINT, &long, AGENT, json!({})).await.status.as_u16(), 422);
        assert_eq!(app.call(crate::agent_get::ENDPOINT, &long, AGENT, Value::Null).await.status.as_u16(), 404);
    }
}
