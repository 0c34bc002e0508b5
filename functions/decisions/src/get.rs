//! `GET /decisions/{id}`: how it stands. Never changes anything: what is overdue is seen as expired without being written.

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
use serde_json::Value;

use crate::dialect::DIALECT;
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-get",
    method: Verb::Get,
    path: "/decisions/{id}",
    auth: Auth::Key(Scope::DecisionsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read],
    summary: "See how a decision stands",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub(crate) const NOT_FOUND: Problem = Problem::NotFound { what: "Decision" };

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsRead>,
    Segment(id): Segment,
) -> Result<axum::Json<Value>, Problem> {
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &caller.key, Budget::Reads(id)).await?;
    let record = cx.store.record::<Decision>(caller.key.tenant, id).await?.ok_or(NOT_FOUND)?;
    let now = cx.clock.now();
    Ok(axum::Json(view::whole(&record.seen_at(now), now)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Desk, MINUTE_MS, NOON};

    #[tokio::test]
    async fn a_decision_is_shown_whole() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let seen = desk.call(ENDPOINT, &format!("/decisions/{id}"), AGENT, Value::Null).await;
        let expected = json!({
            "id": id,
            "status": "pending",
            "action": "Refund order 1234",
            "context": "Wrong size, twice.",
            "approver": "ann@example.com",
            "urgency": "medium",
            "channel": "email",
            "options": ["approve", "deny", "modify"],
            "timeout_minutes": 60,
            "amount": null,
            "callback_url": "https://agent.example/hook",
            "enforce": false,
            "created_at": NOON,
            "expires_at": NOON.plus_ms(60 * MINUTE_MS),
            "resolved_at": null,
            "resolved_by": null,
            "response_notes": null,
            "response_data": null,
            "execute_at": null,
            "response_type": null,
            "context_images": null,
            "attachments": [],
        });
        assert_eq!((seen.status.as_u16(), seen.json), (200, expected));
    }

    #[tokio::test]
    async fn an_overdue_decision_is_seen_as_expired_and_nothing_is_written() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let before = desk.record(id).await;
        desk.advance(60);
        let seen = desk.call(ENDPOINT, &format!("/decisions/{id}"), AGENT, Value::Null).await;
        assert_eq!((seen.status.as_u16(), &seen.json["status"]), (200, &json!("expired")));
        assert_eq!(desk.record(id).await, before);
    }
}
