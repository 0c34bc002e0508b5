//! Reading of packet bodies, which reports all field errors with their paths.

use handrail_domain::field_error::{FIELD_ERRORS_MAX, FieldError, PathSegment};
use handrail_domain::packet::{BatchClaim, CheckpointAnswer, Claim, NewPacket, Patch, read_batch, read_batch_ids};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixtures::{TestPacket, minimal_body};

pub(crate) fn error_paths(errors: &[FieldError]) -> Vec<(String, &'static str)> {
    errors.iter().map(|error| (error.field(), error.kind)).collect()
}

pub(crate) fn create_errors(body: &Value) -> Vec<(String, &'static str)> {
    error_paths(&NewPacket::read(body).unwrap_err())
}

/// A body with every member.
fn full_body() -> Value {
    json!({
        "parent_packet_id": "01a0c450-6c00-7303-8303-030303030303",
        "metadata": {
            "source_agent": {"id": "a", "name": "A", "framework": "crewai", "version": "2"},
            "target_agent": {"id": "b", "name": "", "framework": "langchain"},
            "created_at": "2026-01-31T09:30:00.123456Z", "claimed_at": "2026-01-31T09:30:00",
            "completed_at": 1_769_851_800, "priority": "critical", "tags": ["x", "x", ""],
        },
        "context": {
            "summary": "",
            "conversation_state": [{"role": "human", "content": "\u{0}", "timestamp": "2026-01-31", "metadata": {"k": [1.5]}}],
            "artifacts": [
                {"key": "a", "value": "text", "content_type": "text/plain"},
                {"key": "b", "value": {"deep": {"deeper": null}}, "content_type": null},
                {"key": "c", "value": [1, "2"], "content_type": null},
            ],
            "custom": {"n": 1e300, "s": "é", "b": false},
        },
        "decisions": [{"id": "d", "decision": "x", "rationale": "", "alternatives": ["y"], "decided_by": "me",
            "timestamp": "2026-01-31T09:30:00+01:00"}],
        "actions": {
            "pending": [{"id": "1", "description": "", "assignee": "", "priority": "low", "depends_on": ["0"],
                "deadline": "2026-02-01"}],
            "completed": [{"id": "2", "description": "", "result": "", "completed_by": "me", "completed_at": "2026-01-31"}],
            "failed": [{"id": "3", "description": "", "error": "", "retries_remaining": 2}],
        },
        "dependencies": [{"id": "p", "type": "external_event", "description": "", "status": "blocked", "source": "s"}],
        "hitl": {"required": true, "reason": "r", "question": "q", "options": ["a"], "response": null,
            "responded_at": null, "responded_by": null, "notes": "n", "timeout_seconds": 0},
        "schema_id": "s1",
    })
}

#[test]
fn accepted_body_is_stored_unchanged() {
    let packet = TestPacket::from_body(&full_body());
    let (mut submitted, stored) = (full_body(), serde_json::to_value(&packet.content).unwrap());
    for member in ["context", "decisions", "actions", "dependencies", "hitl"] {
        assert_eq!(stored[member], submitted[member].take(), "{member}");
    }
    let spec = packet.record.spec;
    assert_eq!(spec.stated_at.as_deref(), Some("2026-01-31T09:30:00.123456Z"), "the submitted text stays");
    assert_eq!(spec.completed_at_given.as_deref(), Some("2026-01-31T09:30:00.000Z"), "a number is written as a time");
    assert_eq!((spec.tags.len(), spec.schema_id.as_deref()), (3, Some("s1")));
    assert_eq!((spec.source.version.as_deref(), spec.target.name.as_str()), (Some("2"), ""));
}

