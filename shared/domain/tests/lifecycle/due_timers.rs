//! Timers: the record as of a time, and transitions that need no command.

use handrail_domain::decision::{Act, Choice, Decision, DecisionEvent, Refusal, State, SubmittedAnswer};
use handrail_domain::lifecycle::fire_due_timer;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::expected_transitions::{expected_state_at, is_open};
use super::fixtures::{
    FIRST_DEADLINE, HOUR_MS, SECOND_DEADLINE, START, Setup, TestActor, bytes, create_record, record_in, run_command,
    with_due_timers,
};

fn any_record() -> impl Strategy<Value = (Setup, Record<Decision>)> {
    (select(Setup::all()), select(State::ALL.to_vec())).prop_map(|(setup, state)| {
        let record = record_in(state, &setup);
        (setup, record)
    })
}

/// Any time; half of the cases are a deadline or one millisecond beside it.
fn any_time_near_deadlines() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        (-HOUR_MS..4 * HOUR_MS).prop_map(|ms| START.plus_ms(ms)),
        (select(vec![FIRST_DEADLINE, SECOND_DEADLINE]), -1..=1_i64).prop_map(|(deadline, ms)| deadline.plus_ms(ms)),
    ]
}

/// Rank of the record's state. Timers never lower the rank.
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
    fn reading_shows_due_timers_without_writing((setup, record) in any_record(), now in any_time_near_deadlines()) {
        let before = bytes(&record);
        let shown = record.as_of(now);
        prop_assert_eq!(bytes(&record), before);
        prop_assert_eq!(shown.state(), expected_state_at(record.state(), &setup, now));
        prop_assert_eq!(bytes(&shown), bytes(&with_due_timers(&record, now)));
        prop_assert!(fire_due_timer(&shown, now).is_none(), "a timer is still due");
        prop_assert_eq!(bytes(&shown.as_of(now)), bytes(&shown));
    }

    #[test]
    fn later_reads_never_go_back(
        (_, record) in any_record(), mut times in prop::array::uniform3(any_time_near_deadlines()),
    ) {
        times.sort_unstable();
        let shown = times.map(|now| progress(&record.as_of(now)));
        prop_assert!(shown.is_sorted(), "{:?}", shown);
        // Firing timers in steps ends in the state that one read shows.
        let in_steps = times.into_iter().fold(record.clone(), |record, now| record.as_of(now));
        prop_assert_eq!(in_steps.state(), record.as_of(times[2]).state());
    }

    #[test]
    fn reading_changes_only_by_time((setup, record) in any_record(), now in any_time_near_deadlines()) {
        let shown = record.as_of(now);
        prop_assert!(shown.log.starts_with(&record.log));
        for encoded in &shown.log[record.log.len()..] {
            prop_assert!(matches!(encoded.entry.event, DecisionEvent::Escalated | DecisionEvent::Expired));
        }
        let open_before = matches!(record.state(), State::Pending | State::Escalated);
        prop_assert_eq!(shown.state() == State::Expired, record.state() == State::Expired
            || (open_before && now >= setup.last_deadline()));
    }

    #[test]
    fn command_at_last_deadline_finds_expired_record(
        (setup, record) in any_record(), actor in select(TestActor::ALL.to_vec()),
        choice in select(Choice::ALL.to_vec()), late in 0..HOUR_MS,
    ) {
        let now = setup.last_deadline().plus_ms(late);
        let after_timers = with_due_timers(&record, now);
        let answer = Act::Answer(choice, SubmittedAnswer::default());
        let refusal = run_command(&after_timers, &answer, actor, now).unwrap_err();
        if !is_open(record.state()) && record.state() != State::Expired {
            let answered = matches!(refusal, Refusal::AlreadyAnswered { .. });
            prop_assert!(answered, "{:?}", refusal);
        } else {
            prop_assert_eq!(refusal, Refusal::Expired { at: setup.last_deadline() });
        }
    }
}

fn states_from_timers(setup: &Setup, now: Timestamp) -> Vec<State> {
    let mut record = create_record(setup);
    let mut states = vec![];
    while let Some(transition) = fire_due_timer(&record, now) {
        record = transition.next;
        states.push(record.state());
    }
    states
}

#[test]
fn late_timers_fire_in_deadline_order() {
    let options = Choice::ALL.to_vec();
    let with_backup = Setup::plain(true, options.clone());
    assert_eq!(states_from_timers(&with_backup, FIRST_DEADLINE.plus_ms(-1)), []);
    assert_eq!(states_from_timers(&with_backup, FIRST_DEADLINE), [State::Escalated]);
    assert_eq!(states_from_timers(&with_backup, SECOND_DEADLINE.plus_ms(-1)), [State::Escalated]);
    assert_eq!(states_from_timers(&with_backup, SECOND_DEADLINE), [State::Escalated, State::Expired]);
    let without_backup = Setup::plain(false, options);
    assert_eq!(states_from_timers(&without_backup, FIRST_DEADLINE.plus_ms(-1)), []);
    assert_eq!(states_from_timers(&without_backup, FIRST_DEADLINE), [State::Expired]);
}

#[test]
fn concurrent_timers_use_same_command_id() {
    let record = create_record(&Setup::plain(true, Choice::ALL.to_vec()));
    let [early, late] =
        [FIRST_DEADLINE, FIRST_DEADLINE.plus_ms(700)].map(|now| fire_due_timer(&record, now).unwrap().next);
    assert_eq!(early.newest().unwrap().command, late.newest().unwrap().command);
    let expired = fire_due_timer(&early, SECOND_DEADLINE).unwrap().next;
    assert!(!expired.newest().unwrap().command.same_command(&early.newest().unwrap().command));
}
