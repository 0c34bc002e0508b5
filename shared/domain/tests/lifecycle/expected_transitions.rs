//! Expected result of a command, written as plain conditions without the lifecycle table.

use handrail_domain::actor::Actor;
use handrail_domain::answer_origin::{AnswerOrigin, ResolvedVia};
use handrail_domain::decision::{
    Act, Answer, Cancelled, Choice, Consumption, Decision, DecisionEvent, ExecutionEnd, Expiry, Outcome, Phase,
    Refusal, State, StateData, SubmittedAnswer,
};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::{Value, json};

use super::fixtures::{APPROVER, BACKUP, EXECUTE_AT, FIRST_DEADLINE, RequestedData, Setup, TestActor, approved_hash};

#[derive(Debug, PartialEq)]
pub(crate) enum Expected {
    /// This deadline has passed: its timer leads to this state with this event, and the command does nothing yet.
    TimerFires(Timestamp, State, DecisionEvent),
    /// The command leads to this state and appends this event.
    Accepted(State, DecisionEvent),
    Refused(Refusal),
    /// The answer does not match the spec because of this field.
    AnswerMismatch(&'static str),
}

pub(crate) fn expected(
    record: &Record<Decision>,
    setup: &Setup,
    act: &Act,
    actor: TestActor,
    now: Timestamp,
) -> Expected {
    let state = record.state();
    let last = setup.last_deadline();
    if matches!(act, Act::Consume(_) | Act::Finish { .. }) && !is_open(state) {
        return expected_use(record, act, actor, now);
    }
    // An answered record refuses every other command and names the resolver.
    if let Some(outcome) = record.state_data.outcome() {
        let by = outcome.answer.resolved_by.clone();
        // The records of these tests were answered by the link in the mail.
        let origin = Some(AnswerOrigin {
            resolved_via: ResolvedVia::MailLink,
            resolved_with_key: None,
            resolved_with_key_name: None,
            answered_by_asker: false,
        });
        return Expected::Refused(Refusal::AlreadyAnswered { state, by, at: outcome.at, origin });
    }
    // A cancelled record refuses as cancelled, also after its deadline.
    if let Some(cancelled) = record.state_data.cancelled() {
        return Expected::Refused(Refusal::Cancelled { at: cancelled.at });
    }
    // An expired record stays expired.
    if state == State::Expired {
        return Expected::Refused(Refusal::Expired { at: last });
    }
    // From its first deadline on, a pending record goes to the backup, if the record has a backup.
    if state == State::Pending && setup.backup && now >= FIRST_DEADLINE {
        return Expected::TimerFires(FIRST_DEADLINE, State::Escalated, DecisionEvent::Escalated);
    }
    // At or after the last deadline no command counts: the record expires.
    if now >= last {
        return Expected::TimerFires(last, State::Expired, DecisionEvent::Expired);
    }
    match act {
        // An approval is used after it was given.
        Act::Consume(_) => Expected::Refused(Refusal::NotApproved { state }),
        Act::Finish { .. } => Expected::Refused(Refusal::UnknownExecution),
        // Only timers escalate and expire, and no timer is due before its deadline.
        Act::Escalate | Act::Expire => Expected::Refused(Refusal::Expired { at: last }),
        // At most five files. A request that exceeds the limit adds none.
        Act::Attach(files) => match record.state_data.attachments.len() {
            have if have + files.len() > 5 => {
                Expected::Refused(Refusal::TooManyAttachments { have, more: files.len() })
            }
            _ => Expected::Accepted(state, DecisionEvent::Attached { files: files.clone() }),
        },
        // The requester cancels, or a key that may answer.
        Act::Cancel { reason } => match actor {
            TestActor::AgentKey | TestActor::AppKey | TestActor::AdminKey => {
                Expected::Accepted(State::Expired, DecisionEvent::Cancelled { reason: reason.clone() })
            }
            _ => Expected::Refused(Refusal::NotRequester),
        },
        Act::Answer(choice, submitted) => expected_answer(state, setup, *choice, submitted, actor, now),
    }
}

/// Expects the result of using the approval of a settled record, or of reporting the end of that use.
fn expected_use(record: &Record<Decision>, act: &Act, actor: TestActor, now: Timestamp) -> Expected {
    let state = record.state();
    let is_approved = matches!(state, State::Approved | State::Modified | State::Scheduled);
    let consumption = record.state_data.consumption.as_ref();
    // The key that asked, and those that may answer. Here the key that asked is also the one that consumed.
    let may_use = matches!(actor, TestActor::AgentKey | TestActor::AppKey | TestActor::AdminKey);
    match act {
        Act::Consume(_) if !is_approved => Expected::Refused(Refusal::NotApproved { state }),
        Act::Consume(_) if !may_use => Expected::Refused(Refusal::NotExecutor),
        Act::Consume(request) if request.action_hash != approved_hash() => {
            Expected::Refused(Refusal::ActionMismatch { approved: approved_hash() })
        }
        Act::Consume(request) => match consumption {
            Some(consumption) => Expected::Refused(Refusal::AlreadyConsumed(Box::new(consumption.clone()))),
            None if state == State::Scheduled && now < EXECUTE_AT => {
                Expected::Refused(Refusal::NotYetApproved { from: EXECUTE_AT })
            }
            None => {
                let (execution_id, key_name) = (request.execution_id.clone(), request.key_name.clone());
                Expected::Accepted(state, DecisionEvent::Consumed { execution_id, key_name })
            }
        },
        Act::Finish { execution_id, outcome, detail } => match consumption {
            Some(consumption) if consumption.execution_id == *execution_id => match &consumption.end {
                _ if !may_use => Expected::Refused(Refusal::NotExecutor),
                Some(end) => Expected::Refused(Refusal::AlreadyFinished(end.clone())),
                None => {
                    let (execution_id, outcome, detail) = (execution_id.clone(), *outcome, detail.clone());
                    Expected::Accepted(state, DecisionEvent::Executed { execution_id, outcome, detail })
                }
            },
            _ => Expected::Refused(Refusal::UnknownExecution),
        },
        _ => panic!("{act:?} uses no approval"),
    }
}

fn expected_answer(
    state: State,
    setup: &Setup,
    choice: Choice,
    submitted: &SubmittedAnswer,
    actor: TestActor,
    now: Timestamp,
) -> Expected {
    // Timers never answer.
    if actor == TestActor::Timer {
        return Expected::Refused(Refusal::NotCurrentApprover);
    }
    // Only the current approver answers: the approver first, then the backup.
    let (current_approvers, address): (&[TestActor], _) = match state {
        State::Pending => (&[TestActor::Approver, TestActor::ApproverOnSlack], APPROVER),
        _ if setup.backup => (&[TestActor::Backup], BACKUP),
        _ => (&[], APPROVER),
    };
    if actor.is_person() && !current_approvers.contains(&actor) {
        return Expected::Refused(Refusal::NotCurrentApprover);
    }
    // The tenant may forbid the key that asked to answer.
    let forbids = submitted.key.as_ref().is_some_and(|key| !key.askers_may_answer);
    if actor == TestActor::AgentKey && forbids {
        return Expected::Refused(Refusal::AskerMayNotAnswer);
    }
    // Only offered options can be chosen.
    if !setup.options.contains(&choice) {
        return Expected::Refused(Refusal::NotOffered { choice, offered: setup.options.clone() });
    }
    // `execute_at` is accepted only if the spec requests a time.
    let requests_time = matches!(setup.requested_data, RequestedData::Time { .. });
    if submitted.execute_at.is_some() && !requests_time {
        return Expected::AnswerMismatch("execute_at");
    }
    // A person who chooses `modify` has to give notes.
    if actor.is_person() && choice == Choice::Modify && submitted.notes.is_none() {
        return Expected::AnswerMismatch("notes");
    }
    // `resolved_by` is a person's address, `policy` for a rule, and for a key the submitted name or the current
    // approver's address.
    let name = match (actor, &submitted.resolved_by) {
        (TestActor::Approver, _) => "Ann@Example.com",
        (TestActor::Backup, _) => BACKUP,
        (TestActor::ApproverOnSlack, _) => APPROVER,
        (TestActor::Policy, _) => "policy",
        (_, Some(name)) => name,
        (_, None) => address,
    };
    let (notes, response_data) = (submitted.notes.clone(), submitted.response_data.clone());
    // The name of the key is recorded if a key answers.
    let is_key = matches!(actor, TestActor::AgentKey | TestActor::AppKey | TestActor::AdminKey);
    let key_name = submitted.key.as_ref().filter(|_| is_key).map(|key| key.name.clone());
    let answer = Answer { resolved_by: name.to_owned(), notes, response_data, key_name, ..Answer::default() };
    match choice {
        Choice::Deny => Expected::Accepted(State::Denied, DecisionEvent::Denied(answer)),
        Choice::Modify => Expected::Accepted(State::Modified, DecisionEvent::Modified(answer)),
        Choice::Approve => match setup.requested_data {
            RequestedData::Nothing => Expected::Accepted(State::Approved, DecisionEvent::Approved(answer)),
            RequestedData::Number => expected_number_answer(answer, actor),
            RequestedData::Time { allow_immediate } => {
                expected_schedule_answer(answer, submitted, allow_immediate, now)
            }
        },
    }
}

/// Expects a number from 1 to 10, which only programs may omit. A person's number also becomes the notes.
fn expected_number_answer(answer: Answer, actor: TestActor) -> Expected {
    let answer = match answer.response_data.as_ref().map(|data| data.get("value").and_then(Value::as_i64)) {
        None if !actor.is_person() => answer,
        Some(Some(value)) if (1..=10).contains(&value) => {
            let number_as_notes = actor.is_person().then(|| value.to_string());
            let notes = answer.notes.or(number_as_notes);
            Answer { notes, response_data: Some(json!({"value": value})), ..answer }
        }
        _ => return Expected::AnswerMismatch("response_data"),
    };
    Expected::Accepted(State::Approved, DecisionEvent::Approved(answer))
}

/// Expects a future time to schedule, and a past or missing time to approve now if `allow_immediate` is set. The
/// response data is dropped.
fn expected_schedule_answer(
    answer: Answer,
    submitted: &SubmittedAnswer,
    allow_immediate: bool,
    now: Timestamp,
) -> Expected {
    let answer = Answer { response_data: None, ..answer };
    let execute_at =
        submitted.execute_at.as_ref().map(|text| if *text == EXECUTE_AT.to_string() { EXECUTE_AT } else { now });
    match execute_at {
        Some(at) if at > now => {
            let answer = Answer { execute_at: Some(at), ..answer };
            Expected::Accepted(State::Scheduled, DecisionEvent::Scheduled(answer))
        }
        _ if allow_immediate => Expected::Accepted(State::Approved, DecisionEvent::Approved(answer)),
        _ => Expected::AnswerMismatch("execute_at"),
    }
}

/// Returns the state data after an event. `before` is `None` for the first event.
pub(crate) fn expected_state_data(
    before: Option<&StateData>,
    event: &DecisionEvent,
    by: &Actor,
    at: Timestamp,
) -> StateData {
    let mut attachments = before.map(|before| before.attachments.clone()).unwrap_or_default();
    let mut consumption = before.and_then(|before| before.consumption.clone());
    let outcome = |answer: &Answer| Outcome { at, by: Some(by.clone()), answer: answer.clone() };
    let phase = match event {
        DecisionEvent::Created { .. } => Phase::Pending,
        DecisionEvent::Escalated => Phase::Escalated,
        DecisionEvent::Expired => Phase::Expired(Expiry { cancelled: None }),
        DecisionEvent::Cancelled { reason } => {
            Phase::Expired(Expiry { cancelled: Some(Cancelled { at, reason: reason.clone() }) })
        }
        DecisionEvent::Approved(answer) => Phase::Approved(outcome(answer)),
        DecisionEvent::Denied(answer) => Phase::Denied(outcome(answer)),
        DecisionEvent::Modified(answer) => Phase::Modified(outcome(answer)),
        DecisionEvent::Scheduled(answer) => Phase::Scheduled(outcome(answer)),
        DecisionEvent::Attached { files } => {
            attachments.extend(files.clone());
            before.map_or(Phase::Pending, |before| before.phase.clone())
        }
        DecisionEvent::Consumed { execution_id, key_name } => {
            let (execution_id, key_name) = (execution_id.clone(), key_name.clone());
            let Actor::Key { key, .. } = by else { panic!("{by:?} consumed") };
            consumption = Some(Consumption { execution_id, consumed_at: at, key: *key, key_name, end: None });
            before.unwrap().phase.clone()
        }
        DecisionEvent::Executed { outcome, detail, .. } => {
            let end = ExecutionEnd { outcome: *outcome, detail: detail.clone(), finished_at: at };
            consumption.as_mut().unwrap().end = Some(end);
            before.unwrap().phase.clone()
        }
    };
    StateData { phase, attachments, consumption }
}

/// Returns the state at a time, if nobody acts.
pub(crate) fn expected_state_at(state: State, setup: &Setup, now: Timestamp) -> State {
    match state {
        State::Pending | State::Escalated if now >= setup.last_deadline() => State::Expired,
        State::Pending if setup.backup && now >= FIRST_DEADLINE => State::Escalated,
        _ => state,
    }
}

/// Returns `true` if the record can still be answered.
pub(crate) fn is_open(state: State) -> bool {
    matches!(state, State::Pending | State::Escalated)
}
