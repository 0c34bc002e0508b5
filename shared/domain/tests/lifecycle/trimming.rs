//! A log that grows long keeps its newest part, and time that leads nowhere still ends.

use handrail_domain::actor::Actor;
use handrail_domain::effect::Effect;
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::{Command, Lifecycle, Table, TimerRule, decide, row, settle};
use handrail_domain::record::{Entry, LOG_ENTRIES_KEPT, LOG_ENTRIES_MAX, Record};
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::support::{START, chain_over, command_id, record_id, tenant};

/// A wheel turns, and each turn leads back to where it was.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wheel;

#[derive(Clone, Copy, Debug, PartialEq)]
enum On {
    Turning,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Push {
    Hand,
    Wind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Turned(u64);

impl Lifecycle for Wheel {
    const KIND: &'static str = "wheel";
    const TABLE: Table<On, Push> = Table {
        rows: &[
            row(On::Turning, Push::Hand, On::Turning, "turned"),
            row(On::Turning, Push::Wind, On::Turning, "turned"),
        ],
        timers: &[TimerRule { name: "wind", armed_in: &[On::Turning], raises: Push::Wind }],
    };

    type State = On;
    type Trigger = Push;
    /// When the wind comes, if it does.
    type Ask = Option<Timestamp>;
    type Standing = u64;
    type Event = Turned;
    type Act = Push;
    type Refusal = ();

    fn state(_: &u64) -> On {
        On::Turning
    }
    fn state_name(_: On) -> &'static str {
        "turning"
    }
    fn event_name(_: &Turned) -> &'static str {
        "turned"
    }
    fn trigger(_: &Option<Timestamp>, act: &Push, _: Timestamp) -> Push {
        *act
    }
    fn opening(_: &Option<Timestamp>) -> Turned {
        Turned(0)
    }
    fn deadline(ask: &Option<Timestamp>, _: &u64, _: &TimerRule<On, Push>) -> Option<Timestamp> {
        *ask
    }
    fn act_of_timer(timer: &TimerRule<On, Push>) -> Push {
        timer.raises
    }
    fn permit(record: &Record<Self>, _: &Push, _: &Actor, _: Timestamp) -> Result<Turned, ()> {
        Ok(Turned(record.standing + 1))
    }
    fn no_row(_: &Record<Self>, _: &Push) {}
    fn after(_: Option<&u64>, entry: &Entry<Self>) -> u64 {
        entry.event.0
    }
    fn effects(_: &Option<Timestamp>, _: &Entry<Self>) -> Vec<Effect> {
        vec![]
    }
}

fn wheel(wind: Option<Timestamp>) -> Record<Wheel> {
    Record::open(tenant(), record_id(), wind, Actor::Timer, command_id("make"), START)
}

fn push(record: &Record<Wheel>, push: Push) -> Result<Record<Wheel>, ()> {
    let id = CommandId::new(&format!("push {}", record.seq), &[]);
    decide(record, &Command { id, actor: Actor::Timer, act: push }, START).map(|verdict| verdict.next)
}

/// The wheel after each of so many turns.
fn turns(count: usize) -> Vec<Record<Wheel>> {
    std::iter::successors(Some(wheel(None)), |record| push(record, Push::Hand).ok()).take(count + 1).collect()
}

#[test]
fn a_long_log_keeps_between_its_newest_32_and_64_entries_in_order() {
    assert_eq!((LOG_ENTRIES_KEPT, LOG_ENTRIES_MAX), (32, 64));
    for record in turns(300) {
        let total = usize::try_from(record.seq).unwrap();
        let length = record.log.len();
        assert!((total.min(32)..=64).contains(&length), "{length} of {total}");
        let numbers: Vec<_> = record.log.iter().map(|line| line.entry.seq).collect();
        assert_eq!(numbers, (record.seq + 1 - length as u64..=record.seq).collect::<Vec<_>>());
        assert_eq!(record.newest().unwrap().event, Turned(record.seq - 1));
    }
}

#[test]
fn nothing_is_cut_before_the_log_is_full() {
    let lengths: Vec<_> = turns(96).iter().map(|record| record.log.len()).collect();
    assert_eq!(&lengths[..64], (1..=64).collect::<Vec<_>>());
    assert_eq!(&lengths[64..], (32..=64).collect::<Vec<_>>());
}

#[test]
fn the_chain_commits_to_what_was_cut_too() {
    let all = turns(150);
    // The newest line of each turn: all lines there ever were.
    let lines: Vec<_> = all.iter().map(|record| record.log.last().unwrap().text.as_str()).collect();
    assert_eq!(all.last().unwrap().chain.to_hex(), chain_over(lines.iter().copied()));
    assert_ne!(all.last().unwrap().chain.to_hex(), chain_over(lines[1..].iter().copied()));
}

#[test]
fn the_events_that_were_cut_are_no_longer_found_in_the_record() {
    let record = turns(64).pop().unwrap();
    assert!(record.event(33).is_none());
    assert_eq!(record.event(34).map(|entry| entry.seq), Some(34));
    assert!(record.made_by(&CommandId::new("push 32", &[])).is_none());
    assert!(record.made_by(&CommandId::new("push 33", &[])).is_some());
}

#[test]
fn looking_ends_even_when_a_timer_leads_back_to_its_own_state() {
    let record = wheel(Some(START));
    assert!(settle(&record, START).is_some());
    assert_eq!(record.seen_at(START).seq, 2);
    assert_eq!(record.seen_at(START.plus_ms(-1)).seq, 1);
}

#[test]
fn what_a_timer_raises_is_not_commanded() {
    assert!(push(&wheel(None), Push::Hand).is_ok());
    assert!(push(&wheel(None), Push::Wind).is_err());
}
