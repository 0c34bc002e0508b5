//! `POST /decisions/{id}/executions/{execution_id}`: records how an execution ended, once.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::{Act, Decision, ExecutionOutcome, validate_execution_detail, validate_execution_id};
use handrail_domain::ids::{CommandId, RecordId};
use handrail_domain::lifecycle::Command;
use handrail_domain::time::Timestamp;
use handrail_records::transition::transition;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::TwoPathParams;
use handrail_web::json_body;
use handrail_web::json_body::Json;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::DOOR;
use crate::get::DECISION_NOT_FOUND;
use handrail_approvals::errors::{EXECUTION_NOT_FOUND, refusal_to_problem};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-execution",
    method: HttpMethod::Post,
    path: "/decisions/{id}/executions/{execution_id}",
    auth: Auth::ApiKey(Scope::DecisionsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::Transition],
    summary: "Record how an execution ended",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409])
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExecutionEnd")]
struct RequestBody {
    outcome: Option<ExecutionOutcome>,
    detail: Option<String>,
}

json_body!(RequestBody { outcome, detail });

/// Execution that has ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EndedExecution")]
struct EndedExecution {
    decision_id: RecordId,
    execution_id: String,
    consumed_at: Timestamp,
    outcome: ExecutionOutcome,
    detail: Option<String>,
    finished_at: Timestamp,
    /// True if an earlier request reported this end.
    replayed: bool,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsWrite>,
    TwoPathParams(id, execution_id): TwoPathParams,
    Json(body): Json<RequestBody>,
) -> Result<axum::Json<EndedExecution>, Problem> {
    let key = caller.key;
    let outcome = body.outcome.ok_or_else(|| Problem::invalid("outcome", "is required: succeeded or failed"))?;
    let detail = validate_execution_detail(body.detail)?;
    let id = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    check_key_limit(&cx, &key, RateLimitClass::OtherRequests).await?;
    let execution_id = validate_execution_id(Some(execution_id)).map_err(|_| EXECUTION_NOT_FOUND)?;
    let command = Command::<Decision> {
        id: CommandId::new(&format!("finish {}", cx.new_record_id()), &[]),
        actor: key.actor(),
        act: Act::Finish { execution_id, outcome, detail },
    };
    let applied = transition(&cx, key.tenant, id, &command).await;
    let applied = applied.map_err(|error| Problem::from_transition(error, "Decision", refusal_to_problem))?;
    let replayed = applied.is_repeat && applied.record.entry_of_command(&command.id).is_none();
    let consumption = applied.record.state_data.consumption.ok_or(Problem::Internal)?;
    let end = consumption.end.ok_or(Problem::Internal)?;
    Ok(axum::Json(EndedExecution {
        decision_id: id,
        execution_id: consumption.execution_id,
        consumed_at: consumption.consumed_at,
        outcome: end.outcome,
        detail: end.detail,
        finished_at: end.finished_at,
        replayed,
    }))
}
