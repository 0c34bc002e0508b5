//! `GET /decisions/{id}/deliveries`: what was sent because of a decision, and what each attempt brought.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Delivery;
use serde_json::{Value, json};

use crate::dialect::DIALECT;
use crate::get::NOT_FOUND;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-deliveries",
    method: Verb::Get,
    path: "/decisions/{id}/deliveries",
    auth: Auth::Key(Scope::DecisionsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::ReadDeliveries],
    summary: "See what was sent because of a decision, with every attempt",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsRead>,
    Segment(id): Segment,
) -> Result<axum::Json<Value>, Problem> {
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &caller.key, Budget::Reads(id)).await?;
    let tenant = caller.key.tenant;
    cx.store.record::<Decision>(tenant, id).await?.ok_or(NOT_FOUND)?;
    let deliveries: Vec<Value> = cx.store.deliveries(tenant, id).await?.iter().map(shown).collect();
    Ok(axum::Json(json!({"deliveries": deliveries})))
}

pub(crate) fn shown(delivery: &Delivery) -> Value {
    let mut body = json!({
        "id": delivery.id,
        "purpose": delivery.purpose,
        "to": delivery.to,
        "status": delivery.status,
        "created_at": delivery.created_at,
        "next_attempt_at": delivery.next_attempt_at,
        "attempts": delivery.attempts,
        "replays": delivery.replays,
    });
    if let (Some(posting), Value::Object(members)) = (&delivery.slack, &mut body) {
        members.insert("slack".to_owned(), json!(posting));
    }
    body
}

#[cfg(test)]
mod tests {
    use handrail_domain::effect::Purpose;
    use handrail_kernel::store::{Attempt, DeliveryKey};

    use super::*;
    use crate::testing::{AGENT, Desk, NOON, tenant};

    #[tokio::test]
    async fn every_attempt_is_shown_and_what_was_sent_is_not() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let path = format!("/decisions/{id}/deliveries");
        assert_eq!(desk.call(ENDPOINT, &path, AGENT, Value::Null).await.json, json!({"deliveries": []}));

        let key = DeliveryKey { tenant: tenant(), record: id, seq: 2, purpose: Purpose::AnnounceResolved, hook: None };
        let fresh = Delivery::fresh(key, "https://agent.example/hook", "{}", NOON);
        let mut tried = desk.cx.store.open_delivery(key, fresh).await.unwrap();
        tried.attempts.push(Attempt { at: NOON, status: Some(503), error: Some("full".to_owned()), took_ms: 7 });
        tried.next_attempt_at = Some(NOON.plus_ms(5_000));
        assert!(desk.cx.store.record_attempt(key, &tried).await.unwrap());

        let shown = desk.call(ENDPOINT, &path, AGENT, Value::Null).await;
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
        assert_eq!((shown.status.as_u16(), shown.json), (200, expected));
    }
}
