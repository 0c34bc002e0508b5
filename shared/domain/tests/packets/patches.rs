//! Changes by PATCH, and concurrent changes.

use handrail_domain::packet::{Act, Content, Patch, Refusal, State};
use serde_json::{Value, json};

use super::fixtures::{START, Setup, TestActor, TestPacket, minimal_body, packet_in, run_command};

fn full_body() -> Value {
    let mut body = minimal_body();
    body["context"] = json!({
        "summary": "Half done",
        "conversation_state": [{"role": "user", "content": "hello"}],
        "artifacts": [{"key": "k", "value": {"n": 1}}],
        "custom": {"a": [1, null]},
    });
    body["decisions"] = json!([decision_json("d1", "first"), decision_json("d2", "second")]);
    body["actions"] = json!({
        "pending": [{"id": "a1", "description": "do", "assignee": "me"}],
        "completed": [{"id": "a2", "description": "did", "result": "well"}],
        "failed": [{"id": "a3", "description": "tried", "error": "no"}],
    });
    body["dependencies"] = json!([{"id": "p1", "type": "api", "description": "the API"}]);
    body["hitl"] = json!({"required": false, "reason": "a risk", "question": "Go on?"});
    body
}

fn decision_json(id: &str, decision: &str) -> Value {
    json!({"id": id, "decision": decision, "rationale": "because"})
}

fn plan(content: &Content, patch: &Value) -> (Act, Content) {
    Patch::read(patch).unwrap().plan(State::Created, content, START).unwrap()
}

fn before_and_after(patch: &Value) -> (Value, Value) {
    let content = TestPacket::from_body(&full_body()).content;
    let after = plan(&content, patch).1;
    (serde_json::to_value(&content).unwrap(), serde_json::to_value(after).unwrap())
}

/// Returns the new value of `member` and checks that all other members stay.
fn changed_member(member: &str, patch: &Value) -> Value {
    let (mut before, mut after) = before_and_after(patch);
    let changed = after[member].take();
    before[member].take();
    assert_eq!(after, before, "{patch}");
    changed
}

#[test]
fn patch_replaces_whole_context() {
    let context = changed_member("context", &json!({"context": {"summary": "done"}}));
    assert_eq!(context, json!({"summary": "done", "conversation_state": [], "artifacts": [], "custom": {}}));
}

#[test]
fn patch_replaces_all_dependencies() {
    assert_eq!(changed_member("dependencies", &json!({"dependencies": []})), json!([]));
    let dependencies =
        changed_member("dependencies", &json!({"dependencies": [{"id": "p2", "type": "data", "description": ""}]}));
    assert_eq!(dependencies.as_array().unwrap().len(), 1);
    assert_eq!(dependencies[0]["status"], "unknown");
}

#[test]
fn patch_replaces_whole_checkpoint() {
    let hitl = changed_member("hitl", &json!({"hitl": {"required": false, "reason": "another"}}));
    assert_eq!((&hitl["reason"], &hitl["question"]), (&json!("another"), &Value::Null));
}

#[test]
fn decisions_are_merged_by_id() {
    let patch = json!({"decisions": [decision_json("d3", "third"), decision_json("d1", "changed"), decision_json("d3", "third again")]});
    let after = changed_member("decisions", &patch);
    let decisions: Vec<_> = after
        .as_array()
        .unwrap()
        .iter()
        .map(|decision| (decision["id"].as_str(), decision["decision"].as_str()))
        .collect();
    let (d1, d2, d3) = ((Some("d1"), Some("changed")), (Some("d2"), Some("second")), (Some("d3"), Some("third again")));
    assert_eq!(decisions, [d1, d2, d3]);
    assert_eq!(changed_member("decisions", &json!({"decisions": []})).as_array().unwrap().len(), 2);
}

#[test]
fn patch_changes_first_decision_of_duplicate_id() {
    let mut body = full_body();
    body["decisions"] = json!([decision_json("d1", "a"), decision_json("d1", "b")]);
    let content = TestPacket::from_body(&body).content;
    assert_eq!(content.decisions.len(), 2, "duplicate ids are accepted");
    let after = plan(&content, &json!({"decisions": [decision_json("d1", "c")]})).1;
    assert_eq!(after.decisions.iter().map(|decision| decision.decision.as_str()).collect::<Vec<_>>(), ["c", "b"]);
}

