//! Claims with a lease, which every command of the agent renews.

use handrail_domain::packet::{Act, Claim, Refusal, State, current_agent};
use serde_json::json;

use super::fixtures::{LEASE_S, START, Setup, TestActor, TestPacket, agent, packet_in, run_command};

fn claimed_packet() -> TestPacket {
    packet_in(State::Claimed, Setup { leased: true, ..Setup::PLAIN })
}

#[test]
fn second_claim_is_refused_with_holder_name() {
    let packet = claimed_packet();
    for by in ["worker", "late"] {
        let claim = Claim { by: agent(by), lease_seconds: None }.act();
        let refusal = run_command(&packet.record, &claim, TestActor::AgentKey, START.plus_ms(2_000)).unwrap_err();
        assert_eq!(refusal, Refusal::AlreadyClaimed { by: agent("worker") });
        assert!(refusal.is_retryable());
    }
}

#[test]
fn expired_claim_passes_to_next_agent() {
    let packet = claimed_packet();
    let until = packet.record.state_data.lease.unwrap().until;
    assert_eq!(until, START.plus_ms(1_000 + i64::from(LEASE_S) * 1_000));
    assert_eq!(packet.with_due_timers(until.plus_ms(-1)).state(), State::Claimed);
    let claimable = packet.with_due_timers(until);
    assert_eq!((claimable.state(), current_agent(&claimable.record).id.as_str()), (State::Created, "meant"));
    assert_eq!((claimable.record.state_data.claimed_at, claimable.record.state_data.lease), (None, None));
    let next = claimable.claim(None, until);
    assert_eq!((next.state(), next.record.state_data.lease), (State::Claimed, None));
    // The second claim has no lease, so the first lease no longer counts.
    assert_eq!(next.with_due_timers(until.plus_ms(3_600_000)).state(), State::Claimed);
}

#[test]
fn every_agent_command_renews_lease() {
    let at = START.plus_ms(50_000);
    let renewed_until = at.plus_ms(i64::from(LEASE_S) * 1_000);
    let packet = claimed_packet();
    for after in [
        packet.act(&Act::Heartbeat, TestActor::AgentKey, at),
        packet.patch(&json!({}), at).unwrap(),
        packet.patch(&json!({"status": "claimed"}), at).unwrap(),
        packet.patch(&json!({"status": "in_progress"}), at).unwrap(),
        packet.patch(&json!({"context": {"summary": "more"}}), at).unwrap(),
    ] {
        assert_eq!(after.record.state_data.lease.unwrap().until, renewed_until);
        assert_eq!(after.record.updated_at, at);
    }
    // Chaining a packet is no sign of life of the agent.
    let chained = Act::Chained { child: super::fixtures::child_id(), child_source: "child".to_owned() };
    assert_eq!(packet.act(&chained, TestActor::AgentKey, at).record.state_data.lease, packet.record.state_data.lease);
}

#[test]
fn lease_pauses_at_checkpoint_and_restarts_after_answer() {
    let waiting = packet_in(State::AwaitingHuman, Setup::WITH_CHECKPOINT);
    let at = START.plus_ms(500_000);
    assert_eq!(waiting.with_due_timers(at).state(), State::AwaitingHuman);
    let answered = waiting.answer("yes", at).unwrap();
    assert_eq!(answered.record.state_data.lease.unwrap().until, at.plus_ms(i64::from(LEASE_S) * 1_000));
    assert_eq!(current_agent(&answered.record).id, "worker");
}

#[test]
fn completed_packet_has_no_lease() {
    for state in [State::Completed, State::Failed, State::Expired] {
        assert_eq!(packet_in(state, Setup::WITH_CHECKPOINT).record.state_data.lease, None, "{state:?}");
    }
}
