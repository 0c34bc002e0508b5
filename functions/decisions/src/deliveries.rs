//! `GET /decisions/{id}/deliveries`: lists the deliveries of a decision with the result of every attempt.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_domain::effect::Purpose;
use handrail_domain::time::Timestamp;
use handrail_store::{Attempt, Delivery, DeliveryStatus, SlackMessageRef};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;
use handrail_web::record_reads::limited_read;
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::DOOR;
use crate::get::DECISION_NOT_FOUND;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-deliveries",
    method: HttpMethod::Get,
    path: "/decisions/{id}/deliveries",
    auth: Auth::ApiKey(Scope::DecisionsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::ReadDeliveries],
    summary: "List the deliveries of a decision with every attempt",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsRead>,
    PathParam(id): PathParam,
) -> Result<axum::Json<ResponseBody>, Problem> {
    let id = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    let tenant = caller.key.tenant;
    let read = async { cx.store.record::<Decision>(tenant, id).await?.ok_or(DECISION_NOT_FOUND) };
    limited_read(&cx, &caller.key, id, read).await?;
    let deliveries = cx.store.deliveries(tenant, id).await?.into_iter().map(DeliveryView::from).collect();
    Ok(axum::Json(ResponseBody { deliveries }))
}

/// Deliveries of a decision.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DecisionDeliveries")]
struct ResponseBody {
    deliveries: Vec<DeliveryView>,
}

/// JSON view of a delivery.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
pub(crate) struct DeliveryView {
    id: String,
    purpose: Purpose,
    /// URL or mail address.
    to: String,
    status: DeliveryStatus,
    created_at: Timestamp,
    next_attempt_at: Option<Timestamp>,
    attempts: Vec<Attempt>,
    /// Number of requested replays.
    replays: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    slack: Option<SlackMessageRef>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            purpose: delivery.purpose,
            to: delivery.to,
            status: delivery.status,
            created_at: delivery.created_at,
            next_attempt_at: delivery.next_attempt_at,
            attempts: delivery.attempts,
            replays: delivery.replays,
            slack: delivery.slack,
        }
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::decision::CallbackPurpose;
    use handrail_store::{Attempt, DeliveryKey};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{AGENT, NOON, TestApp, tenant};

    #[tokio::test]
    async fn deliveries_list_every_attempt_without_the_body() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let path = format!("/decisions/{id}/deliveries");
        assert_eq!(app.call(ENDPOINT, &path, AGENT, Value::Null).await.json, json!({"deliveries": []}));

        let key = DeliveryKey {
            tenant: tenant(),
            record: id,
            seq: 2,
            purpose: CallbackPurpose::Resolved.purpose(),
            webhook: None,
        };
        let delivery = Delivery::new(key, "https://agent.example/hook", "{}", NOON);
        let mut attempted = app.cx.store.put_or_get_delivery(key, delivery).await.unwrap();
        attempted.attempts.push(Attempt { at: NOON, status: Some(503), error: Some("full".to_owned()), took_ms: 7 });
        attempted.next_attempt_at = Some(NOON.plus_ms(5_000));
        assert!(app.cx.store.record_attempt(key, &attempted).await.unwrap());

        let response = app.call(ENDPOINT, &path, AGENT, Value::Null).await;
        let expected = json!({"deliveries": [{
            "id": key.id(),
            "purpose": "announce-resolved",
            "to": "https://agent.example/hook",
            "status": "pending",
            "created_at": NOON,
            "next_attempt_at": NOON.plus_ms(5_000),
            "attempts": [{"at": NOON, "status": 503, "error": "full", "took_ms": 7}],
            "replays": 0,
        }]});
        assert_eq!((response.status.as_u16(), response.json), (200, expected));
    }
}
