//! What a reader sees, and what the clock alone does to a record.

use handrail_domain::decision::{Act, Choice, Decision, DecisionEvent, Given, Refusal, State};
use handrail_domain::lifecycle::settle;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::support::{FIRST, HOUR_MS, SECOND, START, Setup, Who, bytes, open, play, record_in, settled};

fn record() -> impl Strategy<Value = (Setup, Record<Decision>)> {
    (select(Setup::all()), select(State::ALL.to_vec())).prop_map(|(setup, state)| {
        let record = record_in(state, &setup);
        (setup, record)
    })
}

/// Any moment, with the deadlines and their neighbours as likely as all others together.
fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        (-HOUR_MS..4 * HOUR_MS).prop_map(|ms| START.plus_ms(ms)),
        (select(vec![FIRST, SECOND]), -1..=1_i64).prop_map(|(deadline, ms)| deadline.plus_ms(ms)),
    ]
}

/// How far a record has come, if only time passes.
fn progress(record: &Record<Decision>) -> u8 {
    match record.state() {
        State::Pending => 0,
        State::Escalated => 1,
        State::Expired => 2,
        State::Approved | State::Denied | State::Modified | State::Scheduled => 3,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_reader_sees_what_settling_would_write_and_changes_nothing((_, record) in record(), now in moment()) {
        let before = bytes(&record);
        let seen = record.seen_at(now);
        prop_assert_eq!(bytes(&record), before);
        prop_assert_eq!(bytes(&seen), bytes(&settled(&record, now)));
        prop_assert!(settle(&seen, now).is_none(), "something is still due");
        prop_assert_eq!(bytes(&seen.seen_at(now)), bytes(&seen));
    }

    #[test]
    fn what_was_seen_never_goes_back((_, record) in record(), mut moments in prop::array::uniform3(moment())) {
        moments.sort_unstable();
        let seen = moments.map(|now| progress(&record.seen_at(now)));
        prop_assert!(seen.is_sorted(), "{:?}", seen);
        // Looking step by step ends in the same state as looking once.
        let in_steps = moments.into_iter().fold(record.clone(), |record, now| record.seen_at(now));
        prop_assert_eq!(in_steps.state(), record.seen_at(moments[2]).state());
    }

    #[test]
    fn only_time_shows_in_what_a_reader_sees((setup, record) in record(), now in moment()) {
        let seen = record.seen_at(now);
        prop_assert!(seen.log.starts_with(&record.log));
        for line in &seen.log[record.log.len()..] {
            prop_assert!(matches!(line.entry.event, DecisionEvent::Escalated | DecisionEvent::Expired));
        }
        let open_before = matches!(record.state(), State::Pending | State::Escalated);
        prop_assert_eq!(seen.state() == State::Expired, record.state() == State::Expired
            || (open_before && now >= setup.last_deadline()));
    }

    #[test]
    fn who_comes_at_the_last_deadline_finds_an_expired_record(
        (setup, record) in record(), who in select(Who::ALL.to_vec()), choice in select(Choice::ALL.to_vec()), late in 0..HOUR_MS,
    ) {
        let now = setup.last_deadline().plus_ms(late);
        let settled = settled(&record, now);
        let refusal = play(&settled, &Act::Answer(choice, Given::default()), who, now).unwrap_err();
        if record.is_settled() && record.state() != State::Expired {
            let answered = matches!(refusal, Refusal::AlreadyAnswered { .. });
            prop_assert!(answered, "{:?}", refusal);
        } else {
            prop_assert_eq!(refusal, Refusal::Expired { at: setup.last_deadline() });
        }
    }
}

fn steps_at(setup: &Setup, now: Timestamp) -> Vec<State> {
    let mut record = open(setup);
    let mut states = vec![];
    while let Some(verdict) = settle(&record, now) {
        record = verdict.next;
        states.push(record.state());
    }
    states
}

#[test]
fn time_goes_one_deadline_after_the_other_however_late_it_comes() {
    let options = Choice::ALL.to_vec();
    let with_backup = Setup::plain(true, options.clone());
    assert_eq!(steps_at(&with_backup, FIRST.plus_ms(-1)), []);
    assert_eq!(steps_at(&with_backup, FIRST), [State::Escalated]);
    assert_eq!(steps_at(&with_backup, SECOND.plus_ms(-1)), [State::Escalated]);
    assert_eq!(steps_at(&with_backup, SECOND), [State::Escalated, State::Expired]);
    let without = Setup::plain(false, options);
    assert_eq!(steps_at(&without, FIRST.plus_ms(-1)), []);
    assert_eq!(steps_at(&without, FIRST), [State::Expired]);
}

#[test]
fn two_processes_that_raise_the_same_deadline_name_it_alike() {
    let record = open(&Setup::plain(true, Choice::ALL.to_vec()));
    let [early, late] = [FIRST, FIRST.plus_ms(700)].map(|now| settle(&record, now).unwrap().next);
    assert_eq!(early.newest().unwrap().command, late.newest().unwrap().command);
    let expired = settle(&early, SECOND).unwrap().next;
    assert!(!expired.newest().unwrap().command.same_command(&early.newest().unwrap().command));
}
