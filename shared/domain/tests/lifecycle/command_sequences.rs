//! Invariants of any sequence of commands, with a clock that advances, jumps and goes back.

use handrail_domain::attachment::ATTACHMENTS_MAX;
use handrail_domain::decision::{Act, Choice, Decision, DecisionEvent, Refusal, State};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::{Lifecycle, PlannedTransition};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::expected_transitions::{expected_state_data, is_open};
use super::fixtures::{
    FIRST_DEADLINE, HOUR_MS, SECOND_DEADLINE, START, Setup, TestActor, all_acts, bytes, command_id,
    expected_chain_hash, is_answer,
};
use super::fixtures::{create_record, run_command_with_id};

#[derive(Clone, Debug)]
enum ClockStep {
    Unchanged,
    Advances(i64),
    /// Simulates another process whose clock is behind.
    GoesBack(i64),
    JumpsTo(Timestamp),
}

#[derive(Clone, Debug)]
struct HistoryStep {
    clock: ClockStep,
    actor: TestActor,
    act: Act,
    /// Taken from a small range, so that commands repeat.
    command_number: u8,
}

#[derive(Clone, Debug)]
struct History {
    setup: Setup,
    steps: Vec<HistoryStep>,
}

/// Result of one step: a planned transition or a refusal.
struct StepResult<'a> {
    before: &'a Record<Decision>,
    step: &'a HistoryStep,
    now: Timestamp,
    outcome: &'a Result<PlannedTransition<Decision>, Refusal>,
}

fn any_clock_step() -> impl Strategy<Value = ClockStep> {
    prop_oneof![
        2 => Just(ClockStep::Unchanged),
        4 => (1..HOUR_MS / 4).prop_map(ClockStep::Advances),
        1 => (1..90_000_i64).prop_map(ClockStep::GoesBack),
        1 => (HOUR_MS..50 * HOUR_MS).prop_map(ClockStep::Advances),
        2 => (select(vec![FIRST_DEADLINE, SECOND_DEADLINE]), -1..=1_i64)
            .prop_map(|(at, ms)| ClockStep::JumpsTo(at.plus_ms(ms))),
    ]
}

fn any_history() -> impl Strategy<Value = History> {
    let step = (any_clock_step(), select(TestActor::ALL.to_vec()), select(all_acts()), 0..6_u8)
        .prop_map(|(clock, actor, act, command_number)| HistoryStep { clock, actor, act, command_number });
    (select(Setup::all()), prop::collection::vec(step, 0..12)).prop_map(|(setup, steps)| History { setup, steps })
}

