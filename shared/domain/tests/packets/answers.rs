//! Answers to checkpoints: their effect, their deadline, and commands that an open checkpoint refuses.

use handrail_domain::packet::{Act, CheckpointAnswer, Claim, PacketEvent, Patch, Refusal, State};
use serde_json::{Value, json};

use super::fixtures::{
    ANSWER_S, Checkpoint, END, SECOND_MS, START, Setup, TestActor, TestPacket, agent, minimal_body, packet_in,
    run_command,
};

fn awaiting_packet() -> TestPacket {
    packet_in(State::AwaitingHuman, Setup::WITH_CHECKPOINT)
}

fn response_errors(packet: &TestPacket, body: &Value) -> Vec<String> {
    let patch = Patch::read(body).unwrap();
    let errors = patch.plan(packet.state(), &packet.content, START.plus_ms(5_000)).unwrap_err();
    errors.iter().map(handrail_domain::field_error::FieldError::field).collect()
}

#[test]
fn required_checkpoint_blocks_first_claim() {
    for (hitl, state) in [
        (json!({"reason": "a risk"}), State::AwaitingHuman),
        (json!({"required": true, "reason": "a risk"}), State::AwaitingHuman),
        (json!({"required": false, "reason": ""}), State::Created),
        (json!(null), State::Created),
    ] {
        let mut body = minimal_body();
        body["hitl"] = hitl.clone();
        let packet = TestPacket::from_body(&body);
        assert_eq!(packet.state(), state, "{hitl}");
        assert_eq!(packet.record.state_data.has_checkpoint, hitl.is_object());
    }
}

#[test]
fn answer_is_stored_and_returns_packet_to_agent() {
    let at = START.plus_ms(10_000);
    let packet = awaiting_packet().answer("go on", at).unwrap();
    assert_eq!(packet.state(), State::Claimed);
    let hitl = packet.content.hitl.as_ref().unwrap();
    assert_eq!((hitl.response.as_deref(), hitl.responded_by.as_deref()), (Some("go on"), Some("Ann")));
    assert_eq!(hitl.responded_at.as_deref(), Some("2026-09-21T14:13:30.000Z"));
    assert_eq!(packet.record.state_data.claimed_at, Some(at));
    assert_eq!(packet.record.state_data.holder.as_ref().unwrap().id, "worker", "the claim stays with its agent");
    let event = &packet.record.newest().unwrap().event;
    assert!(matches!(event, PacketEvent::Answered { by, response, .. } if by == "Ann" && response == "go on"));
    // A second answer is refused because no checkpoint is open.
    assert_eq!(packet.answer("no", at).unwrap_err(), Refusal::NotAwaiting { state: State::Claimed });
}

#[test]
fn answer_without_notes_keeps_existing_notes() {
    let at = START.plus_ms(10_000);
    let mut content = awaiting_packet().content;
    content.hitl.as_mut().unwrap().notes = Some("mind the cache".to_owned());
    let notes_after = |notes: Option<&str>| {
        let notes = notes.map(str::to_owned);
        let answer = CheckpointAnswer { by: "Ann".to_owned(), response: "yes".to_owned(), notes };
        content.answered(&answer, None, at).hitl.unwrap().notes
    };
    assert_eq!(notes_after(None).as_deref(), Some("mind the cache"));
    assert_eq!(notes_after(Some("")).as_deref(), Some("mind the cache"));
    assert_eq!(notes_after(Some("done")).as_deref(), Some("done"));
}

#[test]
fn checkpoint_deadline_is_exact_to_millisecond() {
    let packet = awaiting_packet();
    let until = START.plus_ms(2 * SECOND_MS + ANSWER_S * SECOND_MS);
    assert_eq!(packet.record.state_data.answer_until, Some(until));
    assert!(packet.answer("yes", until.plus_ms(-1)).is_ok());
    let late = packet.with_due_timers(until);
    assert_eq!((late.state(), late.record.state_data.checkpoint_timed_out_at()), (State::Expired, Some(until)));
    assert_eq!(late.answer("yes", until).unwrap_err(), Refusal::AnswerTimedOut { at: until });
}

#[test]
fn packet_expiry_is_not_reported_as_answer_timeout() {
    let packet = awaiting_packet();
    let at = START.plus_ms(10_000);
    for ended in [
        packet.act(&Act::Delete, TestActor::AdminKey, at),
        packet.patch(&json!({"status": "expired"}), at).unwrap(),
        packet_in(State::AwaitingHuman, Setup { checkpoint: Checkpoint::NoLimit, ..Setup::WITH_CHECKPOINT })
            .with_due_timers(END),
    ] {
        assert_eq!(ended.state(), State::Expired);
        assert_eq!(ended.answer("yes", END).unwrap_err(), Refusal::NotAwaiting { state: State::Expired });
    }
}

#[test]
fn checkpoint_deadline_is_capped_by_packet_expiry() {
    for (timeout, until) in [
        (json!(0), None),
        (json!(-5), None),
        (json!(null), None),
        (json!(1), Some(START.plus_ms(1_000))),
        (json!(86_400), Some(END)),
        (json!(i64::MAX), Some(END)),
    ] {
        let mut body = minimal_body();
        body["hitl"] = json!({"reason": "a risk", "timeout_seconds": timeout});
        let packet = TestPacket::from_body(&body);
        assert_eq!(packet.record.state_data.answer_until, until, "{timeout}");
        assert_eq!(
            packet.content.hitl.as_ref().unwrap().timeout_seconds,
            timeout.as_i64(),
            "the submitted value stays"
        );
        assert_eq!(packet.with_due_timers(END).state(), State::Expired);
    }
}

