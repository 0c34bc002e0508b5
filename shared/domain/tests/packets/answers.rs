//! The person in between: who answers, until when, and what an agent can't do meanwhile.

use handrail_domain::packet::{Act, Claim, PacketEvent, Patch, Refusal, State};
use serde_json::{Value, json};

use super::support::{ANSWER_S, Checkpoint, END, Held, SECOND_MS, START, Setup, Who, agent, held_in, play, smallest};

fn waiting() -> Held {
    held_in(State::AwaitingHuman, Setup::ASKING)
}

fn flaws(held: &Held, body: &Value) -> Vec<String> {
    let patch = Patch::read(body).unwrap();
    let flaws = patch.plan(held.state(), &held.content, START.plus_ms(5_000)).unwrap_err();
    flaws.iter().map(handrail_domain::packet::Flaw::field).collect()
}

#[test]
fn a_required_checkpoint_comes_before_any_agent() {
    for (hitl, state) in [
        (json!({"reason": "a risk"}), State::AwaitingHuman),
        (json!({"required": true, "reason": "a risk"}), State::AwaitingHuman),
        (json!({"required": false, "reason": ""}), State::Created),
        (json!(null), State::Created),
    ] {
        let mut body = smallest();
        body["hitl"] = hitl.clone();
        let held = Held::of(&body);
        assert_eq!(held.state(), state, "{hitl}");
        assert_eq!(held.record.standing.has_checkpoint, hitl.is_object());
    }
}

#[test]
fn an_answer_is_written_into_the_checkpoint_and_gives_the_packet_back() {
    let at = START.plus_ms(10_000);
    let held = waiting().answered("go on", at).unwrap();
    assert_eq!(held.state(), State::Claimed);
    let hitl = held.content.hitl.as_ref().unwrap();
    assert_eq!((hitl.response.as_deref(), hitl.responded_by.as_deref()), (Some("go on"), Some("Ann")));
    assert_eq!(hitl.responded_at.as_deref(), Some("2026-09-21T14:13:30.000Z"));
    assert_eq!(held.record.standing.claimed_at, Some(at));
    assert_eq!(held.record.standing.holder.as_ref().unwrap().id, "worker", "whose it was");
    let event = &held.record.newest().unwrap().event;
    assert!(matches!(event, PacketEvent::Answered { by, response, .. } if by == "Ann" && response == "go on"));
    // A second answer finds no question.
    assert_eq!(held.answered("no", at).unwrap_err(), Refusal::NotAwaiting { state: State::Claimed });
}

#[test]
fn notes_that_were_there_stay_unless_others_come() {
    let at = START.plus_ms(10_000);
    let mut content = waiting().content;
    content.hitl.as_mut().unwrap().notes = Some("mind the cache".to_owned());
    let notes = |given: Option<&str>| content.answered("yes", "Ann", given, at).hitl.unwrap().notes;
    assert_eq!(notes(None).as_deref(), Some("mind the cache"));
    assert_eq!(notes(Some("")).as_deref(), Some("mind the cache"));
    assert_eq!(notes(Some("done")).as_deref(), Some("done"));
}

#[test]
fn the_deadline_of_a_checkpoint_holds_to_the_millisecond() {
    let held = waiting();
    let until = START.plus_ms(2 * SECOND_MS + ANSWER_S * SECOND_MS);
    assert_eq!(held.record.standing.answer_until, Some(until));
    assert!(held.answered("yes", until.plus_ms(-1)).is_ok());
    let late = held.at(until);
    assert_eq!((late.state(), late.record.standing.unanswered_since()), (State::Expired, Some(until)));
    assert_eq!(late.answered("yes", until).unwrap_err(), Refusal::AnswerTimedOut { at: until });
}

#[test]
fn an_expiry_for_another_reason_is_not_called_an_answer_that_came_too_late() {
    let held = waiting();
    let at = START.plus_ms(10_000);
    for ended in [
        held.act(&Act::Delete, Who::AdminKey, at),
        held.patched(&json!({"status": "expired"}), at).unwrap(),
        held_in(State::AwaitingHuman, Setup { checkpoint: Checkpoint::NoLimit, ..Setup::ASKING }).at(END),
    ] {
        assert_eq!(ended.state(), State::Expired);
        assert_eq!(ended.answered("yes", END).unwrap_err(), Refusal::NotAwaiting { state: State::Expired });
    }
}

#[test]
fn no_limit_and_one_beyond_the_packets_life_end_with_the_packet() {
    for (timeout, until) in [
        (json!(0), None),
        (json!(-5), None),
        (json!(null), None),
        (json!(1), Some(START.plus_ms(1_000))),
        (json!(86_400), Some(END)),
        (json!(i64::MAX), Some(END)),
    ] {
        let mut body = smallest();
        body["hitl"] = json!({"reason": "a risk", "timeout_seconds": timeout});
        let held = Held::of(&body);
        assert_eq!(held.record.standing.answer_until, until, "{timeout}");
        assert_eq!(held.content.hitl.as_ref().unwrap().timeout_seconds, timeout.as_i64(), "shown as it was sent");
        assert_eq!(held.at(END).state(), State::Expired);
    }
}

