//! What must come of a command, said as plain rules and without the table.

use handrail_domain::decision::{Act, Choice, Refusal, State};
use handrail_domain::time::Timestamp;

use super::support::{APPROVER, BACKUP, FIRST, Setup, Who};

#[derive(Debug, PartialEq)]
pub(crate) enum Expected {
    /// A deadline had passed: this follows from it, and the command did nothing yet.
    TimeMoves(State),
    /// The answer counts, in this name.
    Answered(State, String),
    Refused(Refusal),
}

pub(crate) struct Settled {
    pub by: String,
    pub at: Timestamp,
}

pub(crate) fn expected(
    state: State,
    answered: Option<Settled>,
    setup: &Setup,
    act: &Act,
    who: Who,
    now: Timestamp,
) -> Expected {
    let last = setup.last_deadline();
    // What is answered stays answered, and says by whom.
    if let Some(Settled { by, at }) = answered {
        return Expected::Refused(Refusal::AlreadyAnswered { state, by, at });
    }
    // What is expired stays expired.
    if state == State::Expired {
        return Expected::Refused(Refusal::Expired { at: last });
    }
    // From its first deadline on, a pending record goes to the backup, if there is one.
    if state == State::Pending && setup.backup && now >= FIRST {
        return Expected::TimeMoves(State::Escalated);
    }
    // At or after the last deadline nobody answers: the record expires.
    if now >= last {
        return Expected::TimeMoves(State::Expired);
    }
    // Only time escalates and expires, and before a deadline time does nothing.
    let Act::Answer(choice, given) = act else {
        return Expected::Refused(Refusal::Expired { at: last });
    };
    // Time never answers.
    if who == Who::Timer {
        return Expected::Refused(Refusal::NotAsked);
    }
    // One person at a time is asked: the approver, then the backup.
    let asked = match state {
        State::Pending => Some((Who::Approver, APPROVER)),
        _ if setup.backup => Some((Who::Backup, BACKUP)),
        _ => None,
    };
    let is_person = matches!(who, Who::Approver | Who::Backup | Who::Stranger);
    if is_person && asked.map(|(person, _)| person) != Some(who) {
        return Expected::Refused(Refusal::NotAsked);
    }
    // Only what was offered can be answered.
    if !setup.options.contains(choice) {
        return Expected::Refused(Refusal::NotOffered { choice: *choice, offered: setup.options.clone() });
    }
    // A person answers in their own name; a key in the name it gives, or else of who is asked.
    let name = match (who, &given.resolved_by) {
        (Who::Approver, _) => "Ann@Example.com",
        (Who::Backup, _) => BACKUP,
        (_, Some(name)) => name,
        (_, None) => asked.map_or(APPROVER, |(_, address)| address),
    };
    let to = match choice {
        Choice::Approve => State::Approved,
        Choice::Deny => State::Denied,
        Choice::Modify => State::Modified,
    };
    Expected::Answered(to, name.to_owned())
}
