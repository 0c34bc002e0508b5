//! What must come of a command, said as plain rules and without the table.

use handrail_domain::decision::{Act, Answer, Choice, Decision, DecisionEvent, Given, Refusal, State};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::{Value, json};

use super::support::{APPROVER, Asked, BACKUP, FIRST, LATER, Setup, Who};

#[derive(Debug, PartialEq)]
pub(crate) enum Expected {
    /// A deadline had passed: this follows from it, and the command did nothing yet.
    TimeMoves(State),
    /// It counts, and this is what is written.
    Counts(State, DecisionEvent),
    Refused(Refusal),
    /// The answer is none to the question, because of this member.
    DoesNotFit(&'static str),
}

pub(crate) fn expected(record: &Record<Decision>, setup: &Setup, act: &Act, who: Who, now: Timestamp) -> Expected {
    let state = record.state();
    let last = setup.last_deadline();
    // What is answered stays answered, and says by whom.
    if let Some(outcome) = record.standing.outcome() {
        let by = outcome.answer.resolved_by.clone();
        return Expected::Refused(Refusal::AlreadyAnswered { state, by, at: outcome.at });
    }
    // What was taken back stays so, and is not called late.
    if let Some(cancelled) = record.standing.cancelled() {
        return Expected::Refused(Refusal::Cancelled { at: cancelled.at });
    }
    // What is expired stays expired.
    if state == State::Expired {
        return Expected::Refused(Refusal::Expired { at: last });
    }
    // From its first deadline on, a pending record goes to the backup, if there is one.
    if state == State::Pending && setup.backup && now >= FIRST {
        return Expected::TimeMoves(State::Escalated);
    }
    // At or after the last deadline nobody does anything: the record expires.
    if now >= last {
        return Expected::TimeMoves(State::Expired);
    }
    match act {
        // Only time escalates and expires, and before a deadline time does nothing.
        Act::Escalate | Act::Expire => Expected::Refused(Refusal::Expired { at: last }),
        // Five files and no more, all of them or none.
        Act::Attach(files) => match record.standing.attachments.len() {
            have if have + files.len() > 5 => {
                Expected::Refused(Refusal::TooManyAttachments { have, more: files.len() })
            }
            _ => Expected::Counts(state, DecisionEvent::Attached { files: files.clone() }),
        },
        // Who asked takes it back, or a key that could also say no.
        Act::Cancel { reason } => match who {
            Who::AgentKey | Who::AppKey | Who::AdminKey => {
                Expected::Counts(State::Expired, DecisionEvent::Cancelled { reason: reason.clone() })
            }
            _ => Expected::Refused(Refusal::NotTheAsker),
        },
        Act::Answer(choice, given) => answered(state, setup, *choice, given, who, now),
    }
}

fn answered(state: State, setup: &Setup, choice: Choice, given: &Given, who: Who, now: Timestamp) -> Expected {
    // Time never answers.
    if who == Who::Timer {
        return Expected::Refused(Refusal::NotAsked);
    }
    // One person at a time is asked: the approver, then the backup.
    let (asked, address): (&[Who], _) = match state {
        State::Pending => (&[Who::Approver, Who::OnSlack], APPROVER),
        _ if setup.backup => (&[Who::Backup], BACKUP),
        _ => (&[], APPROVER),
    };
    if who.is_person() && !asked.contains(&who) {
        return Expected::Refused(Refusal::NotAsked);
    }
    // Only what was offered can be answered.
    if !setup.options.contains(&choice) {
        return Expected::Refused(Refusal::NotOffered { choice, offered: setup.options.clone() });
    }
    // A time is given only where a time was asked for.
    let asks_time = matches!(setup.asked, Asked::Time { .. });
    if given.execute_at.is_some() && !asks_time {
        return Expected::DoesNotFit("execute_at");
    }
    // A person who wants it otherwise says how.
    if who.is_person() && choice == Choice::Modify && given.notes.is_none() {
        return Expected::DoesNotFit("notes");
    }
    // A person answers in their own name, a rule as policy, a key in the name it gives, or else of who is asked.
    let name = match (who, &given.resolved_by) {
        (Who::Approver, _) => "Ann@Example.com",
        (Who::Backup, _) => BACKUP,
        (Who::OnSlack, _) => APPROVER,
        (Who::Policy, _) => "policy",
        (_, Some(name)) => name,
        (_, None) => address,
    };
    let (notes, response_data) = (given.notes.clone(), given.response_data.clone());
    let answer = Answer { resolved_by: name.to_owned(), notes, response_data, ..Answer::default() };
    match choice {
        Choice::Deny => Expected::Counts(State::Denied, DecisionEvent::Denied(answer)),
        Choice::Modify => Expected::Counts(State::Modified, DecisionEvent::Modified(answer)),
        Choice::Approve => match setup.asked {
            Asked::Nothing => Expected::Counts(State::Approved, DecisionEvent::Approved(answer)),
            Asked::Number => number(answer, who),
            Asked::Time { allow_immediate } => time(answer, given, allow_immediate, now),
        },
    }
}

/// A program may leave the number out; what it gives must be one from 1 to 10. A person's is in words too.
fn number(answer: Answer, who: Who) -> Expected {
    let answer = match answer.response_data.as_ref().map(|data| data.get("value").and_then(Value::as_i64)) {
        None if !who.is_person() => answer,
        Some(Some(value)) if (1..=10).contains(&value) => {
            let in_words = who.is_person().then(|| value.to_string());
            let notes = answer.notes.or(in_words);
            Answer { notes, response_data: Some(json!({"value": value})), ..answer }
        }
        _ => return Expected::DoesNotFit("response_data"),
    };
    Expected::Counts(State::Approved, DecisionEvent::Approved(answer))
}

/// A time to come is an appointment. One that is over, or none, means now, if that is allowed. It is not data.
fn time(answer: Answer, given: &Given, allow_immediate: bool, now: Timestamp) -> Expected {
    let answer = Answer { response_data: None, ..answer };
    let wanted = given.execute_at.as_ref().map(|text| if *text == LATER.to_string() { LATER } else { now });
    match wanted {
        Some(at) if at > now => {
            let answer = Answer { execute_at: Some(at), ..answer };
            Expected::Counts(State::Scheduled, DecisionEvent::Scheduled(answer))
        }
        _ if allow_immediate => Expected::Counts(State::Approved, DecisionEvent::Approved(answer)),
        _ => Expected::DoesNotFit("execute_at"),
    }
}