#[test]
fn optional_members_may_be_null_or_missing() {
    let smallest = TestPacket::from_body(&minimal_body());
    let mut nulls = minimal_body();
    for member in ["parent_packet_id", "decisions", "actions", "dependencies", "hitl", "schema_id"] {
        nulls[member] = Value::Null;
    }
    for member in ["created_at", "claimed_at", "completed_at", "priority", "tags"] {
        nulls["metadata"][member] = Value::Null;
    }
    for member in ["conversation_state", "artifacts", "custom"] {
        nulls["context"][member] = Value::Null;
    }
    let packet = TestPacket::from_body(&nulls);
    assert_eq!((packet.content, packet.record.spec), (smallest.content.clone(), smallest.record.spec));
    let stored = serde_json::to_value(smallest.content).unwrap();
    let context = json!({"summary": "Half done", "conversation_state": [], "artifacts": [], "custom": {}});
    let actions = json!({"pending": [], "completed": [], "failed": []});
    let all = json!({"context": context, "decisions": [], "actions": actions, "dependencies": [], "hitl": null});
    assert_eq!(stored, all, "every member is present and lists are never null");
}

#[test]
fn unknown_members_are_ignored_everywhere() {
    fn add_unknown_members(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.values_mut().for_each(add_unknown_members);
                members.insert("mood".to_owned(), json!({"of": ["day"]}));
            }
            Value::Array(values) => values.iter_mut().for_each(add_unknown_members),
            _ => {}
        }
    }
    let mut body = full_body();
    // Free-form members keep all members, so they are emptied here.
    for free in ["/context/custom", "/context/artifacts", "/context/conversation_state/0/metadata"] {
        *body.pointer_mut(free).unwrap() = json!(if free.ends_with("artifacts") { json!([]) } else { json!({}) });
    }
    let plain = TestPacket::from_body(&body);
    for member in ["metadata", "decisions", "actions", "dependencies", "hitl"] {
        add_unknown_members(&mut body[member]);
    }
    add_unknown_members(&mut body["context"]["conversation_state"]);
    body["context"]["conversation_state"][0]["metadata"] = json!({});
    body["id"] = json!(5);
    body["status"] = json!("completed");
    let packet = TestPacket::from_body(&body);
    assert_eq!((packet.content, packet.record.spec), (plain.content, plain.record.spec));
}

#[test]
fn all_missing_members_are_reported_together() {
    assert_eq!(create_errors(&json!({})), [("metadata".to_owned(), "missing"), ("context".to_owned(), "missing")]);
    let body = json!({
        "metadata": {"source_agent": {}},
        "context": {"conversation_state": [{}], "artifacts": [{}]},
        "decisions": [{}], "actions": {"pending": [{}], "completed": [{}], "failed": [{}]}, "dependencies": [{}], "hitl": {},
    });
    let errors = create_errors(&body);
    assert!(errors.iter().all(|(_, kind)| *kind == "missing"), "{errors:?}");
    let fields: Vec<_> = errors.iter().map(|(field, _)| field.as_str()).collect();
    let expected = "metadata.source_agent.id metadata.source_agent.name metadata.target_agent context.summary \
        context.conversation_state.0.role context.conversation_state.0.content context.artifacts.0.key \
        context.artifacts.0.value decisions.0.id decisions.0.decision decisions.0.rationale actions.pending.0.id \
        actions.pending.0.description actions.pending.0.assignee actions.completed.0.id actions.completed.0.description \
        actions.completed.0.result actions.failed.0.id actions.failed.0.description actions.failed.0.error \
        dependencies.0.id dependencies.0.type dependencies.0.description hitl.reason";
    assert_eq!(fields, expected.split_whitespace().collect::<Vec<_>>());
}

/// Replaces each member of the full body by a value of a wrong type.
#[test]
fn every_member_type_is_checked() {
    fn collect_paths(value: &Value, at: &str, out: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    out.push(format!("{at}/{name}"));
                    collect_paths(value, &format!("{at}/{name}"), out);
                }
            }
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    out.push(format!("{at}/{index}"));
                    collect_paths(value, &format!("{at}/{index}"), out);
                }
            }
            _ => {}
        }
    }
    let is_free_form = |at: &str| {
        ["/context/custom/", "/context/artifacts/1/value/", "/context/artifacts/2/value/", "/metadata/k"]
            .iter()
            .any(|path| at.contains(path))
    };
    let mut all = Vec::new();
    collect_paths(&full_body(), "", &mut all);
    let all: Vec<_> = all.into_iter().filter(|at| !is_free_form(at)).collect();
    assert!(all.len() > 80, "{}", all.len());
    for at in all {
        for wrong in [json!(true), json!(-0.5)] {
            if at == "/hitl/required" && wrong == json!(true) {
                continue;
            }
            let mut body = full_body();
            *body.pointer_mut(&at).unwrap() = wrong.clone();
            let errors = create_errors(&body);
            assert_eq!(errors.len(), 1, "{at} {wrong} {errors:?}");
            assert_eq!(errors[0].0, at[1..].replace('/', "."), "{wrong}");
        }
    }
}

