//! Use of an approval: until when, by whom, and for what.

use super::consumption::{ConsumeRequest, Consumption, ExecutionOutcome};
use super::event::{DecisionEvent, Refusal};
use super::spec::DecisionSpec;
use super::state_data::{Phase, StateData};
use crate::access::Scope;
use crate::actor::Actor;
use crate::time::Timestamp;

/// Returns the time from which an approval no longer permits the action. `None` if there is no approval, or no such time.
///
/// The time counts from the approval; of an approval for later, from the time for which it was given.
pub(super) fn valid_until(spec: &DecisionSpec, state_data: &StateData) -> Option<Timestamp> {
    let (Phase::Approved(approval) | Phase::Modified(approval) | Phase::Scheduled(approval)) = &state_data.phase else {
        return None;
    };
    let from = approval.answer.execute_at.unwrap_or(approval.at);
    spec.valid_for_seconds.map(|seconds| from.plus_ms(i64::from(seconds) * 1_000))
}

/// Order: the program may use the approval, its action is the approved one, no other execution has used the approval, and the
/// approval counts now.
pub(super) fn consume(
    spec: &DecisionSpec,
    state_data: &StateData,
    request: &ConsumeRequest,
    actor: &Actor,
    now: Timestamp,
) -> Result<DecisionEvent, Refusal> {
    let may_consume = match actor {
        // A key that may resolve decisions belongs to the team, for example to the program that carries actions out.
        Actor::Key { key, role } => *key == spec.asked_by || role.allows(Scope::DecisionsResolve),
        Actor::Person { .. } | Actor::Policy { .. } | Actor::Anonymous | Actor::Timer | Actor::System => false,
    };
    if !may_consume {
        return Err(Refusal::NotExecutor);
    }
    let approved = spec.action_hash();
    if request.action_hash != approved {
        return Err(Refusal::ActionMismatch { approved });
    }
    if let Some(consumption) = &state_data.consumption {
        return Err(Refusal::AlreadyConsumed(Box::new(consumption.clone())));
    }
    let execute_at = state_data.outcome().and_then(|outcome| outcome.answer.execute_at);
    if let Some(from) = execute_at.filter(|from| now < *from) {
        return Err(Refusal::NotYetApproved { from });
    }
    match valid_until(spec, state_data).filter(|end| now >= *end) {
        Some(at) => Err(Refusal::ApprovalExpired { at }),
        None => Ok(DecisionEvent::Consumed {
            execution_id: request.execution_id.clone(),
            key_name: request.key_name.clone(),
        }),
    }
}

pub(super) fn finish(
    state_data: &StateData,
    execution_id: &str,
    outcome: ExecutionOutcome,
    detail: &Option<String>,
    actor: &Actor,
) -> Result<DecisionEvent, Refusal> {
    let consumption = state_data.consumption.as_ref();
    let consumption = consumption.filter(|consumption| consumption.execution_id == execution_id);
    let consumption = consumption.ok_or(Refusal::UnknownExecution)?;
    if !may_finish(consumption, actor) {
        return Err(Refusal::NotExecutor);
    }
    match &consumption.end {
        Some(end) => Err(Refusal::AlreadyFinished(end.clone())),
        None => Ok(DecisionEvent::Executed { execution_id: execution_id.to_owned(), outcome, detail: detail.clone() }),
    }
}

/// Returns `true` for the key that consumed, and for keys that may resolve decisions.
pub(super) fn may_finish(consumption: &Consumption, actor: &Actor) -> bool {
    match actor {
        Actor::Key { key, role } => *key == consumption.key || role.allows(Scope::DecisionsResolve),
        Actor::Person { .. } | Actor::Policy { .. } | Actor::Anonymous | Actor::Timer | Actor::System => false,
    }
}
