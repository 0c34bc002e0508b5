//! Lifecycle of a decision: the guards, and the state after each event.

use super::answer::{Answer, SubmittedAnswer, check_against_spec, requested_time};
use super::approval_use::{consume, finish, may_finish};
use super::consumption::{Consumption, ExecutionEnd};
use super::effects::effects_of;
use super::event::{Act, DecisionEvent, Refusal};
use super::spec::{Choice, DecisionSpec};
use super::state::{State, TABLE, Trigger};
use super::state_data::{Cancelled, Expiry, Outcome, Phase, StateData};
use crate::access::Scope;
use crate::actor::Actor;
use crate::answer_origin::{AnswerOrigin, key_of};
use crate::attachment::ATTACHMENTS_MAX;
use crate::effect::Effect;
use crate::lifecycle::{Lifecycle, Table, TimerRule};
use crate::policy::{RESOLVED_BY, RuleEffect, RuleMatch};
use crate::record::{LogEntry, Record};
use crate::time::Timestamp;

use State::{Approved, Denied, Escalated, Expired, Modified, Pending, Scheduled};

/// Record kind of decisions. All behaviour is in its implementation of [`Lifecycle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision;

impl Lifecycle for Decision {
    const KIND: &'static str = "decision";
    const TABLE: Table<State, Trigger> = TABLE;

    type State = State;
    type Trigger = Trigger;
    type Spec = DecisionSpec;
    type StateData = StateData;
    type Event = DecisionEvent;
    type Act = Act;
    type Refusal = Refusal;

    fn state(state_data: &StateData) -> State {
        match state_data.phase {
            Phase::Pending => Pending,
            Phase::Escalated => Escalated,
            Phase::Approved(_) => Approved,
            Phase::Denied(_) => Denied,
            Phase::Modified(_) => Modified,
            Phase::Scheduled(_) => Scheduled,
            Phase::Expired(_) => Expired,
        }
    }

