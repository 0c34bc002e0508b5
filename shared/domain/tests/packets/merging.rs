//! What a PATCH changes, what it leaves, and that two at once lose nothing.

use handrail_domain::packet::{Act, Content, Patch, Refusal, State};
use serde_json::{Value, json};

use super::support::{Held, START, Setup, Who, held_in, play, smallest};

fn full() -> Value {
    let mut body = smallest();
    body["context"] = json!({
        "summary": "Half done",
        "conversation_state": [{"role": "user", "content": "hello"}],
        "artifacts": [{"key": "k", "value": {"n": 1}}],
        "custom": {"a": [1, null]},
    });
    body["decisions"] = json!([decided("d1", "first"), decided("d2", "second")]);
    body["actions"] = json!({
        "pending": [{"id": "a1", "description": "do", "assignee": "me"}],
        "completed": [{"id": "a2", "description": "did", "result": "well"}],
        "failed": [{"id": "a3", "description": "tried", "error": "no"}],
    });
    body["dependencies"] = json!([{"id": "p1", "type": "api", "description": "the API"}]);
    body["hitl"] = json!({"required": false, "reason": "a risk", "question": "Go on?"});
    body
}

fn decided(id: &str, decision: &str) -> Value {
    json!({"id": id, "decision": decision, "rationale": "because"})
}

fn plan(content: &Content, patch: &Value) -> (Act, Content) {
    Patch::read(patch).unwrap().plan(State::Created, content, START).unwrap()
}

fn merged(patch: &Value) -> (Value, Value) {
    let content = Held::of(&full()).content;
    let after = plan(&content, patch).1;
    (serde_json::to_value(&content).unwrap(), serde_json::to_value(after).unwrap())
}

/// Only this member differs.
fn only(member: &str, patch: &Value) -> Value {
    let (mut before, mut after) = merged(patch);
    let changed = after[member].take();
    before[member].take();
    assert_eq!(after, before, "{patch}");
    changed
}

#[test]
fn context_is_replaced_whole() {
    let context = only("context", &json!({"context": {"summary": "done"}}));
    assert_eq!(context, json!({"summary": "done", "conversation_state": [], "artifacts": [], "custom": {}}));
}

#[test]
fn dependencies_are_replaced_whole() {
    assert_eq!(only("dependencies", &json!({"dependencies": []})), json!([]));
    let dependencies =
        only("dependencies", &json!({"dependencies": [{"id": "p2", "type": "data", "description": ""}]}));
    assert_eq!(dependencies.as_array().unwrap().len(), 1);
    assert_eq!(dependencies[0]["status"], "unknown");
}

#[test]
fn a_checkpoint_is_replaced_whole() {
    let hitl = only("hitl", &json!({"hitl": {"required": false, "reason": "another"}}));
    assert_eq!((&hitl["reason"], &hitl["question"]), (&json!("another"), &Value::Null));
}

#[test]
fn decisions_are_merged_by_id() {
    let patch = json!({"decisions": [decided("d3", "third"), decided("d1", "changed"), decided("d3", "third again")]});
    let after = only("decisions", &patch);
    let told: Vec<_> =
        after.as_array().unwrap().iter().map(|one| (one["id"].as_str(), one["decision"].as_str())).collect();
    let (d1, d2, d3) = ((Some("d1"), Some("changed")), (Some("d2"), Some("second")), (Some("d3"), Some("third again")));
    assert_eq!(told, [d1, d2, d3]);
    assert_eq!(only("decisions", &json!({"decisions": []})).as_array().unwrap().len(), 2);
}

#[test]
fn of_two_decisions_with_one_id_the_first_is_changed() {
    let mut body = full();
    body["decisions"] = json!([decided("d1", "a"), decided("d1", "b")]);
    let content = Held::of(&body).content;
    assert_eq!(content.decisions.len(), 2, "taken as they come");
    let after = plan(&content, &json!({"decisions": [decided("d1", "c")]})).1;
    assert_eq!(after.decisions.iter().map(|one| one.decision.as_str()).collect::<Vec<_>>(), ["c", "b"]);
}

