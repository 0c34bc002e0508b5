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

fn shown(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "purpose": delivery.purpose,
        "to": delivery.to,
        "status": delivery.status,
        "created_at": delivery.created_at,
        "next_attempt_at": delivery.next_attempt_at,
        "attempts": delivery.attempts,
    })
}