/// Runs a history as the service does: a repeated command is answered from the log, and due timers fire before a
/// command. Calls `check` with each result.
fn run_history(history: &History, mut check: impl FnMut(StepResult<'_>)) -> Record<Decision> {
    let mut record = create_record(&history.setup);
    let mut now = START;
    for step in &history.steps {
        now = match step.clock {
            ClockStep::Unchanged => now,
            ClockStep::Advances(ms) => now.plus_ms(ms),
            ClockStep::GoesBack(ms) => now.plus_ms(-ms),
            ClockStep::JumpsTo(at) => at,
        };
        let name = format!("step {}", step.command_number);
        if record.entry_of_command(&command_id(&name)).is_some() {
            continue;
        }
        loop {
            let outcome = run_command_with_id(&record, &step.act, step.actor, now, &name);
            check(StepResult { before: &record, step, now, outcome: &outcome });
            let Ok(transition) = outcome else { break };
            record = transition.next;
            if !transition.by_timer {
                break;
            }
        }
    }
    record
}

#[test]
fn repeated_command_id_with_other_content_is_recognised() {
    let record = create_record(&Setup::plain(false, vec![Choice::Deny]));
    let repeat = CommandId::new("create", b"other content");
    let found = record.entry_of_command(&repeat).unwrap();
    assert_eq!(found.seq, 1);
    assert_ne!(found.command, repeat, "the content differs from the first command");
}

fn is_use(event: &DecisionEvent) -> bool {
    matches!(event, DecisionEvent::Consumed { .. } | DecisionEvent::Executed { .. })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn settled_decision_never_changes(history in any_history()) {
        run_history(&history, |result| {
            if is_open(result.before.state()) {
                return;
            }
            if let Ok(transition) = result.outcome {
                // Its approval may be used, which leaves the answer and the files as they are.
                assert!(is_use(&transition.next.newest().unwrap().event), "{:?}", result.step);
                let (before, after) = (&result.before.state_data, &transition.next.state_data);
                assert_eq!((&before.phase, &before.attachments), (&after.phase, &after.attachments));
            }
        });
    }

    #[test]
    fn approval_is_used_at_most_once(history in any_history()) {
        let record = run_history(&history, |_| {});
        let count = |name: &str| {
            record.log.iter().filter(|encoded| Decision::event_name(&encoded.entry.event) == name).count()
        };
        let (consumed, executed) = (count("decision.consumed"), count("decision.executed"));
        prop_assert!(consumed <= 1 && executed <= consumed, "{} {}", consumed, executed);
        let is_approved = matches!(record.state(), State::Approved | State::Modified | State::Scheduled);
        prop_assert!(consumed == 0 || is_approved);
        prop_assert_eq!(record.state_data.consumption.is_some(), consumed == 1);
    }

    #[test]
    fn replayed_events_give_the_state_data(history in any_history()) {
        let record = run_history(&history, |_| {});
        let (mut replayed, mut expected) = (None, None);
        for encoded in &record.log {
            let (event, at) = (&encoded.entry.event, encoded.entry.at);
            // Only an open record has a next event, besides the use of its approval, and it escalates only once.
            if let Some(before) = &replayed {
                let from = Decision::state(before);
                prop_assert!(is_open(from) || is_use(event));
                prop_assert!(*event != DecisionEvent::Escalated || from == State::Pending);
            }
            replayed = Some(Decision::apply(replayed.as_ref(), &encoded.entry));
            expected = Some(expected_state_data(expected.as_ref(), event, &encoded.entry.by, at));
            prop_assert_eq!(&replayed, &expected);
        }
        prop_assert_eq!(replayed.as_ref(), Some(&record.state_data));
        prop_assert!(record.state_data.attachments.len() <= ATTACHMENTS_MAX);
    }

    #[test]
    fn chain_hash_can_be_recomputed_from_log(history in any_history()) {
        let record = run_history(&history, |_| {});
        let texts = record.log.iter().map(|encoded| encoded.text.as_str());
        prop_assert_eq!(record.chain.to_hex(), expected_chain_hash(texts));
    }

    #[test]
    fn log_sequence_has_no_gaps(history in any_history()) {
        let record = run_history(&history, |_| {});
        let numbers: Vec<_> = record.log.iter().map(|encoded| encoded.entry.seq).collect();
        prop_assert_eq!(&numbers, &(1..=record.seq).collect::<Vec<_>>());
        prop_assert_eq!(record.newest().map(|entry| (entry.seq, entry.at)), Some((record.seq, record.updated_at)));
        for seq in numbers {
            prop_assert_eq!(record.event(seq).map(|entry| entry.seq), Some(seq));
        }
        prop_assert!(record.event(0).is_none() && record.event(record.seq + 1).is_none());
    }

    #[test]
    fn armed_timer_matches_current_approver(history in any_history()) {
        let setup = history.setup.clone();
        run_history(&history, |result| {
            let due = result.before.due().map(|due| (due.rule.name, due.at));
            let expected = match result.before.state() {
                State::Pending if setup.backup => Some(("escalation", FIRST_DEADLINE)),
                State::Pending | State::Escalated => Some(("expiry", setup.last_deadline())),
                State::Approved | State::Denied | State::Modified | State::Scheduled | State::Expired => None,
            };
            assert_eq!(due, expected, "{:?}", result.before.state());
        });
    }

    #[test]
    fn no_answer_at_or_after_deadline(history in any_history()) {
        run_history(&history, |result| {
            if let Ok(transition) = result.outcome
                && is_answer(&transition.next.newest().unwrap().event)
            {
                let deadline = match result.before.state() {
                    State::Pending => FIRST_DEADLINE,
                    _ => SECOND_DEADLINE,
                };
                assert!(deadline > result.now, "{:?}", result.step);
            }
        });
    }

    #[test]
    fn at_most_one_answer_is_accepted(history in any_history()) {
        let record = run_history(&history, |_| {});
        let ends = |event: &DecisionEvent| {
            is_answer(event) || matches!(event, DecisionEvent::Expired | DecisionEvent::Cancelled { .. })
        };
        let ending = record.log.iter().filter(|encoded| ends(&encoded.entry.event)).count();
        prop_assert_eq!(ending, usize::from(!is_open(record.state())));
    }

    #[test]
    fn repeated_command_makes_one_event(history in any_history()) {
        let record = run_history(&history, |_| {});
        for (index, encoded) in record.log.iter().enumerate() {
            let found = record.entry_of_command(&encoded.entry.command);
            prop_assert_eq!(found.map(|entry| entry.seq), Some(encoded.entry.seq));
            let later = &record.log[index + 1..];
            prop_assert!(!later.iter().any(|other| other.entry.command.same_command(&encoded.entry.command)));
        }
    }

    #[test]
    fn planned_transition_is_deterministic(history in any_history()) {
        run_history(&history, |result| {
            let StepResult { before, step, now, outcome } = result;
            let name = format!("step {}", step.command_number);
            let again = run_command_with_id(before, &step.act, step.actor, now, &name);
            match (outcome, again) {
                (Ok(first), Ok(again)) => {
                    assert_eq!(bytes(&first.next), bytes(&again.next));
                    assert_eq!((first.deadline, first.by_timer), (again.deadline, again.by_timer));
                }
                (first, again) => assert_eq!(first.as_ref().unwrap_err(), &again.unwrap_err()),
            }
        });
    }

    #[test]
    fn record_decoded_from_log_is_equal(history in any_history()) {
        let record = run_history(&history, |_| {});
        for encoded in &record.log {
            let read = handrail_domain::record::EncodedLogEntry::<Decision>::read(encoded.text.clone()).unwrap();
            prop_assert_eq!(&read, encoded);
            prop_assert!(super::fixtures::is_text_of(&read.entry, &encoded.text));
        }
    }
}
