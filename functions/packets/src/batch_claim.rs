//! `POST /api/v1/packets/batch/claim`: an agent takes many packets, each for itself.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::packet::BatchClaim;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;

use crate::body::Body;
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::packing::Packing;
use crate::shelf;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-batch-claim",
    method: Verb::Post,
    path: "/api/v1/packets/batch/claim",
    auth: Auth::Key(Scope::PacketsWork),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move],
    summary: "Take many packets",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsWork>,
    packing: Packing,
    body: Body,
) -> Result<Response, Problem> {
    let batch = body.read(&caller.key, BatchClaim::read)?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    shelf::act_on_each(&cx, &caller.key, &batch.ids, &batch.claim.act(), packing, "claimed").await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Desk, checkpoint, claim};

    #[tokio::test]
    async fn each_is_taken_or_refused_for_itself() {
        let desk = Desk::new().await;
        let (free, held, waiting) = (desk.made().await, desk.claimed().await, desk.made_of(checkpoint()).await);
        let nothing = "018f0000-0000-7000-8000-000000000000";
        let mut body = claim("c-1");
        body["packet_ids"] = json!([held, free, waiting, nothing]);
        let taken = desk.call(ENDPOINT, "/api/v1/packets/batch/claim", AGENT, body).await;
        assert_eq!(taken.status.as_u16(), 200, "{}", taken.json);
        assert_eq!(taken.json["claimed"].as_array().unwrap().len(), 1);
        assert_eq!(taken.json["claimed"][0]["id"], json!(free));
        let expected = json!([
            {"packet_id": held, "error": "Already claimed by b-1"},
            {"packet_id": waiting, "error": "Cannot claim from status 'awaiting_human'"},
            {"packet_id": nothing, "error": format!("Packet {nothing} not found")},
        ]);
        assert_eq!(taken.json["errors"], expected);
    }
}
