//! `POST /api/v1/packets/batch/complete`: many packets are done, each for itself.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::packet::{Act, State as PacketState, read_batch_ids};
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
    function: "packets-batch-complete",
    method: Verb::Post,
    path: "/api/v1/packets/batch/complete",
    auth: Auth::Key(Scope::PacketsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move],
    summary: "Finish many packets",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsWrite>,
    packing: Packing,
    body: Body,
) -> Result<Response, Problem> {
    let ids = body.read(&caller.key, read_batch_ids)?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let act = Act::Move { to: PacketState::Completed, edit: None, in_batch: true };
    shelf::act_on_each(&cx, &caller.key, &ids, &act, packing, "completed").await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Desk};

    #[tokio::test]
    async fn what_nobody_took_is_not_done() {
        let desk = Desk::new().await;
        let (free, held) = (desk.made().await, desk.claimed().await);
        let done =
            desk.call(ENDPOINT, "/api/v1/packets/batch/complete", AGENT, json!({"packet_ids": [free, held]})).await;
        assert_eq!(done.json["completed"].as_array().unwrap().len(), 1, "{}", done.json);
        assert_eq!(
            (&done.json["completed"][0]["id"], &done.json["completed"][0]["status"]),
            (&json!(held), &json!("completed"))
        );
        let error = done.json["errors"][0]["error"].as_str().unwrap();
        assert!(error.starts_with("Cannot transition from 'created' to 'completed'"), "{error}");
        let last = crate::told::Told::of(held, desk.record(held).await.newest().unwrap()).unwrap().in_history();
        assert_eq!(
            (&last["actor"], &last["details"]),
            (&json!("system:batch_complete"), &json!({"from_status": "claimed"}))
        );
    }
}
