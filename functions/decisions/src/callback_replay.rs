//! `POST /decisions/{id}/callback/replay`: replays callbacks that are dead letters, with their original bodies.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_domain::lifecycle::Lifecycle;
use handrail_store::{Delivery, DeliveryStatus, REPLAYS_MAX};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::json_body;
use handrail_web::json_body::OptionalJson;
use handrail_web::json_response::Accepted;
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::deliveries::DeliveryView;
use crate::door::DOOR;
use crate::get::DECISION_NOT_FOUND;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-callback-replay",
    method: HttpMethod::Post,
    path: "/decisions/{id}/callback/replay",
    auth: Auth::ApiKey(Scope::DecisionsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::Read,
        DataAccess::ReadDeliveries,
        DataAccess::ReplayDelivery,
    ],
    summary: "Replay callbacks that failed for good",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409])
}

#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "CallbackReplay")]
struct RequestBody {
    /// The callback to replay, even if it was delivered. If absent, all dead letters are replayed.
    delivery_id: Option<String>,
}

json_body!(RequestBody { delivery_id });

/// Callbacks that are sent again.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReplayedCallbacks")]
struct ResponseBody {
    replayed: Vec<DeliveryView>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsWrite>,
    PathParam(id): PathParam,
    OptionalJson(body): OptionalJson<RequestBody>,
) -> Result<Accepted<ResponseBody>, Problem> {
    let id = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let tenant = caller.key.tenant;
    cx.store.record::<Decision>(tenant, id).await?.ok_or(DECISION_NOT_FOUND)?;
    let deliveries = cx.store.deliveries(tenant, id).await?;
    let callbacks = deliveries.iter().filter(|delivery| delivery.is_signed());
    let to_replay: Vec<&Delivery> = match &body.delivery_id {
        Some(id) => {
            let callback = callbacks.into_iter().find(|delivery| delivery.id == *id);
            let callback =
                callback.ok_or_else(|| Problem::invalid("delivery_id", "is not a callback of this decision"))?;
            if callback.status == DeliveryStatus::Pending {
                return Err(nothing_to_replay("This callback is still being tried and needs no replay"));
            }
            vec![callback]
        }
        None => callbacks.filter(|delivery| delivery.status == DeliveryStatus::DeadLetter).collect(),
    };
    let mut replayed = Vec::new();
    for delivery in to_replay {
        if delivery.replays >= REPLAYS_MAX {
            return Err(nothing_to_replay(&format!("This callback was already replayed {REPLAYS_MAX} times")));
        }
        // Without a result, another request replayed the callback first.
        if let Some(delivery) = cx.store.replay_delivery(tenant, id, Decision::KIND, delivery, cx.clock.now()).await? {
            replayed.push(DeliveryView::from(delivery));
        }
    }
    if replayed.is_empty() {
        return Err(nothing_to_replay("No callback of this decision failed for good"));
    }
    Ok(Accepted(ResponseBody { replayed }))
}

fn nothing_to_replay(message: &str) -> Problem {
    Problem::refused(StatusCode::CONFLICT, "NOTHING_TO_REPLAY", message)
}
