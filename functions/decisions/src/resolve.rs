//! `POST /decisions/{id}/resolve`: an answer by API, from a program of the team's own. The first one counts.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Choice, Decision, check_given};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Command;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, IdempotencyKey, Json, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::transition::transition;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dialect::{DIALECT, invalid, refused};
use crate::get::NOT_FOUND;
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-resolve",
    method: Verb::Post,
    path: "/decisions/{id}/resolve",
    auth: Auth::Key(Scope::DecisionsResolve),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move],
    summary: "Answer a decision by API",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

#[derive(Deserialize, Serialize)]
struct Wire {
    action: Option<Choice>,
    notes: Option<String>,
    response_data: Option<Value>,
    resolved_by: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsResolve>,
    Segment(id): Segment,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(wire): Json<Wire>,
) -> Result<axum::Json<Value>, Problem> {
    let key = caller.key;
    let content = serde_json::to_vec(&wire).map_err(|_| Problem::Broken)?;
    let choice = wire.action.ok_or_else(|| Problem::invalid("action", "is required: approve, deny or modify"))?;
    let given = check_given(wire.resolved_by, wire.notes, wire.response_data).map_err(invalid)?;
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &key, Budget::Calls).await?;
    let name = match idempotency_key {
        Some(name) => format!("{} {name}", key.id),
        None => cx.new_record_id().to_string(),
    };
    let command = Command::<Decision> {
        id: CommandId::new(&name, &content),
        actor: Actor::Key { key: key.id, role: key.role },
        act: Act::Answer(choice, given),
    };
    let applied = transition(&cx, key.tenant, id, &command).await;
    let applied = applied.map_err(|stop| stop.into_problem("Decision", refused))?;
    Ok(axum::Json(view::whole(&applied.record)))
}
