//! Laws of the table itself.

use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Act, Packet, State, TABLE, Trigger};

use super::oracle::published_moves;
use super::support::{START, Setup, held_in};

fn triggers() -> Vec<Trigger> {
    use Trigger::{AnswerTimeOut, Chain, Claim, Delete, Edit, Expire, LeaseLapse, Move, Respond};
    let moves = State::ALL.iter().map(|to| Move(*to));
    moves.chain([Claim, Edit, Respond, Delete, Chain, Expire, AnswerTimeOut, LeaseLapse]).collect()
}

#[test]
fn every_state_is_reachable_and_every_row_has_a_known_trigger() {
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
fn no_two_rows_say_what_one_trigger_does_in_one_state() {
    for state in State::ALL {
        for trigger in triggers() {
            let rows = TABLE.rows.iter().filter(|row| row.from == *state && row.trigger == trigger);
            assert!(rows.count() <= 1, "{state:?} {trigger:?}");
        }
    }
}

#[test]
fn a_patch_leads_where_it_is_published_and_the_state_itself_is_always_one() {
    for from in State::ALL {
        assert_eq!(from.moves_to(), published_moves(*from), "{from:?}");
        let same = TABLE.find(*from, Trigger::Move(*from)).unwrap();
        assert_eq!((same.to, same.event), (*from, "packet.edited"));
        for to in published_moves(*from) {
            let row = TABLE.find(*from, Trigger::Move(*to)).unwrap();
            assert_eq!((row.to, row.event), (*to, "packet.moved"));
        }
    }
}

#[test]
fn only_an_answer_leads_from_a_person_back_to_work() {
    let onward = TABLE.rows.iter().filter(|row| row.from == State::AwaitingHuman);
    let to_work = onward.filter(|row| !matches!(row.to, State::AwaitingHuman | State::Failed | State::Expired));
    assert_eq!(to_work.map(|row| row.trigger).collect::<Vec<_>>(), [Trigger::Respond]);
}

#[test]
fn nothing_leads_out_of_expired_and_only_expiring_out_of_what_is_done() {
    for row in TABLE.rows.iter().filter(|row| row.from != row.to) {
        assert_ne!(row.from, State::Expired);
        if matches!(row.from, State::Completed | State::Failed) {
            assert_eq!(row.to, State::Expired, "{row:?}");
        }
        // Only a lost holder gives it back.
        assert!(row.to != State::Created || row.trigger == Trigger::LeaseLapse, "{row:?}");
    }
}

#[test]
fn what_is_done_is_done_and_everything_else_ends_some_time() {
    for setup in Setup::all() {
        for state in State::ALL {
            let record = held_in(*state, setup).record;
            let ends = !matches!(state, State::Completed | State::Expired);
            assert_eq!(record.due().is_some(), ends, "{state:?} {setup:?}");
            let end = record.seen_at(START.plus_ms(1_000 * 24 * 3_600_000)).state();
            assert_eq!(end, if ends { State::Expired } else { *state }, "{state:?} {setup:?}");
        }
    }
}

#[test]
fn a_timer_has_a_row_wherever_it_is_armed_and_works_for_nobody() {
    let ask = held_in(State::Created, Setup::PLAIN).record.ask;
    for timer in TABLE.timers {
        for state in timer.armed_in {
            assert!(TABLE.find(*state, timer.raises).is_some(), "{} in {state:?}", timer.name);
        }
        let act = Packet::act_of_timer(timer);
        assert!(matches!(act, Act::Expire | Act::AnswerTimeOut | Act::LeaseLapse), "{}", timer.name);
        assert_eq!(Packet::trigger(&ask, &act, START), timer.raises, "{}", timer.name);
    }
    assert_eq!(TABLE.timers.iter().map(|timer| timer.name).collect::<Vec<_>>(), ["answer", "expiry", "lease"]);
}

#[test]
fn states_are_called_as_they_are_published() {
    let names = ["created", "claimed", "in_progress", "awaiting_human", "completed", "failed", "expired"];
    assert_eq!(State::ALL.iter().map(|state| state.name()).collect::<Vec<_>>(), names);
    for state in State::ALL {
        assert_eq!(State::from_name(state.name()), Some(*state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        let standing = held_in(*state, Setup::ASKING).record.standing;
        assert_eq!(serde_json::to_value(standing).unwrap()["state"], state.name());
    }
    assert_eq!(State::from_name("Created"), None);
}
