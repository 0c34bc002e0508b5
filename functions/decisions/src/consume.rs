//! `POST /decisions/{id}/consume`: uses an approval for one execution. The first program wins, and a repeat by the same
//! program for the same execution gets the same result.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::{Act, ConsumeRequest, Decision, validate_action_hash, validate_execution_id};
use handrail_domain::ids::{CommandId, RecordId};
use handrail_domain::lifecycle::Command;
use handrail_domain::time::Timestamp;
use handrail_records::transition::transition;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::json_body;
use handrail_web::json_body::Json;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::DOOR;
use crate::get::DECISION_NOT_FOUND;
use crate::receipt_issuer;
use handrail_approvals::errors::{field_errors_to_problem, refusal_to_problem};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-consume",
    method: HttpMethod::Post,
    path: "/decisions/{id}/consume",
    auth: Auth::ApiKey(Scope::DecisionsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Receipts), RequiredSetting::Origin],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::Read,
        DataAccess::Transition,
        DataAccess::StorePublicKey,
    ],
    summary: "Use an approval for one execution",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409, 410])
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Use")]
struct RequestBody {
    /// Name of the execution, which a repeat has too.
    execution_id: Option<String>,
    /// Hash of the action that will be carried out.
    action_hash: Option<String>,
}

json_body!(RequestBody { execution_id, action_hash });

/// Use of an approval.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsedApproval")]
struct UsedApproval {
    decision_id: RecordId,
    execution_id: String,
    consumed_at: Timestamp,
    /// True if this execution used the approval in an earlier request.
    replayed: bool,
    /// Receipt of the decision.
    receipt: String,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsWrite>,
    PathParam(id): PathParam,
    Json(body): Json<RequestBody>,
) -> Result<axum::Json<UsedApproval>, Problem> {
    let key = caller.key;
    let (execution_id, action_hash) =
        match (validate_execution_id(body.execution_id), validate_action_hash(body.action_hash)) {
            (Ok(execution_id), Ok(action_hash)) => (execution_id, action_hash),
            (id, hash) => return Err(field_errors_to_problem([id.err(), hash.err()].into_iter().flatten().collect())),
        };
    let id = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    check_key_limit(&cx, &key, RateLimitClass::OtherRequests).await?;
    let command = Command::<Decision> {
        id: CommandId::new(&format!("consume {}", cx.new_record_id()), &[]),
        actor: key.actor(),
        act: Act::Consume(ConsumeRequest { execution_id, action_hash, key_name: key.name.clone() }),
    };
    let applied = transition(&cx, key.tenant, id, &command).await;
    let applied = applied.map_err(|error| Problem::from_transition(error, "Decision", refusal_to_problem))?;
    // After a write with an unknown outcome, this request may find its own event. That is no repeat.
    let replayed = applied.is_repeat && applied.record.entry_of_command(&command.id).is_none();
    let receipt = receipt_issuer::issue(&cx, &applied.record).await?.ok_or(Problem::Internal)?;
    let consumption = applied.record.state_data.consumption.ok_or(Problem::Internal)?;
    Ok(axum::Json(UsedApproval {
        decision_id: id,
        execution_id: consumption.execution_id,
        consumed_at: consumption.consumed_at,
        replayed,
        receipt: receipt.signed,
    }))
}
