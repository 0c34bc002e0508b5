//! Trimming of long logs, and timers that lead back to their own state.

use handrail_domain::actor::Actor;
use handrail_domain::effect::Effect;
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::{Command, Lifecycle, Table, TimerRule, decide, fire_due_timer, row};
use handrail_domain::record::{LOG_ENTRIES_KEPT, LOG_ENTRIES_MAX, LogEntry, Record};
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::fixtures::{START, command_id, expected_chain_hash, record_id, salt, tenant};

/// Lifecycle with one state, whose transitions lead back to that state.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counter;

#[derive(Clone, Copy, Debug, PartialEq)]
enum CounterState {
    Counting,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum CounterTrigger {
    Increment,
    TimerIncrement,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Incremented(u64);

impl Lifecycle for Counter {
    const KIND: &'static str = "counter";
    const TABLE: Table<CounterState, CounterTrigger> = Table {
        rows: &[
            row(CounterState::Counting, CounterTrigger::Increment, CounterState::Counting, "incremented"),
            row(CounterState::Counting, CounterTrigger::TimerIncrement, CounterState::Counting, "incremented"),
        ],
        timers: &[TimerRule {
            name: "tick",
            armed_in: &[CounterState::Counting],
            raises: CounterTrigger::TimerIncrement,
        }],
    };

    type State = CounterState;
    type Trigger = CounterTrigger;
    /// Time at which the timer fires, or `None` without timer.
    type Spec = Option<Timestamp>;
    type StateData = u64;
    type Event = Incremented;
    type Act = CounterTrigger;
    type Refusal = ();

    fn state(_: &u64) -> CounterState {
        CounterState::Counting
    }
    fn state_name(_: CounterState) -> &'static str {
        "counting"
    }
    fn event_name(_: &Incremented) -> &'static str {
        "incremented"
    }
    fn trigger(_: &Option<Timestamp>, act: &CounterTrigger, _: Timestamp) -> CounterTrigger {
        *act
    }
    fn initial_event(_: &Option<Timestamp>) -> Incremented {
        Incremented(0)
    }
    fn deadline(spec: &Option<Timestamp>, _: &u64, _: &TimerRule<CounterState, CounterTrigger>) -> Option<Timestamp> {
        *spec
    }
    fn timer_command(timer: &TimerRule<CounterState, CounterTrigger>) -> CounterTrigger {
        timer.raises
    }
    fn guard(record: &Record<Self>, _: &CounterTrigger, _: &Actor, _: Timestamp) -> Result<Incremented, ()> {
        Ok(Incremented(record.state_data + 1))
    }
    fn refuse_no_transition(_: &Record<Self>, _: &CounterTrigger) {}
    fn apply(_: Option<&u64>, entry: &LogEntry<Self>) -> u64 {
        entry.event.0
    }
    fn personal_values(_: &Self::Event) -> &'static [&'static str] {
        &[]
    }

    fn effects(_: &Option<Timestamp>, _: &LogEntry<Self>) -> Vec<Effect> {
        vec![]
    }
}

fn create_counter(timer_at: Option<Timestamp>) -> Record<Counter> {
    Record::create(tenant(), record_id(), timer_at, Actor::Timer, command_id("create"), START, salt())
}

fn run_command(record: &Record<Counter>, trigger: CounterTrigger) -> Result<Record<Counter>, ()> {
    let id = CommandId::new(&format!("increment {}", record.seq), &[]);
    decide(record, &Command { id, actor: Actor::Timer, act: trigger }, START).map(|transition| transition.next)
}

/// The counter after each of `count` increments, starting with the new record.
fn counters_up_to(count: usize) -> Vec<Record<Counter>> {
    std::iter::successors(Some(create_counter(None)), |record| run_command(record, CounterTrigger::Increment).ok())
        .take(count + 1)
        .collect()
}

#[test]
fn long_log_keeps_newest_32_to_64_entries() {
    assert_eq!((LOG_ENTRIES_KEPT, LOG_ENTRIES_MAX), (32, 64));
    for record in counters_up_to(300) {
        let total = usize::try_from(record.seq).unwrap();
        let length = record.log.len();
        assert!((total.min(32)..=64).contains(&length), "{length} of {total}");
        let numbers: Vec<_> = record.log.iter().map(|encoded| encoded.entry.seq).collect();
        assert_eq!(numbers, (record.seq + 1 - length as u64..=record.seq).collect::<Vec<_>>());
        assert_eq!(record.newest().unwrap().event, Incremented(record.seq - 1));
    }
}

#[test]
fn log_is_not_trimmed_before_full() {
    let lengths: Vec<_> = counters_up_to(96).iter().map(|record| record.log.len()).collect();
    assert_eq!(&lengths[..64], (1..=64).collect::<Vec<_>>());
    assert_eq!(&lengths[64..], (32..=64).collect::<Vec<_>>());
}

#[test]
fn chain_hash_covers_trimmed_entries() {
    let all = counters_up_to(150);
    // The newest entries of all versions are the untrimmed log.
    let entries: Vec<_> = all.iter().map(|record| record.log.last().unwrap().text.as_str()).collect();
    assert_eq!(all.last().unwrap().chain.to_hex(), expected_chain_hash(entries.iter().copied()));
    assert_ne!(all.last().unwrap().chain.to_hex(), expected_chain_hash(entries[1..].iter().copied()));
}

#[test]
fn trimmed_commands_are_not_found() {
    let record = counters_up_to(64).pop().unwrap();
    assert!(record.event(33).is_none());
    assert_eq!(record.event(34).map(|entry| entry.seq), Some(34));
    assert!(record.entry_of_command(&CommandId::new("increment 32", &[])).is_none());
    assert!(record.entry_of_command(&CommandId::new("increment 33", &[])).is_some());
}

#[test]
fn as_of_ends_with_self_looping_timer() {
    let record = create_counter(Some(START));
    assert!(fire_due_timer(&record, START).is_some());
    assert_eq!(record.as_of(START).seq, 2);
    assert_eq!(record.as_of(START.plus_ms(-1)).seq, 1);
}

#[test]
fn timer_trigger_cannot_be_commanded() {
    assert!(run_command(&create_counter(None), CounterTrigger::Increment).is_ok());
    assert!(run_command(&create_counter(None), CounterTrigger::TimerIncrement).is_err());
}
