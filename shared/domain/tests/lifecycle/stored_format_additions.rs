//! Stored form of states, events and spec fields that were added after the first version.

use handrail_domain::actor::Actor;
use handrail_domain::decision::{
    Answer, Cancelled, Choice, Consumption, DecisionEvent, DecisionSpec, ExecutionEnd, ExecutionOutcome, Expiry,
    Outcome, Phase, ResponseType, StateData,
};
use handrail_domain::policy::{RuleEffect, RuleMatch};
use serde_json::{Value, json};

use super::fixtures::{SECOND_DEADLINE, START, Setup, TestActor, key, spec, test_files};
use super::stored_format::{answer, assert_round_trip, assert_stored_form, state_data_in};

#[test]
fn later_state_and_events_have_stable_form() {
    let file = r#"{"id":"blob1","name":"report 1.pdf","content_type":"application/pdf","size":1001,"sha256":"SHA"}"#
        .replace("SHA", &"ab".repeat(32));
    assert_stored_form(&test_files(1).remove(0), &file);
    let full = Answer {
        resolved_by: "ann@example.com".to_owned(),
        execute_at: Some(SECOND_DEADLINE),
        files: test_files(1),
        ..answer()
    };
    let answer_members = format!(
        r#""resolved_by":"ann@example.com","notes":"but less","response_data":{{"z":1,"a":[1.5,null]}},"execute_at":"2026-09-21T16:13:20.000Z","files":[{file}]"#
    );
    assert_stored_form(
        &DecisionEvent::Scheduled(full.clone()),
        &format!(r#"{{"type":"decision.scheduled",{answer_members}}}"#),
    );
    assert_stored_form(
        &StateData {
            phase: Phase::Scheduled(Outcome { at: START, by: None, answer: full }),
            attachments: test_files(1),
            consumption: None,
        },
        &format!(r#"{{"state":"scheduled","at":"2026-09-21T14:13:20.000Z",{answer_members},"attachments":[{file}]}}"#),
    );
    assert_stored_form(
        &StateData { phase: Phase::Pending, attachments: test_files(1), consumption: None },
        &format!(r#"{{"state":"pending","attachments":[{file}]}}"#),
    );
    assert_stored_form(
        &DecisionEvent::Attached { files: test_files(1) },
        &format!(r#"{{"type":"decision.attached","files":[{file}]}}"#),
    );
    let seen = Answer { resolved_by: "x".to_owned(), shown_hash: Some("sha256:ab".to_owned()), ..Answer::default() };
    assert_stored_form(
        &DecisionEvent::Denied(seen),
        r#"{"type":"decision.denied","resolved_by":"x","shown_hash":"sha256:ab"}"#,
    );
    assert_stored_form(&DecisionEvent::Cancelled { reason: None }, r#"{"type":"decision.cancelled"}"#);
    let reason = Some("asked twice".to_owned());
    assert_stored_form(
        &DecisionEvent::Cancelled { reason: reason.clone() },
        r#"{"type":"decision.cancelled","reason":"asked twice"}"#,
    );
    assert_stored_form(
        &state_data_in(Phase::Expired(Expiry { cancelled: Some(Cancelled { at: START, reason }) })),
        r#"{"state":"expired","cancelled":{"at":"2026-09-21T14:13:20.000Z","reason":"asked twice"}}"#,
    );
    let by_key = Answer { key_name: Some("back office".to_owned()), ..answer() };
    let members = r#""resolved_by":"ann@example.com","notes":"but less","response_data":{"z":1,"a":[1.5,null]},"key_name":"back office""#;
    assert_stored_form(
        &DecisionEvent::Approved(by_key.clone()),
        &format!(r#"{{"type":"decision.approved",{members}}}"#),
    );
    let (key, by) = (serde_json::to_string(&key(2)).unwrap(), Some(TestActor::AppKey.actor()));
    assert_stored_form(
        &state_data_in(Phase::Approved(Outcome { at: START, by, answer: by_key })),
        &format!(
            r#"{{"state":"approved","at":"2026-09-21T14:13:20.000Z","by":{{"kind":"key","key":{key},"role":"app"}},{members}}}"#
        ),
    );
    assert_stored_form(&Actor::Policy { rule: "small".to_owned() }, r#"{"kind":"policy","rule":"small"}"#);
    assert_stored_form(
        &TestActor::ApproverOnSlack.actor(),
        r#"{"kind":"person","email":"ann@example.com","by":"slack"}"#,
    );
}

#[test]
fn consumption_has_stable_form() {
    let (execution_id, key_name) = ("run-1".to_owned(), "deploy agent".to_owned());
    assert_stored_form(
        &DecisionEvent::Consumed { execution_id: execution_id.clone(), key_name: key_name.clone() },
        r#"{"type":"decision.consumed","execution_id":"run-1","key_name":"deploy agent"}"#,
    );
    let detail = Some("invoice 7".to_owned());
    assert_stored_form(
        &DecisionEvent::Executed {
            execution_id: execution_id.clone(),
            outcome: ExecutionOutcome::Succeeded,
            detail: detail.clone(),
        },
        r#"{"type":"decision.executed","execution_id":"run-1","outcome":"succeeded","detail":"invoice 7"}"#,
    );
    let consumption = |end| {
        let (execution_id, key_name) = (execution_id.clone(), key_name.clone());
        Some(Consumption { execution_id, consumed_at: START, key: key(1), key_name, end })
    };
    let answer = Answer { resolved_by: "x".to_owned(), ..Answer::default() };
    let approved = Phase::Approved(Outcome { at: START, by: None, answer });
    let members = r#""execution_id":"run-1","consumed_at":"2026-09-21T14:13:20.000Z","key":"key_01M3250V00040G2081040G2081","key_name":"deploy agent""#;
    let outcome = r#""state":"approved","at":"2026-09-21T14:13:20.000Z","resolved_by":"x""#;
    let open = StateData { phase: approved, attachments: vec![], consumption: consumption(None) };
    assert_stored_form(&open, &format!(r#"{{{outcome},"consumption":{{{members}}}}}"#));
    let end = ExecutionEnd { outcome: ExecutionOutcome::Failed, detail, finished_at: START };
    assert_stored_form(
        &StateData { consumption: consumption(Some(end)), ..open },
        &format!(
            r#"{{{outcome},"consumption":{{{members},"end":{{"outcome":"failed","detail":"invoice 7","finished_at":"2026-09-21T14:13:20.000Z"}}}}}}"#
        ),
    );
}

/// Each case adds one field to a minimal spec and compares the added JSON members.
#[test]
fn later_spec_fields_have_stable_form() {
    let minimal = || spec(&Setup::plain(true, vec![Choice::Deny]));
    let added = |changed: &DecisionSpec| {
        let (before, after) = (serde_json::to_value(minimal()).unwrap(), serde_json::to_value(changed).unwrap());
        let new = after.as_object().unwrap().iter().filter(|(name, value)| before.get(*name) != Some(value));
        assert_round_trip(changed);
        Value::Object(new.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    assert_eq!(added(&minimal()), json!({}));
    let images = vec!["https://example.com/a.png".to_owned()];
    assert_eq!(added(&DecisionSpec { context_images: images.clone(), ..minimal() }), json!({"context_images": images}));
    assert_eq!(added(&DecisionSpec { reminders: false, ..minimal() }), json!({"reminders": false}));
    let (tool, arguments) = (Some("refund".to_owned()), json!({"z": 1.5, "a": [null]}).as_object().cloned());
    let typed = DecisionSpec { tool, arguments, single_use: Some(false), valid_for_seconds: Some(60), ..minimal() };
    let stored =
        json!({"tool": "refund", "arguments": {"z": 1.5, "a": [null]}, "single_use": false, "valid_for_seconds": 60});
    assert_eq!(added(&typed), stored);
    let policy = Some(RuleMatch { rule: "small".to_owned(), effect: RuleEffect::Deny, revision: None });
    assert_eq!(added(&DecisionSpec { policy, ..minimal() }), json!({"policy": {"rule": "small", "effect": "deny"}}));
    let mut stays_pending = minimal();
    stays_pending.backup.as_mut().unwrap().shown_as_pending = true;
    let backup = json!({"approver": "bob@example.com", "until": SECOND_DEADLINE, "shown_as_pending": true});
    assert_eq!(added(&stays_pending), json!({ "backup": backup }));
    for (requested, stored) in [
        (json!({"type": "confirm"}), json!({"type": "confirm"})),
        (json!({"type": "approve_deny"}), json!({"type": "approve_deny"})),
        (
            json!({"type": "choose", "choices": ["a", "b"]}),
            json!({"type": "choose", "label": "Select an option", "choices": ["a", "b"]}),
        ),
        (
            json!({"type": "text_input", "fields": [{"name": "a"}]}),
            json!({"type": "text_input", "fields": [{"name": "a", "label": "a", "required": false, "placeholder": ""}]}),
        ),
        (
            json!({"type": "number_input", "max": 1.5}),
            json!({"type": "number_input", "label": "Enter a number", "max": 1.5, "placeholder": ""}),
        ),
        (
            json!({"type": "file_upload", "max_files": 2, "accept": [".csv"]}),
            json!({"type": "file_upload", "label": "Upload a file", "max_files": 2, "accept": [".csv"]}),
        ),
        (
            json!({"type": "schedule"}),
            json!({"type": "schedule", "label": "When should it happen?", "allow_immediate": true}),
        ),
    ] {
        let response_type = Some(ResponseType::check(&requested).unwrap());
        assert_eq!(added(&DecisionSpec { response_type, ..minimal() }), json!({ "response_type": stored }));
    }
}
