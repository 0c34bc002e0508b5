//! `GET /decisions/{id}/attachments`: the files beside a request.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, OwnOrigin, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use super::all;
use crate::dialect::DIALECT;
use crate::get::NOT_FOUND;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-attachments-list",
    method: Verb::Get,
    path: "/decisions/{id}/attachments",
    auth: Auth::Key(Scope::DecisionsRead),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::OwnOrigin],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read],
    summary: "List the files beside a request",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsRead>,
    Segment(id): Segment,
    OwnOrigin(origin): OwnOrigin,
) -> Result<axum::Json<Value>, Problem> {
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &caller.key, Budget::Reads(id)).await?;
    let record = cx.store.record::<Decision>(caller.key.tenant, id).await?.ok_or(NOT_FOUND)?;
    Ok(axum::Json(all(&cx, &origin, &record)?))
}
