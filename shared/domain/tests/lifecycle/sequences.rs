//! Laws that hold over any sequence of commands, whatever the clock does between them.

use handrail_domain::attachment::ATTACHMENTS_MAX;
use handrail_domain::decision::{Act, Choice, Decision, DecisionEvent, Refusal, State};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::{Lifecycle, Verdict};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::support::{FIRST, HOUR_MS, SECOND, START, Setup, Who, all_acts, bytes, chain_over, command_id, is_answer};
use super::support::{open, play_named};

#[derive(Clone, Debug)]
enum Clock {
    Stands,
    Advances(i64),
    /// Another process, whose clock is a little behind.
    FallsBack(i64),
    JumpsTo(Timestamp),
}

#[derive(Clone, Debug)]
struct Step {
    clock: Clock,
    who: Who,
    act: Act,
    /// Few, so that commands repeat.
    name: u8,
}

#[derive(Clone, Debug)]
struct History {
    setup: Setup,
    steps: Vec<Step>,
}

/// One write, or one refusal.
struct Moment<'a> {
    before: &'a Record<Decision>,
    step: &'a Step,
    now: Timestamp,
    outcome: &'a Result<Verdict<Decision>, Refusal>,
}

fn clock() -> impl Strategy<Value = Clock> {
    prop_oneof![
        2 => Just(Clock::Stands),
        4 => (1..HOUR_MS / 4).prop_map(Clock::Advances),
        1 => (1..90_000_i64).prop_map(Clock::FallsBack),
        1 => (HOUR_MS..50 * HOUR_MS).prop_map(Clock::Advances),
        2 => (select(vec![FIRST, SECOND]), -1..=1_i64).prop_map(|(at, ms)| Clock::JumpsTo(at.plus_ms(ms))),
    ]
}

fn history() -> impl Strategy<Value = History> {
    let step = (clock(), select(Who::ALL.to_vec()), select(all_acts()), 0..6_u8)
        .prop_map(|(clock, who, act, name)| Step { clock, who, act, name });
    (select(Setup::all()), prop::collection::vec(step, 0..12)).prop_map(|(setup, steps)| History { setup, steps })
}

