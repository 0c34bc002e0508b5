//! Every state, every act, every actor, around every deadline, with and without backup, with every set of options.

use handrail_domain::access::{Role, Scope};
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Choice, Decision, DecisionEvent, Refusal, Standing, State, TABLE};
use handrail_domain::lifecycle::{DeadlineGuard, Lifecycle, Verdict};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use super::oracle::{Expected, Settled, expected};
use super::support::{FIRST, SECOND, START, Setup, Who, all_acts, bytes, chain_over, play, record_in};

/// Holds what came of a command against the plain rules.
fn check(record: &Record<Decision>, setup: &Setup, act: &Act, who: Who, now: Timestamp) {
    let case = || format!("{:?} {setup:?} {act:?} by {who:?} at {now}", record.state());
    let got = play(record, act, who, now);
    let answered = record.standing.outcome().map(|o| Settled { by: o.answer.resolved_by.clone(), at: o.at });
    match (got, expected(record.state(), answered, setup, act, who, now)) {
        (Ok(verdict), Expected::TimeMoves(to)) => {
            assert!(verdict.settles_first, "{}", case());
            assert_eq!(verdict.deadline, DeadlineGuard::StillAt(record.due().unwrap().at), "{}", case());
            check_one_event(record, &verdict, &Actor::Timer, to, now, &case);
        }
        (Ok(verdict), Expected::Answered(to, name)) => {
            assert!(!verdict.settles_first, "{}", case());
            assert_eq!(verdict.deadline, DeadlineGuard::NotPassedAt(now), "{}", case());
            check_one_event(record, &verdict, &who.actor(), to, now, &case);
            check_answer(&verdict.next, act, &name, now, &case);
        }
        (Err(refusal), Expected::Refused(expected)) => assert_eq!(refusal, expected, "{}", case()),
        (got, expected) => panic!("{}\n expected {expected:?}\n got {got:?}", case()),
    }
}

fn check_one_event(
    before: &Record<Decision>,
    verdict: &Verdict<Decision>,
    by: &Actor,
    to: State,
    now: Timestamp,
    case: &impl Fn() -> String,
) {
    let next = &verdict.next;
    let (line, earlier) = next.log.split_last().unwrap();
    assert_eq!(next.seq, before.seq + 1, "{}", case());
    assert_eq!(earlier, before.log, "{}", case());
    assert_eq!((line.entry.seq, line.entry.at, &line.entry.by), (next.seq, now, by), "{}", case());
    assert_eq!(next.chain, before.chain.then(&line.text), "{}", case());
    assert_eq!(next.chain.to_hex(), chain_over(next.log.iter().map(|line| line.text.as_str())), "{}", case());
    assert_eq!(line.text, serde_json::to_string(&line.entry).unwrap(), "{}", case());
    assert_eq!(next.state(), to, "{}", case());
    assert_eq!(next.standing, Decision::after(&line.entry), "{}", case());
    let event = Decision::event_name(&line.entry.event);
    let rows = TABLE.rows.iter().filter(|row| (row.from, row.to, row.event) == (before.state(), to, event));
    assert_eq!(rows.count(), 1, "{}", case());
    assert_eq!((next.tenant, next.id, next.created_at), (before.tenant, before.id, before.created_at), "{}", case());
    assert_eq!((&next.ask, next.updated_at), (&before.ask, now), "{}", case());
}

fn check_answer(next: &Record<Decision>, act: &Act, name: &str, now: Timestamp, case: &impl Fn() -> String) {
    let (Some(outcome), Act::Answer(_, given)) = (next.standing.outcome(), act) else {
        panic!("no answer: {}", case());
    };
    assert_eq!((outcome.at, outcome.answer.resolved_by.as_str()), (now, name), "{}", case());
    assert_eq!(
        (&outcome.answer.notes, &outcome.answer.response_data),
        (&given.notes, &given.response_data),
        "{}",
        case()
    );
}

fn around_the_deadlines() -> impl Iterator<Item = Timestamp> {
    let around = [FIRST, SECOND].into_iter().flat_map(|deadline| [-1, 0, 1].map(|ms| deadline.plus_ms(ms)));
    [START, START.plus_ms(10)].into_iter().chain(around)
}

#[test]
fn every_command_makes_exactly_one_event_or_is_refused_and_changes_nothing() {
    let mut cases = 0;
    for setup in Setup::all() {
        for record in State::ALL.map(|state| record_in(state, &setup)) {
            let before = bytes(&record);
            for act in all_acts() {
                for now in around_the_deadlines() {
                    for who in Who::ALL {
                        check(&record, &setup, &act, who, now);
                        cases += 1;
                    }
                }
                assert_eq!(bytes(&record), before, "{act:?} changed the record that it was given");
            }
        }
    }
    assert_eq!(cases, 14 * 6 * 8 * 8 * 7);
}

#[test]
fn who_is_not_asked_is_not_told_what_was_offered() {
    let setup = Setup { backup: false, options: vec![Choice::Deny] };
    let record = record_in(State::Pending, &setup);
    let approve = &all_acts()[0];
    assert_eq!(play(&record, approve, Who::Stranger, START).unwrap_err(), Refusal::NotAsked);
    assert!(matches!(play(&record, approve, Who::Approver, START).unwrap_err(), Refusal::NotOffered { .. }));
}

/// The rules take an answer from any key, so the door must not let an agent's in.
#[test]
fn an_agents_key_has_no_scope_to_answer_with() {
    assert!(!Role::Agent.allows(Scope::DecisionsResolve));
}

#[test]
fn one_who_is_approver_and_backup_may_answer_until_the_last_deadline() {
    let setup = Setup { backup: true, options: Choice::ALL.to_vec() };
    let mut record = record_in(State::Pending, &setup);
    let approver = record.ask.approver.clone();
    record.ask.backup.as_mut().unwrap().approver = approver;
    let approve = &all_acts()[0];
    let escalated = play(&record, approve, Who::Approver, FIRST).unwrap().next;
    assert_eq!(escalated.standing, Standing::Escalated);
    let answered = play(&escalated, approve, Who::Approver, SECOND.plus_ms(-1)).unwrap().next;
    assert!(matches!(answered.newest().unwrap().event, DecisionEvent::Approved(_)));
    let expired = play(&escalated, approve, Who::Approver, SECOND).unwrap().next;
    assert_eq!(expired.standing, Standing::Expired);
}
