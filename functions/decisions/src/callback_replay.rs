//! `POST /decisions/{id}/callback/replay`: calls that were given up are made again, with the bytes they had.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_domain::lifecycle::Lifecycle;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, JsonIfAny, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::{Delivery, DeliveryStatus, REPLAYS_MAX};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::deliveries::shown;
use crate::dialect::DIALECT;
use crate::get::NOT_FOUND;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-callback-replay",
    method: Verb::Post,
    path: "/decisions/{id}/callback/replay",
    auth: Auth::Key(Scope::DecisionsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::ReadDeliveries, Touch::ReplayDelivery],
    summary: "Make callbacks again that were given up",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

#[derive(Default, Deserialize, Serialize)]
struct Wire {
    /// One of them, even if it was delivered. Absent: all that were given up.
    delivery_id: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsWrite>,
    Segment(id): Segment,
    JsonIfAny(wire): JsonIfAny<Wire>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let tenant = caller.key.tenant;
    cx.store.record::<Decision>(tenant, id).await?.ok_or(NOT_FOUND)?;
    let deliveries = cx.store.deliveries(tenant, id).await?;
    let calls = deliveries.iter().filter(|delivery| delivery.is_call());
    let wanted: Vec<&Delivery> = match &wire.delivery_id {
        Some(id) => {
            let one = calls.into_iter().find(|delivery| delivery.id == *id);
            let one = one.ok_or_else(|| Problem::invalid("delivery_id", "names no callback of this decision"))?;
            if one.status == DeliveryStatus::Pending {
                return Err(nothing("This callback is still being tried: it needs no replay"));
            }
            vec![one]
        }
        None => calls.filter(|delivery| delivery.status == DeliveryStatus::Dead).collect(),
    };
    let mut replayed = Vec::new();
    for delivery in wanted {
        if delivery.replays >= REPLAYS_MAX {
            return Err(nothing(&format!("This callback was replayed {REPLAYS_MAX} times already")));
        }
        // Lost: another request replays it.
        if let Some(again) = cx.store.replay_delivery(tenant, id, Decision::KIND, delivery, cx.clock.now()).await? {
            replayed.push(shown(&again));
        }
    }
    if replayed.is_empty() {
        return Err(nothing("No callback of this decision was given up: there is nothing to replay"));
    }
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"replayed": replayed}))))
}

fn nothing(message: &str) -> Problem {
    Problem::refused(StatusCode::CONFLICT, "NOTHING_TO_REPLAY", message)
}
