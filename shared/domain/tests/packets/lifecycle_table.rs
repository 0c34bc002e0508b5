//! Invariants of the lifecycle table.

use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Act, Packet, State, TABLE, Trigger};

use super::expected_transitions::allowed_states;
use super::fixtures::{START, Setup, packet_in};

fn triggers() -> Vec<Trigger> {
    use Trigger::{AnswerTimeOut, Chain, Claim, Delete, Edit, Expire, LeaseExpire, Move, Respond};
    let moves = State::ALL.iter().map(|to| Move(*to));
    moves.chain([Claim, Edit, Respond, Delete, Chain, Expire, AnswerTimeOut, LeaseExpire]).collect()
}

#[test]
fn every_state_is_reachable_by_known_triggers() {
    let mut reached = vec![State::Created];
    for _ in State::ALL {
        let next = TABLE.rows.iter().filter(|row| reached.contains(&row.from)).map(|row| row.to);
        let next: Vec<_> = next.filter(|state| !reached.contains(state)).collect();
        reached.extend(next);
    }
    assert!(State::ALL.iter().all(|state| reached.contains(state)), "{reached:?}");
    assert!(TABLE.rows.iter().all(|row| triggers().contains(&row.trigger)));
}

#[test]
fn each_state_and_trigger_has_one_row() {
    for state in State::ALL {
        for trigger in triggers() {
            let rows = TABLE.rows.iter().filter(|row| row.from == *state && row.trigger == trigger);
            assert!(rows.count() <= 1, "{state:?} {trigger:?}");
        }
    }
}

#[test]
fn patch_reaches_published_states_and_current_state() {
    for from in State::ALL {
        assert_eq!(from.allowed_transitions(), allowed_states(*from), "{from:?}");
        let row = TABLE.find(*from, Trigger::Move(*from)).unwrap();
        assert_eq!((row.to, row.event), (*from, "packet.edited"));
        for to in allowed_states(*from) {
            let row = TABLE.find(*from, Trigger::Move(*to)).unwrap();
            assert_eq!((row.to, row.event), (*to, "packet.moved"));
        }
    }
}

#[test]
fn only_answer_leads_from_awaiting_to_claimed() {
    let onward = TABLE.rows.iter().filter(|row| row.from == State::AwaitingHuman);
    let to_work = onward.filter(|row| !matches!(row.to, State::AwaitingHuman | State::Failed | State::Expired));
    assert_eq!(to_work.map(|row| row.trigger).collect::<Vec<_>>(), [Trigger::Respond]);
}

#[test]
fn expired_is_terminal_and_completed_only_expires() {
    for row in TABLE.rows.iter().filter(|row| row.from != row.to) {
        assert_ne!(row.from, State::Expired);
        if matches!(row.from, State::Completed | State::Failed) {
            assert_eq!(row.to, State::Expired, "{row:?}");
        }
        // Only an expired lease makes a packet claimable again.
        assert!(row.to != State::Created || row.trigger == Trigger::LeaseExpire, "{row:?}");
    }
}

#[test]
fn every_open_state_ends_by_timer() {
    for setup in Setup::all() {
        for state in State::ALL {
            let record = packet_in(*state, setup).record;
            let ends = !matches!(state, State::Completed | State::Expired);
            assert_eq!(record.due().is_some(), ends, "{state:?} {setup:?}");
            let end = record.as_of(START.plus_ms(1_000 * 24 * 3_600_000)).state();
            assert_eq!(end, if ends { State::Expired } else { *state }, "{state:?} {setup:?}");
        }
    }
}

#[test]
fn armed_timers_have_rows_and_no_actor() {
    let spec = packet_in(State::Created, Setup::PLAIN).record.spec;
    for timer in TABLE.timers {
        for state in timer.armed_in {
            assert!(TABLE.find(*state, timer.raises).is_some(), "{} in {state:?}", timer.name);
        }
        let act = Packet::timer_command(timer);
        assert!(matches!(act, Act::Expire | Act::AnswerTimeOut | Act::LeaseLapse), "{}", timer.name);
        assert_eq!(Packet::trigger(&spec, &act, START), timer.raises, "{}", timer.name);
    }
    assert_eq!(TABLE.timers.iter().map(|timer| timer.name).collect::<Vec<_>>(), ["answer", "expiry", "lease"]);
}

#[test]
fn states_have_published_names() {
    let names = ["created", "claimed", "in_progress", "awaiting_human", "completed", "failed", "expired"];
    assert_eq!(State::ALL.iter().map(|state| state.name()).collect::<Vec<_>>(), names);
    for state in State::ALL {
        assert_eq!(State::from_name(state.name()), Some(*state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        let state_data = packet_in(*state, Setup::WITH_CHECKPOINT).record.state_data;
        assert_eq!(serde_json::to_value(state_data).unwrap()["state"], state.name());
    }
    assert_eq!(State::from_name("Created"), None);
}