#[test]
fn a_checkpoint_that_nobody_waits_at_has_no_deadline() {
    let mut body = smallest();
    body["hitl"] = json!({"required": false, "reason": "", "timeout_seconds": 5});
    let held = Held::of(&body);
    assert_eq!((held.record.ask.hitl_deadline, held.record.standing.answer_until), (None, None));
    assert_eq!(held.at(START.plus_ms(3_600_000)).state(), State::Created);
}

#[test]
fn no_agent_gets_past_the_person() {
    let held = waiting();
    let at = START.plus_ms(5_000);
    let claim = Claim { by: agent("late"), lease_seconds: None }.act();
    assert_eq!(play(&held.record, &claim, Who::AgentKey, at).unwrap_err(), Refusal::WaitsForHuman);
    for to in ["claimed", "in_progress", "completed", "created"] {
        let refusal = held.patched(&json!({"status": to}), at).unwrap_err();
        let Refusal::NoTransition { from, allowed, .. } = refusal else { panic!("{refusal:?}") };
        assert_eq!((from, allowed), (State::AwaitingHuman, vec![State::Failed, State::Expired]));
    }
    // Giving up is always possible.
    assert_eq!(held.patched(&json!({"status": "failed"}), at).unwrap().state(), State::Failed);
}

#[test]
fn a_question_is_not_changed_under_the_eyes_of_who_reads_it() {
    let held = waiting();
    let at = START.plus_ms(5_000);
    for body in [
        json!({"hitl": {"reason": "another"}}),
        json!({"status": "awaiting_human", "hitl": {"reason": "another"}}),
        json!({"status": "failed", "hitl": {"reason": "another"}}),
    ] {
        assert_eq!(held.patched(&body, at).unwrap_err(), Refusal::WaitsForHuman, "{body}");
    }
    let edited = held.patched(&json!({"context": {"summary": "More is known"}}), at).unwrap();
    assert_eq!(edited.record.standing.answer_until, held.record.standing.answer_until);
    assert!(edited.answered("yes", at).is_ok());
}

#[test]
fn nobody_but_the_person_writes_an_answer() {
    let answers = [json!({"response": "yes"}), json!({"responded_by": "Ann"}), json!({"responded_at": "2026-01-01"})];
    for answer in answers {
        let mut hitl = json!({"reason": "a risk"});
        hitl.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        for state in State::ALL {
            let held = held_in(*state, Setup::ASKING);
            assert_eq!(flaws(&held, &json!({"hitl": hitl})), ["hitl.response"], "{state:?}");
        }
        let mut body = smallest();
        body["hitl"] = hitl;
        let flaws = handrail_domain::packet::Proposal::read(&body).unwrap_err();
        assert_eq!((flaws.len(), flaws[0].field().as_str()), (1, "hitl.response"));
    }
}

#[test]
fn who_sends_back_the_answer_that_they_read_may() {
    let at = START.plus_ms(10_000);
    let held = waiting().answered("yes", at).unwrap();
    let mut hitl = serde_json::to_value(&held.content.hitl).unwrap();
    hitl["notes"] = json!("seen");
    let same = held.patched(&json!({"hitl": hitl}), at).unwrap();
    assert_eq!(same.content.hitl.as_ref().unwrap().response.as_deref(), Some("yes"));
    hitl["response"] = json!("no");
    assert_eq!(flaws(&held, &json!({"hitl": hitl})), ["hitl.response"]);
}

#[test]
fn a_question_that_is_asked_again_has_no_answer_yet_and_its_time_begins_anew() {
    let at = START.plus_ms(10_000);
    let answered = waiting().answered("yes", at).unwrap();
    let sent_back = serde_json::to_value(&answered.content.hitl).unwrap();
    for body in [json!({"status": "awaiting_human"}), json!({"status": "awaiting_human", "hitl": sent_back})] {
        let again = answered.patched(&body, at.plus_ms(5_000)).unwrap();
        assert_eq!(again.state(), State::AwaitingHuman);
        assert!(!again.content.hitl.as_ref().unwrap().is_answered(), "{body}");
        let until = at.plus_ms(5_000 + ANSWER_S * SECOND_MS);
        assert_eq!(again.record.standing.answer_until, Some(until), "{body}");
    }
}

#[test]
fn who_waits_without_a_question_can_be_given_one() {
    let at = START.plus_ms(5_000);
    let held = held_in(State::AwaitingHuman, Setup::PLAIN);
    assert_eq!(held.answered("yes", at).unwrap_err(), Refusal::NoCheckpoint);
    let body = json!({"hitl": {"reason": "a risk", "timeout_seconds": 60}});
    let asked = held.patched(&body, at).unwrap();
    assert_eq!(asked.record.standing.answer_until, Some(at.plus_ms(60_000)));
    assert!(asked.answered("yes", at).is_ok());
    let given_up = held.patched(&json!({"status": "expired", "hitl": {"reason": "x", "timeout_seconds": 60}}), at);
    assert_eq!(given_up.unwrap().record.standing.unanswered_since(), None);
}
