//! Every state, every act, every actor, around every deadline, with and without backup, with every set of options.

use handrail_domain::access::{Role, Scope};
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Cancelled, Choice, Decision, DecisionEvent, Outcome, Refusal, State, TABLE};
use handrail_domain::lifecycle::{DeadlineGuard, Lifecycle, Verdict};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use super::oracle::{Expected, expected};
use super::support::{
    FIRST, SECOND, START, Setup, Who, all_acts, bytes, cancelled, chain_over, play, record_in, with_files,
};

/// Holds what came of a command against the plain rules.
fn check(record: &Record<Decision>, setup: &Setup, act: &Act, who: Who, now: Timestamp) {
    let case = || format!("{:?} {setup:?} {act:?} by {who:?} at {now}", record.state());
    match (play(record, act, who, now), expected(record, setup, act, who, now)) {
        (Ok(verdict), Expected::TimeMoves(to)) => {
            assert!(verdict.settles_first, "{}", case());
            assert_eq!(verdict.deadline, DeadlineGuard::StillAt(record.due().unwrap().at), "{}", case());
            check_one_event(record, &verdict, &Actor::Timer, to, now, &case);
        }
        (Ok(verdict), Expected::Counts(to, event)) => {
            assert!(!verdict.settles_first, "{}", case());
            assert_eq!(verdict.deadline, DeadlineGuard::NotPassedAt(now), "{}", case());
            check_one_event(record, &verdict, &who.actor(), to, now, &case);
            assert_eq!(verdict.next.newest().unwrap().event, event, "{}", case());
            check_standing(record, &verdict.next, &event, now, &case);
        }
        (Err(Refusal::DoesNotFit { field, message }), Expected::DoesNotFit(expected)) => {
            assert_eq!(field, expected, "{}", case());
            assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
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
    assert_eq!(next.standing, Decision::after(Some(&before.standing), &line.entry), "{}", case());
    let event = Decision::event_name(&line.entry.event);
    let rows = TABLE.rows.iter().filter(|row| (row.from, row.to, row.event) == (before.state(), to, event));
    assert_eq!(rows.count(), 1, "{}", case());
    assert_eq!((next.tenant, next.id, next.created_at), (before.tenant, before.id, before.created_at), "{}", case());
    assert_eq!((&next.ask, next.updated_at), (&before.ask, now), "{}", case());
}

/// The standing holds what the event said, when it was said, and every file there ever was.
fn check_standing(
    before: &Record<Decision>,
    next: &Record<Decision>,
    event: &DecisionEvent,
    now: Timestamp,
    case: &impl Fn() -> String,
) {
    let (earlier, standing) = (&before.standing, &next.standing);
    let mut files = earlier.attachments.clone();
    match event {
        DecisionEvent::Attached { files: more } => {
            files.extend(more.clone());
            assert_eq!(standing.place, earlier.place, "{}", case());
        }
        DecisionEvent::Cancelled { reason } => {
            let cancelled = Cancelled { at: now, reason: reason.clone() };
            assert_eq!(standing.cancelled(), Some(&cancelled), "{}", case());
        }
        DecisionEvent::Approved(answer)
        | DecisionEvent::Denied(answer)
        | DecisionEvent::Modified(answer)
        | DecisionEvent::Scheduled(answer) => {
            assert_eq!(standing.outcome(), Some(&Outcome { at: now, answer: answer.clone() }), "{}", case());
        }
        DecisionEvent::Created { .. } | DecisionEvent::Escalated | DecisionEvent::Expired => {
            panic!("nobody does this: {}", case());
        }
    }
    assert_eq!(standing.attachments, files, "{}", case());
}

fn around_the_deadlines() -> impl Iterator<Item = Timestamp> {
    let around = [FIRST, SECOND].into_iter().flat_map(|deadline| [-1, 0, 1].map(|ms| deadline.plus_ms(ms)));
    [START, START.plus_ms(10)].into_iter().chain(around)
}

/// Every state, and what can differ within one: taken back, a few files, as many as there may be.
fn every_place(setup: &Setup) -> Vec<Record<Decision>> {
    let states = State::ALL.map(|state| record_in(state, setup));
    let more = [cancelled(setup), with_files(5, State::Pending, setup), with_files(4, State::Escalated, setup)];
    states.into_iter().chain(more).collect()
}

#[test]
fn every_command_makes_exactly_one_event_or_is_refused_and_changes_nothing() {
    let mut cases = 0;
    for setup in Setup::all() {
        for record in every_place(&setup) {
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
    assert_eq!(cases, (14 + 3 * 4) * (7 + 3) * 24 * 8 * 9);
}

#[test]
fn who_is_not_asked_is_not_told_what_was_offered() {
    let setup = Setup::plain(false, vec![Choice::Deny]);
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
    let setup = Setup::plain(true, Choice::ALL.to_vec());
    let mut record = record_in(State::Pending, &setup);
    let approver = record.ask.approver.clone();
    record.ask.backup.as_mut().unwrap().approver = approver;
    let approve = &all_acts()[0];
    let escalated = play(&record, approve, Who::Approver, FIRST).unwrap().next;
    assert_eq!(escalated.state(), State::Escalated);
    let answered = play(&escalated, approve, Who::Approver, SECOND.plus_ms(-1)).unwrap().next;
    assert!(matches!(answered.newest().unwrap().event, DecisionEvent::Approved(_)));
    let expired = play(&escalated, approve, Who::Approver, SECOND).unwrap().next;
    assert_eq!(expired.state(), State::Expired);
}
