//! Every combination of state, act, actor, time around a deadline, backup and options.

use handrail_domain::access::{Role, Scope};
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Choice, Decision, DecisionEvent, ExecutionOutcome, Refusal, State};
use handrail_domain::lifecycle::{DeadlineGuard, PlannedTransition};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use super::expected_transitions::{Expected, expected, expected_state_data};
use super::fixtures::{
    EXECUTE_AT, FIRST_DEADLINE, SECOND_DEADLINE, START, Setup, TestActor, all_acts, bytes, cancelled_record,
    expected_chain_hash, is_text_of, record_in, record_with_files, run_command, with_consumption,
};

/// Compares the result of a command with the expected result.
fn check_transition(record: &Record<Decision>, setup: &Setup, act: &Act, actor: TestActor, now: Timestamp) {
    let case = || format!("{:?} {setup:?} {act:?} by {actor:?} at {now}", record.state());
    match (run_command(record, act, actor, now), expected(record, setup, act, actor, now)) {
        (Ok(transition), Expected::TimerFires(deadline, to, event)) => {
            assert!(transition.by_timer, "{}", case());
            assert_eq!(transition.deadline, DeadlineGuard::Equals(deadline), "{}", case());
            check_one_event(record, &transition, (&Actor::Timer, &event), to, now, &case);
        }
        (Ok(transition), Expected::Accepted(to, event)) => {
            assert!(!transition.by_timer, "{}", case());
            assert_eq!(transition.deadline, DeadlineGuard::After(now), "{}", case());
            check_one_event(record, &transition, (&actor.actor(), &event), to, now, &case);
        }
        (Err(Refusal::AnswerMismatch(error)), Expected::AnswerMismatch(expected)) => {
            assert_eq!(error.field(), expected, "{}", case());
            assert!(!error.message.is_empty() && !error.message.ends_with('.'), "{}", error.message);
        }
        (Err(refusal), Expected::Refused(expected)) => assert_eq!(refusal, expected, "{}", case()),
        (actual, expected) => panic!("{}\n expected {expected:?}\n got {actual:?}", case()),
    }
}

fn check_one_event(
    before: &Record<Decision>,
    transition: &PlannedTransition<Decision>,
    (by, event): (&Actor, &DecisionEvent),
    to: State,
    now: Timestamp,
    case: &impl Fn() -> String,
) {
    let next = &transition.next;
    let (newest, earlier) = next.log.split_last().unwrap();
    assert_eq!(next.seq, before.seq + 1, "{}", case());
    assert_eq!(earlier, before.log, "{}", case());
    assert_eq!((newest.entry.seq, newest.entry.at, &newest.entry.by), (next.seq, now, by), "{}", case());
    assert_eq!(&newest.entry.event, event, "{}", case());
    let texts = next.log.iter().map(|encoded| encoded.text.as_str());
    assert_eq!(next.chain.to_hex(), expected_chain_hash(texts), "{}", case());
    assert!(is_text_of(&newest.entry, &newest.text), "{}", case());
    assert_eq!(next.state(), to, "{}", case());
    assert_eq!(next.state_data, expected_state_data(Some(&before.state_data), event, by, now), "{}", case());
    assert_eq!((next.tenant, next.id, next.created_at), (before.tenant, before.id, before.created_at), "{}", case());
    assert_eq!((&next.spec, next.updated_at), (&before.spec, now), "{}", case());
}

fn times_around_deadlines() -> impl Iterator<Item = Timestamp> {
    let neighbours =
        [FIRST_DEADLINE, SECOND_DEADLINE].into_iter().flat_map(|deadline| [-1, 0, 1].map(|ms| deadline.plus_ms(ms)));
    // The last is late enough for every approval for later.
    [START, START.plus_ms(10)].into_iter().chain(neighbours).chain([EXECUTE_AT])
}

/// Returns a record in every state, a cancelled record, records with some and with the most files, and records whose
/// approval was used.
fn records_in_every_phase(setup: &Setup) -> Vec<Record<Decision>> {
    let states = State::ALL.map(|state| record_in(state, setup));
    let variants = [
        cancelled_record(setup),
        record_with_files(5, State::Pending, setup),
        record_with_files(4, State::Escalated, setup),
        with_consumption(&record_in(State::Approved, setup), None),
        with_consumption(&record_in(State::Scheduled, setup), Some(ExecutionOutcome::Succeeded)),
    ];
    states.into_iter().chain(variants).collect()
}

#[test]
fn every_command_makes_one_event_or_is_refused() {
    let mut cases = 0;
    for setup in Setup::all() {
        for record in records_in_every_phase(&setup) {
            let before = bytes(&record);
            for act in all_acts() {
                for now in times_around_deadlines() {
                    for actor in TestActor::ALL {
                        check_transition(&record, &setup, &act, actor, now);
                        cases += 1;
                    }
                }
                assert_eq!(bytes(&record), before, "{act:?} changed its input record");
            }
        }
    }
    assert_eq!(cases, (14 + 3 * 4) * (7 + 5) * 34 * 9 * 9);
}

#[test]
fn other_person_is_refused_before_option_check() {
    let setup = Setup::plain(false, vec![Choice::Deny]);
    let record = record_in(State::Pending, &setup);
    let approve = &all_acts()[0];
    assert_eq!(run_command(&record, approve, TestActor::Stranger, START).unwrap_err(), Refusal::NotCurrentApprover);
    assert!(matches!(
        run_command(&record, approve, TestActor::Approver, START).unwrap_err(),
        Refusal::NotOffered { .. }
    ));
}

/// The lifecycle accepts an answer of any key, so the API has to refuse agent keys.
#[test]
fn agent_key_lacks_answer_scope() {
    assert!(!Role::Agent.allows(Scope::DecisionsResolve));
}

#[test]
fn approver_as_backup_answers_until_last_deadline() {
    let setup = Setup::plain(true, Choice::ALL.to_vec());
    let mut record = record_in(State::Pending, &setup);
    let approver = record.spec.approver.clone();
    record.spec.backup.as_mut().unwrap().approver = approver;
    let approve = &all_acts()[0];
    let escalated = run_command(&record, approve, TestActor::Approver, FIRST_DEADLINE).unwrap().next;
    assert_eq!(escalated.state(), State::Escalated);
    let answered = run_command(&escalated, approve, TestActor::Approver, SECOND_DEADLINE.plus_ms(-1)).unwrap().next;
    assert!(matches!(answered.newest().unwrap().event, DecisionEvent::Approved(_)));
    let expired = run_command(&escalated, approve, TestActor::Approver, SECOND_DEADLINE).unwrap().next;
    assert_eq!(expired.state(), State::Expired);
}
