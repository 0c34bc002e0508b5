//! A claim with a lease holds as long as its holder is heard of.

use handrail_domain::packet::{Act, Claim, Refusal, State, target};
use serde_json::json;

use super::support::{Held, LEASE_S, START, Setup, Who, agent, held_in, play};

fn claimed() -> Held {
    held_in(State::Claimed, Setup { leased: true, ..Setup::PLAIN })
}

#[test]
fn a_claim_has_one_winner_and_the_loser_learns_whose() {
    let held = claimed();
    for by in ["worker", "late"] {
        let claim = Claim { by: agent(by), lease_seconds: None }.act();
        let refusal = play(&held.record, &claim, Who::AgentKey, START.plus_ms(2_000)).unwrap_err();
        assert_eq!(refusal, Refusal::AlreadyClaimed { by: agent("worker") });
        assert!(refusal.retry_may_help());
    }
}

#[test]
fn a_lost_holder_loses_it_to_whoever_comes_next() {
    let held = claimed();
    let until = held.record.standing.lease.unwrap().until;
    assert_eq!(until, START.plus_ms(1_000 + i64::from(LEASE_S) * 1_000));
    assert_eq!(held.at(until.plus_ms(-1)).state(), State::Claimed);
    let free = held.at(until);
    assert_eq!((free.state(), target(&free.record).id.as_str()), (State::Created, "meant"));
    assert_eq!((free.record.standing.claimed_at, free.record.standing.lease), (None, None));
    let next = free.claimed(None, until);
    assert_eq!((next.state(), next.record.standing.lease), (State::Claimed, None));
    // Its lease is not the earlier one.
    assert_eq!(next.at(until.plus_ms(3_600_000)).state(), State::Claimed);
}

#[test]
fn every_sign_of_life_renews_it() {
    let at = START.plus_ms(50_000);
    let renewed = at.plus_ms(i64::from(LEASE_S) * 1_000);
    let held = claimed();
    for alive in [
        held.act(&Act::Renew, Who::AgentKey, at),
        held.patched(&json!({}), at).unwrap(),
        held.patched(&json!({"status": "claimed"}), at).unwrap(),
        held.patched(&json!({"status": "in_progress"}), at).unwrap(),
        held.patched(&json!({"context": {"summary": "more"}}), at).unwrap(),
    ] {
        assert_eq!(alive.record.standing.lease.unwrap().until, renewed);
        assert_eq!(alive.record.updated_at, at);
    }
    // What others do to it says nothing of the holder.
    let chained = Act::Chained { child: super::support::child_id(), child_source: "child".to_owned() };
    assert_eq!(held.act(&chained, Who::AgentKey, at).record.standing.lease, held.record.standing.lease);
}

#[test]
fn who_waits_for_a_person_is_not_lost_and_has_it_anew_after_the_answer() {
    let waiting = held_in(State::AwaitingHuman, Setup::ASKING);
    let at = START.plus_ms(500_000);
    assert_eq!(waiting.at(at).state(), State::AwaitingHuman);
    let back = waiting.answered("yes", at).unwrap();
    assert_eq!(back.record.standing.lease.unwrap().until, at.plus_ms(i64::from(LEASE_S) * 1_000));
    assert_eq!(target(&back.record).id, "worker");
}

#[test]
fn who_is_done_holds_nothing() {
    for state in [State::Completed, State::Failed, State::Expired] {
        assert_eq!(held_in(state, Setup::ASKING).record.standing.lease, None, "{state:?}");
    }
}