    fn state_name(state: State) -> &'static str {
        state.name()
    }

    fn event_name(event: &DecisionEvent) -> &'static str {
        match event {
            DecisionEvent::Created { .. } => "decision.created",
            DecisionEvent::Approved(_) => "decision.approved",
            DecisionEvent::Denied(_) => "decision.denied",
            DecisionEvent::Modified(_) => "decision.modified",
            DecisionEvent::Scheduled(_) => "decision.scheduled",
            DecisionEvent::Attached { .. } => "decision.attached",
            DecisionEvent::Cancelled { .. } => "decision.cancelled",
            DecisionEvent::Consumed { .. } => "decision.consumed",
            DecisionEvent::Executed { .. } => "decision.executed",
            DecisionEvent::Escalated => "decision.escalated",
            DecisionEvent::Expired => "decision.expired",
        }
    }

    fn trigger(spec: &DecisionSpec, act: &Act, now: Timestamp) -> Trigger {
        match act {
            Act::Answer(Choice::Approve, submitted) => match requested_time(spec, submitted) {
                Ok(Some(at)) if at > now => Trigger::Schedule,
                // The guard refuses a time that can't be parsed.
                Ok(_) | Err(_) => Trigger::Approve,
            },
            Act::Answer(Choice::Deny, _) => Trigger::Deny,
            Act::Answer(Choice::Modify, _) => Trigger::Modify,
            Act::Attach(_) => Trigger::Attach,
            Act::Cancel { .. } => Trigger::Cancel,
            Act::Consume(_) => Trigger::Consume,
            Act::Finish { .. } => Trigger::Finish,
            Act::Escalate => Trigger::Escalate,
            Act::Expire => Trigger::Expire,
        }
    }

    fn initial_event(spec: &DecisionSpec) -> DecisionEvent {
        DecisionEvent::Created { ask_sha256: crate::record::digest_of(spec) }
    }

    fn deadline(spec: &DecisionSpec, _state_data: &StateData, timer: &TimerRule<State, Trigger>) -> Option<Timestamp> {
        match (timer.raises, &spec.backup) {
            // At `expires_at` a decision with a backup escalates, and a decision without a backup expires.
            (Trigger::Escalate, Some(_)) | (Trigger::Expire, None) => Some(spec.expires_at),
            (Trigger::Expire, Some(backup)) => Some(backup.until),
            (Trigger::Escalate, None)
            | (
                Trigger::Approve
                | Trigger::Deny
                | Trigger::Modify
                | Trigger::Schedule
                | Trigger::Attach
                | Trigger::Cancel
                | Trigger::Consume
                | Trigger::Finish,
                _,
            ) => None,
        }
    }

    fn timer_command(timer: &TimerRule<State, Trigger>) -> Act {
        match timer.raises {
            Trigger::Escalate => Act::Escalate,
            // No timer answers for a person: a test checks that only `Escalate` and `Expire` are raised by timers.
            Trigger::Expire
            | Trigger::Approve
            | Trigger::Deny
            | Trigger::Modify
            | Trigger::Schedule
            | Trigger::Attach
            | Trigger::Cancel
            | Trigger::Consume
            | Trigger::Finish => Act::Expire,
        }
    }

    /// Order for answers: the actor is the current approver, it is not the requester if the tenant forbids that, the
    /// choice is offered, the data match the spec.
    fn guard(record: &Record<Self>, act: &Act, actor: &Actor, now: Timestamp) -> Result<DecisionEvent, Refusal> {
        match act {
            Act::Escalate => Ok(DecisionEvent::Escalated),
            Act::Expire => Ok(DecisionEvent::Expired),
            Act::Attach(files) => {
                let have = record.state_data.attachments.len();
                match have + files.len() <= ATTACHMENTS_MAX {
                    true => Ok(DecisionEvent::Attached { files: files.clone() }),
                    false => Err(Refusal::TooManyAttachments { have, more: files.len() }),
                }
            }
            Act::Consume(request) => consume(&record.spec, &record.state_data, request, actor, now),
            Act::Finish { execution_id, outcome, detail } => {
                finish(&record.state_data, execution_id, *outcome, detail, actor)
            }
            Act::Cancel { reason } => match actor {
                // A key that may resolve decisions could deny this decision, so it may cancel the decision too.
                Actor::Key { key, role } if *key == record.spec.asked_by || role.allows(Scope::DecisionsResolve) => {
                    Ok(DecisionEvent::Cancelled { reason: reason.clone() })
                }
                _ => Err(Refusal::NotRequester),
            },
            Act::Answer(choice, submitted) => {
                let may_answer = match actor {
                    Actor::Key { .. } | Actor::Policy { .. } => true,
                    Actor::Person { email, .. } => {
                        current_approver(record).is_some_and(|approver| approver.same_mailbox(email))
                    }
                    // Neither a passed deadline nor an unauthenticated person answers.
                    Actor::Timer | Actor::System | Actor::Anonymous => false,
                };
                if !may_answer {
                    return Err(Refusal::NotCurrentApprover);
                }
                // Only a key has a key's rights and name, whatever was submitted.
                let key = submitted.key.as_ref().filter(|_| matches!(actor, Actor::Key { .. }));
                let is_asker = key_of(actor) == Some(record.spec.asked_by);
                if is_asker && key.is_some_and(|key| !key.askers_may_answer) {
                    return Err(Refusal::AskerMayNotAnswer);
                }
                if !record.spec.options.contains(choice) {
                    return Err(Refusal::NotOffered { choice: *choice, offered: record.spec.options.clone() });
                }
                let strict = matches!(actor, Actor::Person { .. });
                let answer = check_against_spec(&record.spec, *choice, submitted, strict, now)
                    .map_err(Refusal::AnswerMismatch)?;
                let answer = Answer {
                    resolved_by: resolver_name(record, actor, submitted),
                    key_name: key.map(|key| key.name.clone()),
                    ..answer
                };
                Ok(match choice {
                    Choice::Approve if answer.execute_at.is_some() => DecisionEvent::Scheduled(answer),
                    Choice::Approve => DecisionEvent::Approved(answer),
                    Choice::Deny => DecisionEvent::Denied(answer),
                    Choice::Modify => DecisionEvent::Modified(answer),
                })
            }
        }
    }

    /// A program that consumed, or reported an end, may do so again: a repeat gets the same result.
    fn is_already_done(record: &Record<Self>, act: &Act, actor: &Actor) -> bool {
        let Some(consumption) = &record.state_data.consumption else { return false };
        match act {
            Act::Consume(request) => {
                request.execution_id == consumption.execution_id
                    && key_of(actor) == Some(consumption.key)
                    && request.action_hash == record.spec.action_hash()
            }
            Act::Finish { execution_id, outcome, .. } => {
                *execution_id == consumption.execution_id
                    && may_finish(consumption, actor)
                    && consumption.end.as_ref().is_some_and(|end| end.outcome == *outcome)
            }
            Act::Answer(..) | Act::Attach(_) | Act::Cancel { .. } | Act::Escalate | Act::Expire => false,
        }
    }

    fn refuse_no_transition(record: &Record<Self>, act: &Act) -> Refusal {
        match act {
            Act::Consume(_) => return Refusal::NotApproved { state: record.state() },
            Act::Finish { .. } => return Refusal::UnknownExecution,
            Act::Answer(..) | Act::Attach(_) | Act::Cancel { .. } | Act::Escalate | Act::Expire => {}
        }
        if let Some(outcome) = record.state_data.outcome() {
            let by = outcome.answer.resolved_by.clone();
            let origin = answer_origin(record);
            return Refusal::AlreadyAnswered { state: record.state(), by, at: outcome.at, origin };
        }
        match record.state_data.cancelled() {
            Some(cancelled) => Refusal::Cancelled { at: cancelled.at },
            // Timer commands that are not due, or have run, are refused here too. No client sees their refusal.
            None => Refusal::Expired { at: last_deadline(&record.spec) },
        }
    }

    fn apply(before: Option<&StateData>, entry: &LogEntry<Self>) -> StateData {
        let outcome = |answer: &Answer| Outcome { at: entry.at, by: Some(entry.by.clone()), answer: answer.clone() };
        let mut attachments = before.map(|before| before.attachments.clone()).unwrap_or_default();
        let mut consumption = before.and_then(|before| before.consumption.clone());
        let same_phase = || before.map_or(Phase::Pending, |before| before.phase.clone());
        let phase = match &entry.event {
            DecisionEvent::Created { .. } => Phase::Pending,
            DecisionEvent::Approved(answer) => Phase::Approved(outcome(answer)),
            DecisionEvent::Denied(answer) => Phase::Denied(outcome(answer)),
            DecisionEvent::Modified(answer) => Phase::Modified(outcome(answer)),
            DecisionEvent::Scheduled(answer) => Phase::Scheduled(outcome(answer)),
            DecisionEvent::Attached { files } => {
                attachments.extend(files.iter().cloned());
                same_phase()
            }
            DecisionEvent::Consumed { execution_id, key_name } => {
                consumption = key_of(&entry.by).map(|key| Consumption {
                    execution_id: execution_id.clone(),
                    consumed_at: entry.at,
                    key,
                    key_name: key_name.clone(),
                    end: None,
                });
                same_phase()
            }
            DecisionEvent::Executed { outcome, detail, .. } => {
                let end = ExecutionEnd { outcome: *outcome, detail: detail.clone(), finished_at: entry.at };
                consumption = consumption.map(|consumption| Consumption { end: Some(end), ..consumption });
                same_phase()
            }
            DecisionEvent::Cancelled { reason } => {
                Phase::Expired(Expiry { cancelled: Some(Cancelled { at: entry.at, reason: reason.clone() }) })
            }
            DecisionEvent::Escalated => Phase::Escalated,
            DecisionEvent::Expired => Phase::Expired(Expiry::default()),
        };
        StateData { phase, attachments, consumption }
    }

    fn effects(spec: &DecisionSpec, entry: &LogEntry<Self>) -> Vec<Effect> {
        effects_of(spec, &entry.event, entry.at)
    }

    fn personal_values(event: &DecisionEvent) -> &'static [&'static str] {
        event.personal_values()
    }
}

