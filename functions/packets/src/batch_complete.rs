//! `POST /api/v1/packets/batch/complete`: completes many packets. Each succeeds or fails separately.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::{Act, State as PacketState, read_batch_ids};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use crate::body::Body;
use crate::door::DOOR;
use crate::packet_ops::{self, BatchError};
use crate::requests;
use crate::response_encoding::ResponseEncoding;
use crate::view::PacketView;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-batch-complete",
    method: HttpMethod::Post,
    path: "/api/v1/packets/batch/complete",
    auth: Auth::ApiKey(Scope::PacketsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::Transition],
    summary: "Complete many packets",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).json::<ResponseBody>(200)
}

/// Result of the batch.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CompletedBatch")]
struct ResponseBody {
    completed: Vec<PacketView>,
    errors: Vec<BatchError>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsWrite>,
    encoding: ResponseEncoding,
    body: Body<requests::PacketIds>,
) -> Result<Response, Problem> {
    let ids = body.read(&caller.key, read_batch_ids)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let act = Act::Move { to: PacketState::Completed, edit: None, in_batch: true };
    let (completed, errors) = packet_ops::run_batch(&cx, &caller.key, &ids, &act, encoding).await?;
    Ok(encoding.encode(&ResponseBody { completed, errors })?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{TestApp, WRITER};

    #[tokio::test]
    async fn batch_complete_refuses_unclaimed_packets() {
        let app = TestApp::new().await;
        let (unclaimed, claimed) = (app.create_packet().await, app.create_claimed_packet().await);
        let response = app
            .call(ENDPOINT, "/api/v1/packets/batch/complete", WRITER, json!({"packet_ids": [unclaimed, claimed]}))
            .await;
        assert_eq!(response.json["completed"].as_array().unwrap().len(), 1, "{}", response.json);
        assert_eq!(
            (&response.json["completed"][0]["id"], &response.json["completed"][0]["status"]),
            (&json!(claimed), &json!("completed"))
        );
        let error = response.json["errors"][0]["error"].as_str().unwrap();
        assert!(error.starts_with("Cannot transition from 'created' to 'completed'"), "{error}");
        let last = json!(
            crate::history_entry::HistoryEntry::from_log_entry(
                claimed,
                app.get_record(claimed).await.newest().unwrap(),
            )
            .unwrap()
            .into_history_view()
        );
        assert_eq!(
            (&last["actor"], &last["details"]),
            (&json!("system:batch_complete"), &json!({"from_status": "claimed"}))
        );
    }
}