/// Plays a history as the service does: a repeat is answered from the log, and what is due settles before a command.
fn play_all(history: &History, mut law: impl FnMut(Moment<'_>)) -> Record<Decision> {
    let mut record = open(&history.setup);
    let mut now = START;
    for step in &history.steps {
        now = match step.clock {
            Clock::Stands => now,
            Clock::Advances(ms) => now.plus_ms(ms),
            Clock::FallsBack(ms) => now.plus_ms(-ms),
            Clock::JumpsTo(at) => at,
        };
        let name = format!("step {}", step.name);
        if record.made_by(&command_id(&name)).is_some() {
            continue;
        }
        loop {
            let outcome = play_named(&record, &step.act, step.who, now, &name);
            law(Moment { before: &record, step, now, outcome: &outcome });
            let Ok(verdict) = outcome else { break };
            record = verdict.next;
            if !verdict.settles_first {
                break;
            }
        }
    }
    record
}

#[test]
fn a_repeat_with_other_content_is_known_as_the_same_command() {
    let record = open(&Setup::plain(false, vec![Choice::Deny]));
    let repeat = CommandId::new("create", b"other content");
    let found = record.made_by(&repeat).unwrap();
    assert_eq!(found.seq, 1);
    assert_ne!(found.command, repeat, "and can be told from a plain repeat");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn what_is_settled_stays_as_it_is(history in history()) {
        play_all(&history, |moment| {
            if moment.before.is_settled() {
                assert!(moment.outcome.is_err(), "{:?}", moment.step);
            }
        });
    }

    #[test]
    fn folding_the_events_gives_the_standing(history in history()) {
        let record = play_all(&history, |_| {});
        let mut folded = None;
        for line in &record.log {
            let after = Decision::after(folded.as_ref(), &line.entry);
            // Each event but the first leads on from the state before it, along a row.
            if let Some(before) = &folded {
                let (from, to) = (Decision::state(before), Decision::state(&after));
                let event = Decision::event_name(&line.entry.event);
                prop_assert!(Decision::TABLE.rows.iter().any(|row| (row.from, row.to, row.event) == (from, to, event)));
            }
            folded = Some(after);
        }
        prop_assert_eq!(folded.as_ref(), Some(&record.standing));
        prop_assert!(record.standing.attachments.len() <= ATTACHMENTS_MAX);
    }

    #[test]
    fn the_chain_can_be_recomputed_from_the_log(history in history()) {
        let record = play_all(&history, |_| {});
        prop_assert_eq!(record.chain.to_hex(), chain_over(record.log.iter().map(|line| line.text.as_str())));
    }

    #[test]
    fn the_log_is_numbered_from_one_without_gaps(history in history()) {
        let record = play_all(&history, |_| {});
        let numbers: Vec<_> = record.log.iter().map(|line| line.entry.seq).collect();
        prop_assert_eq!(&numbers, &(1..=record.seq).collect::<Vec<_>>());
        prop_assert_eq!(record.newest().map(|entry| (entry.seq, entry.at)), Some((record.seq, record.updated_at)));
        for seq in numbers {
            prop_assert_eq!(record.event(seq).map(|entry| entry.seq), Some(seq));
        }
        prop_assert!(record.event(0).is_none() && record.event(record.seq + 1).is_none());
    }

    #[test]
    fn the_armed_timer_is_the_one_for_who_is_asked(history in history()) {
        let setup = history.setup.clone();
        play_all(&history, |moment| {
            let due = moment.before.due().map(|due| (due.rule.name, due.at));
            let expected = match moment.before.state() {
                State::Pending if setup.backup => Some(("escalation", FIRST)),
                State::Pending | State::Escalated => Some(("expiry", setup.last_deadline())),
                State::Approved | State::Denied | State::Modified | State::Scheduled | State::Expired => None,
            };
            assert_eq!(due, expected, "{:?}", moment.before.state());
        });
    }

    #[test]
    fn nobody_answers_at_or_after_the_deadline(history in history()) {
        play_all(&history, |moment| {
            if let Ok(verdict) = moment.outcome
                && is_answer(&verdict.next.newest().unwrap().event)
            {
                assert!(moment.before.due().unwrap().at > moment.now, "{:?}", moment.step);
            }
        });
    }

    #[test]
    fn at_most_one_answer_is_ever_taken(history in history()) {
        let record = play_all(&history, |_| {});
        let ends = |event: &DecisionEvent| {
            is_answer(event) || matches!(event, DecisionEvent::Expired | DecisionEvent::Cancelled { .. })
        };
        let ending = record.log.iter().filter(|line| ends(&line.entry.event)).count();
        prop_assert_eq!(ending, usize::from(record.is_settled()));
    }

    #[test]
    fn a_command_makes_at_most_one_event_however_often_it_comes(history in history()) {
        let record = play_all(&history, |_| {});
        for (place, line) in record.log.iter().enumerate() {
            let same = |other: &Record<Decision>| other.made_by(&line.entry.command).map(|entry| entry.seq);
            prop_assert_eq!(same(&record), Some(line.entry.seq));
            let later = &record.log[place + 1..];
            prop_assert!(!later.iter().any(|other| other.entry.command.same_command(&line.entry.command)));
        }
    }

    #[test]
    fn the_same_arguments_give_the_same_verdict(history in history()) {
        play_all(&history, |moment| {
            let Moment { before, step, now, outcome } = moment;
            let again = play_named(before, &step.act, step.who, now, &format!("step {}", step.name));
            match (outcome, again) {
                (Ok(first), Ok(again)) => {
                    assert_eq!(bytes(&first.next), bytes(&again.next));
                    assert_eq!((first.deadline, first.settles_first), (again.deadline, again.settles_first));
                }
                (first, again) => assert_eq!(first.as_ref().unwrap_err(), &again.unwrap_err()),
            }
        });
    }

    #[test]
    fn a_record_read_back_from_its_stored_lines_is_the_same(history in history()) {
        let record = play_all(&history, |_| {});
        for line in &record.log {
            let read = handrail_domain::record::LogLine::<Decision>::read(line.text.clone()).unwrap();
            prop_assert_eq!(&read, line);
            prop_assert_eq!(serde_json::to_string(&read.entry).unwrap(), line.text.as_str());
        }
    }
}
