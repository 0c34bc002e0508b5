//! Refusals because of size or actor, and refusals that a retry can resolve.

use handrail_domain::access::{Role, Scope};
use handrail_domain::packet::{Act, CONTENT_BYTES_MAX, Refusal, State};
use serde_json::json;

use super::fixtures::{START, Setup, TestActor, TestPacket, agent, child_id, edit_of, packet_in, run_command};

#[test]
fn total_edit_size_is_limited() {
    let mut packet = packet_in(State::InProgress, Setup::PLAIN);
    let mut edits = 0;
    let refusal = loop {
        edits += 1;
        let decision = json!({"id": format!("d{edits}"), "decision": "x".repeat(60_000), "rationale": ""});
        match packet.patch(&json!({"decisions": [decision]}), START.plus_ms(5_000)) {
            Ok(next) => packet = next,
            Err(refusal) => break refusal,
        }
        assert!(edits < 100);
    };
    assert!(matches!(refusal, Refusal::TooLarge { bytes } if bytes > CONTENT_BYTES_MAX));
    assert_eq!(edits, 18);
    assert!(packet.patch(&json!({"context": {"summary": "less"}}), START.plus_ms(5_000)).is_ok());
}

#[test]
fn timers_and_policies_cannot_run_agent_commands() {
    let TestPacket { record, .. } = packet_in(State::Created, Setup::PLAIN);
    let acts = [
        handrail_domain::packet::Claim { by: agent("x"), lease_seconds: None }.act(),
        Act::Edit(edit_of(&record)),
        Act::Heartbeat,
        Act::Delete,
        Act::Chained { child: child_id(), child_source: "child".to_owned() },
    ];
    for act in acts {
        for actor in [TestActor::Timer, TestActor::Policy, TestActor::Person] {
            assert_eq!(
                run_command(&record, &act, actor, START).unwrap_err(),
                Refusal::ActorNotAllowed,
                "{act:?} {actor:?}"
            );
        }
    }
}

#[test]
fn refusal_tells_if_retry_can_succeed() {
    let by = agent("worker");
    let (from, to) = (State::Created, State::Completed);
    let retryable = [
        Refusal::VersionConflict,
        Refusal::AlreadyClaimed { by },
        Refusal::AwaitingHuman,
        Refusal::NotAwaiting { state: State::Claimed },
    ];
    assert!(retryable.iter().all(Refusal::is_retryable));
    let permanent = [
        Refusal::NoTransition { from, to, allowed: vec![] },
        Refusal::NotClaimable { state: State::Failed },
        Refusal::ClaimExpired,
        Refusal::Expired,
        Refusal::AlreadyExpired,
        Refusal::NoCheckpoint,
        Refusal::AnswerTimedOut { at: START },
        Refusal::TooLarge { bytes: 1 },
        Refusal::TimerOnly,
        Refusal::ActorNotAllowed,
    ];
    assert!(!permanent.iter().any(Refusal::is_retryable));
}

/// The lifecycle accepts an answer of any key, so the API has to refuse agent keys.
#[test]
fn agent_key_lacks_answer_scope() {
    assert!(!Role::Agent.allows(Scope::PacketsRespond) && !Role::Reader.allows(Scope::PacketsRespond));
}
