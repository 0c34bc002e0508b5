//! What is refused by the size of it, by whom, and whether trying again can help.

use handrail_domain::access::{Role, Scope};
use handrail_domain::packet::{Act, CONTENT_BYTES_MAX, Refusal, State};
use serde_json::json;

use super::support::{Held, START, Setup, Who, agent, child_id, edit_of, held_in, play};

#[test]
fn edits_add_up_to_so_much_and_no_more() {
    let mut held = held_in(State::InProgress, Setup::PLAIN);
    let mut edits = 0;
    let refusal = loop {
        edits += 1;
        let decision = json!({"id": format!("d{edits}"), "decision": "x".repeat(60_000), "rationale": ""});
        match held.patched(&json!({"decisions": [decision]}), START.plus_ms(5_000)) {
            Ok(next) => held = next,
            Err(refusal) => break refusal,
        }
        assert!(edits < 100);
    };
    assert!(matches!(refusal, Refusal::TooLarge { bytes } if bytes > CONTENT_BYTES_MAX));
    assert_eq!(edits, 18);
    assert!(held.patched(&json!({"context": {"summary": "less"}}), START.plus_ms(5_000)).is_ok());
}

#[test]
fn time_and_rules_do_nothing_that_is_an_agents() {
    let Held { record, .. } = held_in(State::Created, Setup::PLAIN);
    let acts = [
        handrail_domain::packet::Claim { by: agent("x"), lease_seconds: None }.act(),
        Act::Edit(edit_of(&record)),
        Act::Renew,
        Act::Delete,
        Act::Chained { child: child_id(), child_source: "child".to_owned() },
    ];
    for act in acts {
        for who in [Who::Timer, Who::Policy, Who::Person] {
            assert_eq!(play(&record, &act, who, START).unwrap_err(), Refusal::NotTheirs, "{act:?} {who:?}");
        }
    }
}

#[test]
fn a_refusal_says_whether_trying_again_can_help() {
    let by = agent("worker");
    let (from, to) = (State::Created, State::Completed);
    let may = [
        Refusal::Stale,
        Refusal::AlreadyClaimed { by },
        Refusal::WaitsForHuman,
        Refusal::NotAwaiting { state: State::Claimed },
    ];
    assert!(may.iter().all(Refusal::retry_may_help));
    let never = [
        Refusal::NoTransition { from, to, allowed: vec![] },
        Refusal::NotClaimable { state: State::Failed },
        Refusal::ClaimLapsed,
        Refusal::Expired,
        Refusal::AlreadyExpired,
        Refusal::NoCheckpoint,
        Refusal::AnswerTimedOut { at: START },
        Refusal::TooLarge { bytes: 1 },
        Refusal::NotDue,
        Refusal::NotTheirs,
    ];
    assert!(!never.iter().any(Refusal::retry_may_help));
}

/// The rules take an answer from any key, so the door must not let an agent's in.
#[test]
fn an_agents_key_has_no_scope_to_answer_with() {
    assert!(!Role::Agent.allows(Scope::PacketsRespond) && !Role::Reader.allows(Scope::PacketsRespond));
}
