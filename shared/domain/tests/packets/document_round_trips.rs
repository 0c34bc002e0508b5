//! Documents that a client reads and sends back unchanged, as the published client does.

use handrail_domain::packet::{Act, BatchClaim, NewPacket, Patch, Refusal, State, read_batch_ids};
use serde_json::{Value, json};

use super::fixtures::{Checkpoint, SECOND_MS, START, Setup, TestPacket, minimal_body, packet_in};

fn resent_checkpoint(packet: &TestPacket, change: impl FnOnce(&mut Value)) -> Value {
    let mut hitl = serde_json::to_value(&packet.content.hitl).unwrap();
    change(&mut hitl);
    json!({"hitl": hitl})
}

#[test]
fn resent_checkpoint_answer_counts_as_unchanged() {
    let awaiting = packet_in(State::AwaitingHuman, Setup { checkpoint_first: true, ..Setup::WITH_CHECKPOINT });
    let at = START.plus_ms(5 * SECOND_MS + 120);
    let packet = awaiting.answer("yes", at).unwrap();
    let read = at.to_string();
    let with_microseconds = read.replace(".120Z", ".120000Z");
    assert_ne!(read, with_microseconds);
    for time in [read.clone(), with_microseconds, read.replace('Z', "+00:00"), read.replace(".120Z", ".12")] {
        let body = resent_checkpoint(&packet, |hitl| hitl["responded_at"] = json!(time));
        let after = packet.patch(&body, at).unwrap();
        assert_eq!(after.content.hitl.unwrap().response.as_deref(), Some("yes"), "{time}");
    }
    for (member, forged) in [
        ("responded_at", json!(at.plus_ms(1))),
        ("responded_at", Value::Null),
        ("response", json!("no")),
        ("response", Value::Null),
        ("responded_by", json!("bob")),
    ] {
        let body = resent_checkpoint(&packet, |hitl| hitl[member] = forged.clone());
        let errors = Patch::read(&body).unwrap().plan(packet.state(), &packet.content, at).unwrap_err();
        assert_eq!(errors[0].field(), "hitl.response", "{member} {forged}");
    }
}

#[test]
fn resent_open_checkpoint_is_no_change() {
    for checkpoint in [Checkpoint::NoLimit, Checkpoint::Limited, Checkpoint::WithApprover] {
        let packet = packet_in(State::AwaitingHuman, Setup { checkpoint, ..Setup::PLAIN });
        let later = START.plus_ms(20 * SECOND_MS);
        for status in [json!(null), json!("awaiting_human")] {
            let mut body = resent_checkpoint(&packet, |_| {});
            body["status"] = status.clone();
            body["context"] = json!({"summary": "Meanwhile"});
            let after = packet.patch(&body, later).unwrap();
            let (before, state_data) = (&packet.record.state_data, &after.record.state_data);
            assert_eq!((after.state(), state_data.answer_until), (State::AwaitingHuman, before.answer_until), "{body}");
            assert_eq!((&state_data.question, &after.content.hitl), (&before.question, &packet.content.hitl), "{body}");
            body["hitl"]["question"] = json!("Something else?");
            assert_eq!(packet.patch(&body, later).unwrap_err(), Refusal::AwaitingHuman, "{body}");
        }
    }
}

/// A checkpoint that is not open can be opened again.
#[test]
fn same_checkpoint_can_be_reopened() {
    let opened = packet_in(State::AwaitingHuman, Setup { leased: false, ..Setup::WITH_CHECKPOINT });
    let answered = opened.answer("yes", START.plus_ms(3 * SECOND_MS)).unwrap();
    let now = START.plus_ms(9 * SECOND_MS);
    let mut body = resent_checkpoint(&answered, |_| {});
    body["status"] = json!("awaiting_human");
    let reopened = answered.patch(&body, now).unwrap();
    let hitl = reopened.content.hitl.as_ref().unwrap();
    assert_eq!((reopened.state(), hitl.is_answered()), (State::AwaitingHuman, false));
    assert!(reopened.record.state_data.answer_until > opened.record.state_data.answer_until);
    let (act, _) = Patch::read(&body).unwrap().plan(answered.state(), &answered.content, now).unwrap();
    assert!(matches!(act, Act::Move { to: State::AwaitingHuman, edit: Some(_), .. }));
}

#[test]
fn body_id_is_accepted_in_any_form() {
    let id = "01a0c450-6c00-7303-8303-030303030303";
    for form in [id.to_owned(), id.to_uppercase(), id.replace('-', ""), format!("urn:uuid:{id}")] {
        let mut body = minimal_body();
        body["parent_packet_id"] = json!(form);
        assert_eq!(NewPacket::read(&body).unwrap().parent.unwrap().to_string(), id);
        let ids = json!({"packet_ids": [form], "agent_id": "a", "agent_name": "A"});
        assert_eq!(read_batch_ids(&ids).unwrap()[0].to_string(), id);
        assert_eq!(BatchClaim::read(&ids).unwrap().ids[0].to_string(), id);
    }
    for wrong in [json!(""), json!("01a0c450"), json!(5), json!(null), json!([id])] {
        assert!(read_batch_ids(&json!({"packet_ids": [wrong]})).is_err(), "{wrong}");
    }
}
