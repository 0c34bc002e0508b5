//! Whoever sends back what they read, as the published client does with whole documents, changes nothing by it.

use handrail_domain::packet::{Act, BatchClaim, Patch, Proposal, Refusal, State, read_batch_ids};
use serde_json::{Value, json};

use super::support::{Checkpoint, Held, SECOND_MS, START, Setup, held_in, smallest};

fn sent_back(held: &Held, change: impl FnOnce(&mut Value)) -> Value {
    let mut hitl = serde_json::to_value(&held.content.hitl).unwrap();
    change(&mut hitl);
    json!({"hitl": hitl})
}

#[test]
fn who_sends_back_the_answer_that_they_read_forges_nothing() {
    let asked = held_in(State::AwaitingHuman, Setup { human_first: true, ..Setup::ASKING });
    let at = START.plus_ms(5 * SECOND_MS + 120);
    let held = asked.answered("yes", at).unwrap();
    let read = at.to_string();
    let more_digits = read.replace(".120Z", ".120000Z");
    assert_ne!(read, more_digits);
    for time in [read.clone(), more_digits, read.replace('Z', "+00:00"), read.replace(".120Z", ".12")] {
        let body = sent_back(&held, |hitl| hitl["responded_at"] = json!(time));
        let after = held.patched(&body, at).unwrap();
        assert_eq!(after.content.hitl.unwrap().response.as_deref(), Some("yes"), "{time}");
    }
    for (member, forged) in [
        ("responded_at", json!(at.plus_ms(1))),
        ("responded_at", Value::Null),
        ("response", json!("no")),
        ("response", Value::Null),
        ("responded_by", json!("bob")),
    ] {
        let body = sent_back(&held, |hitl| hitl[member] = forged.clone());
        let flaws = Patch::read(&body).unwrap().plan(held.state(), &held.content, at).unwrap_err();
        assert_eq!(flaws[0].field(), "hitl.response", "{member} {forged}");
    }
}

#[test]
fn a_checkpoint_that_is_there_is_brought_by_nobody() {
    for checkpoint in [Checkpoint::NoLimit, Checkpoint::Limited, Checkpoint::Named] {
        let held = held_in(State::AwaitingHuman, Setup { checkpoint, ..Setup::PLAIN });
        let later = START.plus_ms(20 * SECOND_MS);
        for status in [json!(null), json!("awaiting_human")] {
            let mut body = sent_back(&held, |_| {});
            body["status"] = status.clone();
            body["context"] = json!({"summary": "Meanwhile"});
            let after = held.patched(&body, later).unwrap();
            let (before, standing) = (&held.record.standing, &after.record.standing);
            assert_eq!((after.state(), standing.answer_until), (State::AwaitingHuman, before.answer_until), "{body}");
            assert_eq!((&standing.question, &after.content.hitl), (&before.question, &held.content.hitl), "{body}");
            body["hitl"]["question"] = json!("Something else?");
            assert_eq!(held.patched(&body, later).unwrap_err(), Refusal::WaitsForHuman, "{body}");
        }
    }
}

/// Where nobody waits, the same checkpoint is raised whenever somebody says so.
#[test]
fn the_same_checkpoint_may_be_raised_again() {
    let raised = held_in(State::AwaitingHuman, Setup { leased: false, ..Setup::ASKING });
    let answered = raised.answered("yes", START.plus_ms(3 * SECOND_MS)).unwrap();
    let now = START.plus_ms(9 * SECOND_MS);
    let mut body = sent_back(&answered, |_| {});
    body["status"] = json!("awaiting_human");
    let again = answered.patched(&body, now).unwrap();
    let hitl = again.content.hitl.as_ref().unwrap();
    assert_eq!((again.state(), hitl.is_answered()), (State::AwaitingHuman, false));
    assert!(again.record.standing.answer_until > raised.record.standing.answer_until);
    let (act, _) = Patch::read(&body).unwrap().plan(answered.state(), &answered.content, now).unwrap();
    assert!(matches!(act, Act::Move { to: State::AwaitingHuman, edit: Some(_), .. }));
}

#[test]
fn an_id_in_a_body_is_read_in_any_of_its_forms() {
    let id = "01a0c450-6c00-7303-8303-030303030303";
    for form in [id.to_owned(), id.to_uppercase(), id.replace('-', ""), format!("urn:uuid:{id}")] {
        let mut body = smallest();
        body["parent_packet_id"] = json!(form);
        assert_eq!(Proposal::read(&body).unwrap().parent.unwrap().to_string(), id);
        let ids = json!({"packet_ids": [form], "agent_id": "a", "agent_name": "A"});
        assert_eq!(read_batch_ids(&ids).unwrap()[0].to_string(), id);
        assert_eq!(BatchClaim::read(&ids).unwrap().ids[0].to_string(), id);
    }
    for wrong in [json!(""), json!("01a0c450"), json!(5), json!(null), json!([id])] {
        assert!(read_batch_ids(&json!({"packet_ids": [wrong]})).is_err(), "{wrong}");
    }
}