#[test]
fn only_the_lists_of_actions_that_are_named_change() {
    let (before, _) = merged(&json!({}));
    for named in ["pending", "completed", "failed"] {
        let mut expected = before["actions"].clone();
        expected[named] = json!([]);
        assert_eq!(only("actions", &json!({"actions": {named: []}})), expected);
    }
    for patch in [json!({"actions": {}}), json!({"actions": {"pending": null, "completed": null, "failed": null}})] {
        assert_eq!(only("actions", &patch), before["actions"]);
    }
    let all = json!({"actions": {"pending": [], "completed": [], "failed": []}});
    assert_eq!(only("actions", &all), json!({"pending": [], "completed": [], "failed": []}));
}

#[test]
fn null_means_that_it_was_not_sent() {
    let nulls = json!({"status": null, "context": null, "decisions": null, "actions": null, "dependencies": null,
        "hitl": null});
    for patch in [json!({}), nulls, json!({"metadata": {"priority": "high"}, "id": 7, "tenant_id": "x"})] {
        let content = Held::of(&full()).content;
        let (act, after) = plan(&content, &patch);
        assert_eq!((act, after), (Act::Renew, content), "{patch}");
    }
}

#[test]
fn an_edit_says_from_which_version_it_was_made_and_what_it_leaves() {
    let content = Held::of(&full()).content;
    let (act, after) = plan(&content, &json!({"context": {"summary": "done"}}));
    let Act::Edit(edit) = act else { panic!("{act:?}") };
    assert_eq!((&edit.base, &edit.content), (&content.reference(), &after.reference()));
    assert!(edit.has_checkpoint && !edit.sets_checkpoint);
    let (act, after) = plan(&content, &json!({"status": "claimed"}));
    assert_eq!((act, after), (Act::Move { to: State::Claimed, edit: None, in_batch: false }, content));
}

#[test]
fn the_later_of_two_edits_is_made_again_and_loses_nothing() {
    let held = held_in(State::InProgress, Setup::PLAIN);
    let at = START.plus_ms(5_000);
    let edit = |held: &Held, id: &str| {
        Patch::read(&json!({"decisions": [decided(id, "x")]})).unwrap().plan(held.state(), &held.content, at).unwrap()
    };
    let (first, content) = edit(&held, "d1");
    let (second, _) = edit(&held, "d2");
    let record = play(&held.record, &first, Who::AgentKey, at).unwrap().next;
    let refusal = play(&record, &second, Who::AgentKey, at).unwrap_err();
    assert_eq!(refusal, Refusal::Stale);
    assert!(refusal.retry_may_help());
    let held = Held { record, content };
    let (again, content) = edit(&held, "d2");
    let record = play(&held.record, &again, Who::AgentKey, at).unwrap().next;
    assert_eq!(record.standing.content, content.reference());
    assert_eq!(content.decisions.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["d1", "d2"]);
}

#[test]
fn an_answer_and_an_edit_at_once_lose_nothing_either() {
    let held = held_in(State::AwaitingHuman, Setup::ASKING);
    let at = START.plus_ms(5_000);
    let response = handrail_domain::packet::Response { by: "Ann".into(), response: "yes".into(), notes: None };
    let (answer, _) = response.plan(&held.content, at);
    let edited = held.patched(&json!({"context": {"summary": "more"}}), at).unwrap();
    assert_eq!(play(&edited.record, &answer, Who::AppKey, at).unwrap_err(), Refusal::Stale);
    let both = edited.answered("yes", at).unwrap();
    assert_eq!(both.content.context.summary, "more");
    assert_eq!(both.content.hitl.unwrap().response.as_deref(), Some("yes"));
}

#[test]
fn a_refused_step_changes_no_content() {
    let held = held_in(State::Created, Setup::PLAIN);
    let body = json!({"status": "completed", "context": {"summary": "done"}});
    let refusal = held.patched(&body, START.plus_ms(5_000)).unwrap_err();
    assert!(matches!(refusal, Refusal::NoTransition { from: State::Created, to: State::Completed, .. }));
}

#[test]
fn completing_twice_keeps_the_first_time() {
    let held = held_in(State::Completed, Setup::PLAIN);
    let again = held.patched(&json!({"status": "completed"}), START.plus_ms(90_000)).unwrap();
    assert_eq!(again.record.standing.completed_at, held.record.standing.completed_at);
    assert!(held.record.standing.completed_at.is_some());
}
