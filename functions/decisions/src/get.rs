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
    Ok(axum::Json(view::whole(&record.seen_at(cx.clock.now()))))
}