#[test]
fn strings_and_enum_values_are_checked() {
    let mut body = full_body();
    body["metadata"]["priority"] = json!("URGENT");
    body["context"]["summary"] = json!(5);
    body["context"]["artifacts"][0]["value"] = json!(5);
    body["decisions"][0]["alternatives"] = json!(["y", 1]);
    body["hitl"]["timeout_seconds"] = json!(1.5);
    body["parent_packet_id"] = json!("no-uuid");
    let errors = NewPacket::read(&body).unwrap_err();
    let texts: Vec<_> =
        errors.iter().map(|error| format!("{}: {} ({})", error.field(), error.message, error.kind)).collect();
    assert_eq!(
        texts,
        [
            "parent_packet_id: Input should be a valid UUID (uuid_parsing)",
            "metadata.priority: Input should be 'low', 'normal', 'high' or 'critical' (enum)",
            "context.summary: Input should be a valid string (string_type)",
            "context.artifacts.0.value: Input should be a valid string, dictionary or list (union_error)",
            "decisions.0.alternatives.1: Input should be a valid string (string_type)",
            "hitl.timeout_seconds: Input should be a valid integer (int_type)",
        ]
    );
    assert_eq!(errors[4].path[1], PathSegment::Place(0));
    assert_eq!(json!(errors[4].path), json!(["decisions", 0, "alternatives", 1]));
}

#[test]
fn non_object_body_gives_one_root_error() {
    for body in [json!([]), json!("x"), json!(null), json!(5)] {
        assert_eq!(create_errors(&body), [(String::new(), "dict_type")]);
        assert!(Patch::read(&body).is_err() && Claim::read(&body).is_err() && CheckpointAnswer::read(&body).is_err());
        assert!(read_batch(&body).is_err() && read_batch_ids(&body).is_err() && BatchClaim::read(&body).is_err());
    }
}

#[test]
fn field_errors_are_capped_at_fifty() {
    let mut body = minimal_body();
    body["decisions"] = json!(vec![5; 1_000]);
    assert_eq!(create_errors(&body).len(), FIELD_ERRORS_MAX);
}

fn any_json() -> impl Strategy<Value = Value> {
    let known =
        prop::sample::select(&["id", "name", "metadata", "context", "summary", "hitl", "reason", "role", "tags"][..]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((known.clone(), inner), 0..5)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    /// One member of a valid body becomes any JSON value, which is accepted or reported with its path.
    #[test]
    fn any_value_is_accepted_or_reported(
        at in prop::sample::select(&["/metadata", "/metadata/source_agent", "/metadata/tags", "/context", "/context/custom",
            "/context/artifacts", "/context/conversation_state", "/decisions", "/actions", "/actions/pending",
            "/dependencies", "/hitl", "/hitl/options", "/hitl/timeout_seconds", "/schema_id"][..]),
        value in any_json(),
    ) {
        let mut body = full_body();
        *body.pointer_mut(at).unwrap() = value;
        match NewPacket::read(&body) {
            Ok(new_packet) => {
                let text = serde_json::to_string(&new_packet.content).unwrap();
                prop_assert_eq!(serde_json::from_str::<handrail_domain::packet::Content>(&text).unwrap(), new_packet.content);
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty() && errors.len() <= FIELD_ERRORS_MAX);
                let field = at[1..].replace('/', ".");
                prop_assert!(errors.iter().all(|error| error.field().starts_with(&field)), "{:?}", errors);
            }
        }
    }
}