/// Event that answers a decision by a rule of the API key, at its creation. Returns `None` if no rule answers.
pub fn policy_event(spec: &DecisionSpec) -> Option<DecisionEvent> {
    let RuleMatch { rule, effect, .. } = spec.policy.as_ref()?;
    let word = match effect {
        RuleEffect::Approve => "Approved",
        RuleEffect::Deny => "Denied",
        RuleEffect::Ask => return None,
    };
    let notes = Some(format!("{word} by the rule \"{rule}\""));
    let answer = Answer { resolved_by: RESOLVED_BY.to_owned(), notes, ..Answer::default() };
    Some(match effect {
        RuleEffect::Deny => DecisionEvent::Denied(answer),
        RuleEffect::Approve | RuleEffect::Ask => DecisionEvent::Approved(answer),
    })
}

/// Value of `resolved_by`: the person who answers; else the name that the API key sent; else the current approver.
fn resolver_name(record: &Record<Decision>, actor: &Actor, submitted: &SubmittedAnswer) -> String {
    match (actor, &submitted.resolved_by) {
        (Actor::Person { email, .. }, _) => email.to_string(),
        (Actor::Policy { .. }, _) => RESOLVED_BY.to_owned(),
        (_, Some(name)) => name.clone(),
        (_, None) => current_approver(record).unwrap_or(&record.spec.approver).to_string(),
    }
}

