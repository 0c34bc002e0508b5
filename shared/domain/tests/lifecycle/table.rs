//! Laws of the table itself.

use std::collections::BTreeMap;

use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Choice, Decision, Given, State, TABLE, Trigger};
use handrail_domain::lifecycle::{Lifecycle, Row};

use super::support::{Asked, LATER, START, Setup, Who, ask, command_id, files, open, record_in};

fn with_everything() -> Setup {
    Setup { asked: Asked::Time { allow_immediate: true }, ..Setup::plain(true, Choice::ALL.to_vec()) }
}

fn act_of(trigger: Trigger) -> Act {
    match trigger {
        Trigger::Approve => Act::Answer(Choice::Approve, Given::default()),
        Trigger::Deny => Act::Answer(Choice::Deny, Given::default()),
        Trigger::Modify => Act::Answer(Choice::Modify, Given::default()),
        Trigger::Schedule => {
            Act::Answer(Choice::Approve, Given { execute_at: Some(LATER.to_string()), ..Given::default() })
        }
        Trigger::Attach => Act::Attach(files(1)),
        Trigger::Cancel => Act::Cancel { reason: None },
        Trigger::Escalate => Act::Escalate,
        Trigger::Expire => Act::Expire,
    }
}

fn actor_of(row: &Row<State, Trigger>) -> Actor {
    match row.trigger {
        Trigger::Approve | Trigger::Deny | Trigger::Modify | Trigger::Schedule => Who::AppKey.actor(),
        Trigger::Attach | Trigger::Cancel => Who::AgentKey.actor(),
        Trigger::Escalate | Trigger::Expire => Actor::Timer,
    }
}

#[test]
fn every_state_is_reachable() {
    let mut reached = vec![open(&with_everything()).state()];
    for _ in State::ALL {
        let next = TABLE.rows.iter().filter(|row| reached.contains(&row.from)).map(|row| row.to);
        let next: Vec<_> = next.filter(|state| !reached.contains(state)).collect();
        reached.extend(next);
    }
    for state in State::ALL {
        assert!(reached.contains(&state), "{state:?}");
    }
}

#[test]
fn the_terminal_states_are_the_answers_and_expired() {
    for state in State::ALL {
        let has_way_out = TABLE.rows.iter().any(|row| row.from == state);
        let terminal =
            matches!(state, State::Approved | State::Denied | State::Modified | State::Scheduled | State::Expired);
        assert_eq!(has_way_out, !terminal, "{state:?}");
        assert_eq!(TABLE.is_terminal(state), terminal, "{state:?}");
        assert_eq!(record_in(state, &with_everything()).is_settled(), terminal, "{state:?}");
    }
}

#[test]
fn no_two_rows_say_what_one_trigger_does_in_one_state() {
    for state in State::ALL {
        for trigger in Trigger::ALL {
            let rows = TABLE.rows.iter().filter(|row| row.from == state && row.trigger == trigger);
            assert!(rows.count() <= 1, "{state:?} {trigger:?}");
        }
    }
}

#[test]
fn a_row_is_found_by_its_state_and_trigger() {
    for row in TABLE.rows {
        let found = TABLE.find(row.from, row.trigger).unwrap();
        assert_eq!((found.to, found.event), (row.to, row.event));
    }
    assert!(TABLE.find(State::Escalated, Trigger::Escalate).is_none());
}

#[test]
fn a_timer_has_a_row_wherever_it_is_armed() {
    for timer in TABLE.timers {
        assert!(!timer.armed_in.is_empty(), "{}", timer.name);
        for state in timer.armed_in {
            assert!(TABLE.find(*state, timer.raises).is_some(), "{} in {state:?}", timer.name);
        }
    }
}

#[test]
fn no_timer_answers_for_a_person() {
    for timer in TABLE.timers {
        assert!(matches!(timer.raises, Trigger::Escalate | Trigger::Expire), "{}", timer.name);
        let act = Decision::act_of_timer(timer);
        assert!(matches!(act, Act::Escalate | Act::Expire), "{}", timer.name);
        assert_eq!(Decision::trigger(&ask(&with_everything()), &act, START), timer.raises, "{}", timer.name);
    }
}

#[test]
fn timers_have_names_of_their_own() {
    let mut names: Vec<_> = TABLE.timers.iter().map(|timer| timer.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["escalation", "expiry"]);
}

#[test]
fn whoever_waits_has_a_timer_that_ends_the_wait() {
    for setup in Setup::all() {
        for state in State::ALL {
            let record = record_in(state, &setup);
            assert_eq!(record.due().is_some(), !record.is_settled(), "{state:?} {setup:?}");
        }
    }
}

#[test]
fn every_row_names_the_event_that_the_guards_return_and_the_state_it_leads_to() {
    for row in TABLE.rows {
        let record = record_in(row.from, &with_everything());
        let act = act_of(row.trigger);
        assert_eq!(Decision::trigger(&record.ask, &act, START), row.trigger);
        let event = Decision::permit(&record, &act, &actor_of(row), START).unwrap();
        assert_eq!(Decision::event_name(&event), row.event, "{row:?}");
        let next = record.with(event, actor_of(row), command_id("row"), record.updated_at.plus_ms(1));
        assert_eq!(next.state(), row.to, "{row:?}");
    }
}

#[test]
fn an_event_is_named_after_the_state_it_leads_to_except_for_two() {
    let mut states = BTreeMap::new();
    for row in TABLE.rows {
        match row.trigger {
            Trigger::Attach => assert_eq!((row.event, row.to), ("decision.attached", row.from), "moves nothing"),
            Trigger::Cancel => assert_eq!((row.event, row.to), ("decision.cancelled", State::Expired)),
            _ => {
                assert_eq!(*states.entry(row.event).or_insert(row.to), row.to, "{}", row.event);
                assert_eq!(row.event, format!("decision.{}", row.to.name()));
            }
        }
    }
    assert_eq!(states.len(), State::ALL.len() - 1, "all states but the first");
    let created = open(&with_everything());
    assert!(!states.contains_key(Decision::event_name(&created.newest().unwrap().event)));
}

#[test]
fn whoever_waits_can_be_answered_in_every_way_and_taken_back() {
    for state in [State::Pending, State::Escalated] {
        for trigger in Trigger::ALL {
            let found = TABLE.find(state, trigger).is_some();
            assert_eq!(found, (state, trigger) != (State::Escalated, Trigger::Escalate), "{state:?} {trigger:?}");
        }
    }
}

#[test]
fn state_names_read_back_and_are_those_of_the_stored_form() {
    for state in State::ALL {
        assert_eq!(State::from_name(state.name()), Some(state));
        assert_eq!(Decision::state_name(state), state.name());
        let stored = serde_json::to_value(record_in(state, &with_everything()).standing).unwrap();
        assert_eq!(stored["state"], state.name());
    }
    assert_eq!(State::from_name("Pending"), None);
}