#[test]
fn inactive_checkpoint_has_no_deadline() {
    let mut body = minimal_body();
    body["hitl"] = json!({"required": false, "reason": "", "timeout_seconds": 5});
    let packet = TestPacket::from_body(&body);
    assert_eq!((packet.record.spec.hitl_deadline, packet.record.state_data.answer_until), (None, None));
    assert_eq!(packet.with_due_timers(START.plus_ms(3_600_000)).state(), State::Created);
}

#[test]
fn agent_cannot_pass_checkpoint() {
    let packet = awaiting_packet();
    let at = START.plus_ms(5_000);
    let claim = Claim { by: agent("late"), lease_seconds: None }.act();
    assert_eq!(run_command(&packet.record, &claim, TestActor::AgentKey, at).unwrap_err(), Refusal::AwaitingHuman);
    for to in ["claimed", "in_progress", "completed", "created"] {
        let refusal = packet.patch(&json!({"status": to}), at).unwrap_err();
        let Refusal::NoTransition { from, allowed, .. } = refusal else { panic!("{refusal:?}") };
        assert_eq!((from, allowed), (State::AwaitingHuman, vec![State::Failed, State::Expired]));
    }
    // The agent may still fail the packet.
    assert_eq!(packet.patch(&json!({"status": "failed"}), at).unwrap().state(), State::Failed);
}

#[test]
fn open_checkpoint_cannot_be_changed() {
    let packet = awaiting_packet();
    let at = START.plus_ms(5_000);
    for body in [
        json!({"hitl": {"reason": "another"}}),
        json!({"status": "awaiting_human", "hitl": {"reason": "another"}}),
        json!({"status": "failed", "hitl": {"reason": "another"}}),
    ] {
        assert_eq!(packet.patch(&body, at).unwrap_err(), Refusal::AwaitingHuman, "{body}");
    }
    let edited = packet.patch(&json!({"context": {"summary": "More is known"}}), at).unwrap();
    assert_eq!(edited.record.state_data.answer_until, packet.record.state_data.answer_until);
    assert!(edited.answer("yes", at).is_ok());
}

#[test]
fn agent_cannot_write_checkpoint_answer() {
    let answers = [json!({"response": "yes"}), json!({"responded_by": "Ann"}), json!({"responded_at": "2026-01-01"})];
    for answer in answers {
        let mut hitl = json!({"reason": "a risk"});
        hitl.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        for state in State::ALL {
            let packet = packet_in(*state, Setup::WITH_CHECKPOINT);
            assert_eq!(response_errors(&packet, &json!({"hitl": hitl})), ["hitl.response"], "{state:?}");
        }
        let mut body = minimal_body();
        body["hitl"] = hitl;
        let errors = handrail_domain::packet::NewPacket::read(&body).unwrap_err();
        assert_eq!((errors.len(), errors[0].field().as_str()), (1, "hitl.response"));
    }
}

#[test]
fn resent_checkpoint_answer_is_accepted() {
    let at = START.plus_ms(10_000);
    let packet = awaiting_packet().answer("yes", at).unwrap();
    let mut hitl = serde_json::to_value(&packet.content.hitl).unwrap();
    let resent = packet.patch(&json!({"hitl": hitl}), at).unwrap();
    assert_eq!(resent.content.hitl, packet.content.hitl);
    hitl["response"] = json!("no");
    assert_eq!(response_errors(&packet, &json!({"hitl": hitl})), ["hitl.response"]);
}

/// An approver who said yes to a small refund has not said yes to a large one.
#[test]
fn answered_checkpoint_cannot_be_reworded() {
    let at = START.plus_ms(10_000);
    let packet = awaiting_packet().answer("yes", at).unwrap();
    let answered = serde_json::to_value(&packet.content.hitl).unwrap();
    for (member, value) in [
        ("reason", json!("a larger refund")),
        ("options", json!(["yes", "certainly"])),
        ("notes", json!("also for the next one")),
        ("timeout_seconds", json!(1)),
        ("required", json!(true)),
    ] {
        let mut hitl = answered.clone();
        hitl[member] = value;
        assert_eq!(response_errors(&packet, &json!({"hitl": hitl})), ["hitl"], "{member}");
    }
}

#[test]
fn reopened_checkpoint_has_no_answer_and_new_deadline() {
    let at = START.plus_ms(10_000);
    let answered = awaiting_packet().answer("yes", at).unwrap();
    let resent_hitl = serde_json::to_value(&answered.content.hitl).unwrap();
    for body in [json!({"status": "awaiting_human"}), json!({"status": "awaiting_human", "hitl": resent_hitl})] {
        let reopened = answered.patch(&body, at.plus_ms(5_000)).unwrap();
        assert_eq!(reopened.state(), State::AwaitingHuman);
        assert!(!reopened.content.hitl.as_ref().unwrap().is_answered(), "{body}");
        let until = at.plus_ms(5_000 + ANSWER_S * SECOND_MS);
        assert_eq!(reopened.record.state_data.answer_until, Some(until), "{body}");
    }
}

#[test]
fn waiting_packet_without_checkpoint_accepts_one() {
    let at = START.plus_ms(5_000);
    let packet = packet_in(State::AwaitingHuman, Setup::PLAIN);
    assert_eq!(packet.answer("yes", at).unwrap_err(), Refusal::NoCheckpoint);
    let body = json!({"hitl": {"reason": "a risk", "timeout_seconds": 60}});
    let with_checkpoint = packet.patch(&body, at).unwrap();
    assert_eq!(with_checkpoint.record.state_data.answer_until, Some(at.plus_ms(60_000)));
    assert!(with_checkpoint.answer("yes", at).is_ok());
    let expired = packet.patch(&json!({"status": "expired", "hitl": {"reason": "x", "timeout_seconds": 60}}), at);
    assert_eq!(expired.unwrap().record.state_data.checkpoint_timed_out_at(), None);
}