/// Author of the answer. Returns `None` without an answer.
///
/// The log has the author as long as it has the entry of the answer. Later entries can push that entry out of the log;
/// the state data still has the author then.
pub fn author_of_answer(record: &Record<Decision>) -> Option<&Actor> {
    let outcome = record.state_data.outcome()?;
    let entries = record.log.iter().map(|encoded| &encoded.entry);
    let answering = entries.rev().find(|entry| entry.event.answer().is_some());
    answering.map(|entry| &entry.by).or(outcome.by.as_ref())
}

/// Origin of the record's answer. Returns `None` without an answer.
pub fn answer_origin(record: &Record<Decision>) -> Option<AnswerOrigin> {
    let outcome = record.state_data.outcome()?;
    origin(&record.spec, author_of_answer(record)?, &outcome.answer)
}

/// Origin of the answer that a log entry recorded. Returns `None` if the entry records no answer.
pub fn answer_origin_of_entry(spec: &DecisionSpec, entry: &LogEntry<Decision>) -> Option<AnswerOrigin> {
    origin(spec, &entry.by, entry.event.answer()?)
}

fn origin(spec: &DecisionSpec, author: &Actor, answer: &Answer) -> Option<AnswerOrigin> {
    // An answer from before keys' names were stored: the record knows the name of the key that asked.
    let is_asker = key_of(author) == Some(spec.asked_by);
    let name = answer.key_name.as_deref().or(is_asker.then_some(spec.asked_by_name.as_str()));
    AnswerOrigin::new(author, name, Some(spec.asked_by))
}

/// Approver or backup whose answer counts now. Returns `None` if the decision is settled.
pub fn current_approver(record: &Record<Decision>) -> Option<&crate::text::EmailAddress> {
    match (&record.state_data.phase, &record.spec.backup) {
        (Phase::Pending, _) => Some(&record.spec.approver),
        (Phase::Escalated, Some(backup)) => Some(&backup.approver),
        _ => None,
    }
}

/// Deadline of the last approver. The decision can't be answered from then on.
pub fn last_deadline(spec: &DecisionSpec) -> Timestamp {
    spec.backup.as_ref().map_or(spec.expires_at, |backup| backup.until)
}
