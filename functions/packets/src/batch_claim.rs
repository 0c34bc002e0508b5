//! `POST /api/v1/packets/batch/claim`: claims many packets for an agent. Each succeeds or fails separately.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::BatchClaim;
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
    function: "packets-batch-claim",
    method: HttpMethod::Post,
    path: "/api/v1/packets/batch/claim",
    auth: Auth::ApiKey(Scope::PacketsWork),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::Transition],
    summary: "Claim many packets",
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
#[schemars(rename = "ClaimedBatch")]
struct ResponseBody {
    claimed: Vec<PacketView>,
    errors: Vec<BatchError>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsWork>,
    encoding: ResponseEncoding,
    body: Body<requests::ClaimBatch>,
) -> Result<Response, Problem> {
    let batch = body.read(&caller.key, BatchClaim::read)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let (claimed, errors) = packet_ops::run_batch(&cx, &caller.key, &batch.ids, &batch.claim.act(), encoding).await?;
    Ok(encoding.encode(&ResponseBody { claimed, errors })?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, TestApp, checkpoint_body, claim_body};

    #[tokio::test]
    async fn batch_claim_reports_each_packet_separately() {
        let app = TestApp::new().await;
        let (free, claimed, waiting) = (
            app.create_packet().await,
            app.create_claimed_packet().await,
            app.create_packet_with(checkpoint_body()).await,
        );
        let unknown = "018f0000-0000-7000-8000-000000000000";
        let mut body = claim_body("c-1");
        body["packet_ids"] = json!([claimed, free, waiting, unknown]);
        let response = app.call(ENDPOINT, "/api/v1/packets/batch/claim", AGENT, body).await;
        assert_eq!(response.status.as_u16(), 200, "{}", response.json);
        assert_eq!(response.json["claimed"].as_array().unwrap().len(), 1);
        assert_eq!(response.json["claimed"][0]["id"], json!(free));
        let expected = json!([
            {"packet_id": claimed, "error": "Already claimed by b-1"},
            {"packet_id": waiting, "error": "Cannot claim from status 'awaiting_human'"},
            {"packet_id": unknown, "error": format!("Packet {unknown} not found")},
        ]);
        assert_eq!(response.json["errors"], expected);
    }
}