#[test]
fn patch_changes_only_given_action_lists() {
    let (before, _) = before_and_after(&json!({}));
    for list in ["pending", "completed", "failed"] {
        let mut expected = before["actions"].clone();
        expected[list] = json!([]);
        assert_eq!(changed_member("actions", &json!({"actions": {list: []}})), expected);
    }
    for patch in [json!({"actions": {}}), json!({"actions": {"pending": null, "completed": null, "failed": null}})] {
        assert_eq!(changed_member("actions", &patch), before["actions"]);
    }
    let all = json!({"actions": {"pending": [], "completed": [], "failed": []}});
    assert_eq!(changed_member("actions", &all), json!({"pending": [], "completed": [], "failed": []}));
}

#[test]
fn null_member_counts_as_absent() {
    let nulls = json!({"status": null, "context": null, "decisions": null, "actions": null, "dependencies": null,
        "hitl": null});
    for patch in [json!({}), nulls, json!({"metadata": {"priority": "high"}, "id": 7, "tenant_id": "x"})] {
        let content = TestPacket::from_body(&full_body()).content;
        let (act, after) = plan(&content, &patch);
        assert_eq!((act, after), (Act::Heartbeat, content), "{patch}");
    }
}

#[test]
fn edit_names_base_and_new_version() {
    let content = TestPacket::from_body(&full_body()).content;
    let (act, after) = plan(&content, &json!({"context": {"summary": "done"}}));
    let Act::Edit(edit) = act else { panic!("{act:?}") };
    assert_eq!((&edit.base, &edit.content), (&content.reference(), &after.reference()));
    assert!(edit.has_checkpoint && !edit.sets_checkpoint);
    let (act, after) = plan(&content, &json!({"status": "claimed"}));
    assert_eq!((act, after), (Act::Move { to: State::Claimed, edit: None, in_batch: false }, content));
}

#[test]
fn retried_stale_edit_loses_nothing() {
    let packet = packet_in(State::InProgress, Setup::PLAIN);
    let at = START.plus_ms(5_000);
    let edit = |packet: &TestPacket, id: &str| {
        Patch::read(&json!({"decisions": [decision_json(id, "x")]}))
            .unwrap()
            .plan(packet.state(), &packet.content, at)
            .unwrap()
    };
    let (first, content) = edit(&packet, "d1");
    let (second, _) = edit(&packet, "d2");
    let record = run_command(&packet.record, &first, TestActor::AgentKey, at).unwrap().next;
    let refusal = run_command(&record, &second, TestActor::AgentKey, at).unwrap_err();
    assert_eq!(refusal, Refusal::VersionConflict);
    assert!(refusal.is_retryable());
    let packet = TestPacket { record, content };
    let (again, content) = edit(&packet, "d2");
    let record = run_command(&packet.record, &again, TestActor::AgentKey, at).unwrap().next;
    assert_eq!(record.state_data.content, content.reference());
    assert_eq!(content.decisions.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["d1", "d2"]);
}

#[test]
fn concurrent_answer_and_edit_lose_nothing() {
    let packet = packet_in(State::AwaitingHuman, Setup::WITH_CHECKPOINT);
    let at = START.plus_ms(5_000);
    let response = handrail_domain::packet::CheckpointAnswer { by: "Ann".into(), response: "yes".into(), notes: None };
    let (answer, _) = response.plan(&TestActor::AppKey.responder(None), &packet.record, &packet.content, at);
    let edited = packet.patch(&json!({"context": {"summary": "more"}}), at).unwrap();
    assert_eq!(run_command(&edited.record, &answer, TestActor::AppKey, at).unwrap_err(), Refusal::VersionConflict);
    let both = edited.answer("yes", at).unwrap();
    assert_eq!(both.content.context.summary, "more");
    assert_eq!(both.content.hitl.unwrap().response.as_deref(), Some("yes"));
}

#[test]
fn refused_command_changes_no_content() {
    let packet = packet_in(State::Created, Setup::PLAIN);
    let body = json!({"status": "completed", "context": {"summary": "done"}});
    let refusal = packet.patch(&body, START.plus_ms(5_000)).unwrap_err();
    assert!(matches!(refusal, Refusal::NoTransition { from: State::Created, to: State::Completed, .. }));
}

#[test]
fn repeated_completion_keeps_first_timestamp() {
    let packet = packet_in(State::Completed, Setup::PLAIN);
    let again = packet.patch(&json!({"status": "completed"}), START.plus_ms(90_000)).unwrap();
    assert_eq!(again.record.state_data.completed_at, packet.record.state_data.completed_at);
    assert!(packet.record.state_data.completed_at.is_some());
}
