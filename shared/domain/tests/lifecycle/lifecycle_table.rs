//! Invariants of the lifecycle table.

use std::collections::BTreeMap;

use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Choice, Decision, ExecutionOutcome, State, SubmittedAnswer, TABLE, Trigger};
use handrail_domain::lifecycle::{Lifecycle, Row};

use super::fixtures::{
    EXECUTE_AT, RequestedData, START, Setup, TestActor, approved_hash, command_id, consume, create_record, finish,
    record_in, spec, test_files, with_consumption,
};

fn full_setup() -> Setup {
    Setup { requested_data: RequestedData::Time { allow_immediate: true }, ..Setup::plain(true, Choice::ALL.to_vec()) }
}

fn act_for_trigger(trigger: Trigger) -> Act {
    match trigger {
        Trigger::Approve => Act::Answer(Choice::Approve, SubmittedAnswer::default()),
        Trigger::Deny => Act::Answer(Choice::Deny, SubmittedAnswer::default()),
        Trigger::Modify => Act::Answer(Choice::Modify, SubmittedAnswer::default()),
        Trigger::Schedule => Act::Answer(
            Choice::Approve,
            SubmittedAnswer { execute_at: Some(EXECUTE_AT.to_string()), ..SubmittedAnswer::default() },
        ),
        Trigger::Attach => Act::Attach(test_files(1)),
        Trigger::Cancel => Act::Cancel { reason: None },
        Trigger::Consume => consume("run-1", &approved_hash()),
        Trigger::Finish => finish("run-1", ExecutionOutcome::Succeeded),
        Trigger::Escalate => Act::Escalate,
        Trigger::Expire => Act::Expire,
    }
}

fn actor_for_row(row: &Row<State, Trigger>) -> Actor {
    match row.trigger {
        Trigger::Approve | Trigger::Deny | Trigger::Modify | Trigger::Schedule => TestActor::AppKey.actor(),
        Trigger::Attach | Trigger::Cancel | Trigger::Consume | Trigger::Finish => TestActor::AgentKey.actor(),
        Trigger::Escalate | Trigger::Expire => Actor::Timer,
    }
}

#[test]
fn every_state_is_reachable() {
    let mut reached = vec![create_record(&full_setup()).state()];
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
fn terminal_states_are_answered_or_expired() {
    for state in State::ALL {
        let leads_out = TABLE.rows.iter().any(|row| row.from == state && row.to != state);
        let terminal =
            matches!(state, State::Approved | State::Denied | State::Modified | State::Scheduled | State::Expired);
        assert_eq!(leads_out, !terminal, "{state:?}");
        assert_eq!(TABLE.is_terminal(state), terminal, "{state:?}");
        assert_eq!(record_in(state, &full_setup()).is_terminal(), terminal, "{state:?}");
    }
}

#[test]
fn each_state_and_trigger_has_one_row() {
    for state in State::ALL {
        for trigger in Trigger::ALL {
            let rows = TABLE.rows.iter().filter(|row| row.from == state && row.trigger == trigger);
            assert!(rows.count() <= 1, "{state:?} {trigger:?}");
        }
    }
}

#[test]
fn find_returns_row_of_state_and_trigger() {
    for row in TABLE.rows {
        let found = TABLE.find(row.from, row.trigger).unwrap();
        assert_eq!((found.to, found.event), (row.to, row.event));
    }
    assert!(TABLE.find(State::Escalated, Trigger::Escalate).is_none());
}

#[test]
fn armed_timer_has_a_row() {
    for timer in TABLE.timers {
        assert!(!timer.armed_in.is_empty(), "{}", timer.name);
        for state in timer.armed_in {
            assert!(TABLE.find(*state, timer.raises).is_some(), "{} in {state:?}", timer.name);
        }
    }
}

#[test]
fn timers_never_answer() {
    for timer in TABLE.timers {
        assert!(matches!(timer.raises, Trigger::Escalate | Trigger::Expire), "{}", timer.name);
        let act = Decision::timer_command(timer);
        assert!(matches!(act, Act::Escalate | Act::Expire), "{}", timer.name);
        assert_eq!(Decision::trigger(&spec(&full_setup()), &act, START), timer.raises, "{}", timer.name);
    }
}

#[test]
fn timers_have_unique_names() {
    let mut names: Vec<_> = TABLE.timers.iter().map(|timer| timer.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["escalation", "expiry"]);
}

#[test]
fn every_open_state_has_a_timer() {
    for setup in Setup::all() {
        for state in State::ALL {
            let record = record_in(state, &setup);
            assert_eq!(record.due().is_some(), !record.is_terminal(), "{state:?} {setup:?}");
        }
    }
}

#[test]
fn rows_match_guard_events_and_next_states() {
    for row in TABLE.rows {
        let record = match row.trigger {
            Trigger::Finish => with_consumption(&record_in(row.from, &full_setup()), None),
            _ => record_in(row.from, &full_setup()),
        };
        // An approval for later is used when its time has come.
        let now = if row.from == State::Scheduled { EXECUTE_AT } else { START };
        let act = act_for_trigger(row.trigger);
        assert_eq!(Decision::trigger(&record.spec, &act, START), row.trigger);
        let event = Decision::guard(&record, &act, &actor_for_row(row), now).unwrap();
        assert_eq!(Decision::event_name(&event), row.event, "{row:?}");
        let next = record.append(event, actor_for_row(row), command_id("row"), record.updated_at.plus_ms(1));
        assert_eq!(next.state(), row.to, "{row:?}");
    }
}

#[test]
fn event_names_match_states_unless_the_state_stays_or_is_cancelled() {
    let mut states = BTreeMap::new();
    for row in TABLE.rows {
        match row.trigger {
            Trigger::Attach => {
                assert_eq!((row.event, row.to), ("decision.attached", row.from), "the state stays");
            }
            Trigger::Consume => assert_eq!((row.event, row.to), ("decision.consumed", row.from), "the state stays"),
            Trigger::Finish => assert_eq!((row.event, row.to), ("decision.executed", row.from), "the state stays"),
            Trigger::Cancel => assert_eq!((row.event, row.to), ("decision.cancelled", State::Expired)),
            _ => {
                assert_eq!(*states.entry(row.event).or_insert(row.to), row.to, "{}", row.event);
                assert_eq!(row.event, format!("decision.{}", row.to.name()));
            }
        }
    }
    assert_eq!(states.len(), State::ALL.len() - 1, "every state but the initial state");
    let created = create_record(&full_setup());
    assert!(!states.contains_key(Decision::event_name(&created.newest().unwrap().event)));
}

#[test]
fn open_states_accept_all_but_second_escalation_and_use() {
    for state in [State::Pending, State::Escalated] {
        for trigger in Trigger::ALL {
            let found = TABLE.find(state, trigger).is_some();
            let is_use = matches!(trigger, Trigger::Consume | Trigger::Finish);
            let expected = !is_use && (state, trigger) != (State::Escalated, Trigger::Escalate);
            assert_eq!(found, expected, "{state:?} {trigger:?}");
        }
    }
}

#[test]
fn state_names_parse_and_match_stored_form() {
    for state in State::ALL {
        assert_eq!(State::from_name(state.name()), Some(state));
        assert_eq!(Decision::state_name(state), state.name());
        let stored = serde_json::to_value(record_in(state, &full_setup()).state_data).unwrap();
        assert_eq!(stored["state"], state.name());
    }
    assert_eq!(State::from_name("Pending"), None);
}
