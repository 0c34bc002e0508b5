//! Bodies: what is taken, and that everything which is wrong is told at once, each with its path.

use handrail_domain::packet::{
    BatchClaim, Claim, FLAWS_MAX, Flaw, Patch, Proposal, Response, Step, read_batch, read_batch_ids,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::{Held, smallest};

pub(crate) fn told(flaws: &[Flaw]) -> Vec<(String, &'static str)> {
    flaws.iter().map(|flaw| (flaw.field(), flaw.kind)).collect()
}

pub(crate) fn create_flaws(body: &Value) -> Vec<(String, &'static str)> {
    told(&Proposal::read(body).unwrap_err())
}

/// Every member that there is.
fn full() -> Value {
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
fn what_was_sent_is_what_is_kept_member_for_member() {
    let held = Held::of(&full());
    let (mut sent, kept) = (full(), serde_json::to_value(&held.content).unwrap());
    for member in ["context", "decisions", "actions", "dependencies", "hitl"] {
        assert_eq!(kept[member], sent[member].take(), "{member}");
    }
    let ask = held.record.ask;
    assert_eq!(ask.stated_at.as_deref(), Some("2026-01-31T09:30:00.123456Z"), "as it was written");
    assert_eq!(ask.completed_at_given.as_deref(), Some("2026-01-31T09:30:00.000Z"), "a number is written as a time");
    assert_eq!((ask.tags.len(), ask.schema_id.as_deref()), (3, Some("s1")));
    assert_eq!((ask.source.version.as_deref(), ask.target.name.as_str()), (Some("2"), ""));
}

#[test]
fn whatever_need_not_be_there_may_be_null_or_missing() {
    let smallest = Held::of(&smallest());
    let mut nulls = super::support::smallest();
    for member in ["parent_packet_id", "decisions", "actions", "dependencies", "hitl", "schema_id"] {
        nulls[member] = Value::Null;
    }
    for member in ["created_at", "claimed_at", "completed_at", "priority", "tags"] {
        nulls["metadata"][member] = Value::Null;
    }
    for member in ["conversation_state", "artifacts", "custom"] {
        nulls["context"][member] = Value::Null;
    }
    let held = Held::of(&nulls);
    assert_eq!((held.content, held.record.ask), (smallest.content.clone(), smallest.record.ask));
    let kept = serde_json::to_value(smallest.content).unwrap();
    let context = json!({"summary": "Half done", "conversation_state": [], "artifacts": [], "custom": {}});
    let actions = json!({"pending": [], "completed": [], "failed": []});
    let all = json!({"context": context, "decisions": [], "actions": actions, "dependencies": [], "hitl": null});
    assert_eq!(kept, all, "every member, never null where it is a list");
}

#[test]
fn unknown_members_are_read_over_everywhere() {
    fn with_more(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.values_mut().for_each(with_more);
                members.insert("mood".to_owned(), json!({"of": ["day"]}));
            }
            Value::Array(values) => values.iter_mut().for_each(with_more),
            _ => {}
        }
    }
    let mut body = full();
    // What is free form keeps what it holds.
    for free in ["/context/custom", "/context/artifacts", "/context/conversation_state/0/metadata"] {
        *body.pointer_mut(free).unwrap() = json!(if free.ends_with("artifacts") { json!([]) } else { json!({}) });
    }
    let plain = Held::of(&body);
    for member in ["metadata", "decisions", "actions", "dependencies", "hitl"] {
        with_more(&mut body[member]);
    }
    with_more(&mut body["context"]["conversation_state"]);
    body["context"]["conversation_state"][0]["metadata"] = json!({});
    body["id"] = json!(5);
    body["status"] = json!("completed");
    let held = Held::of(&body);
    assert_eq!((held.content, held.record.ask), (plain.content, plain.record.ask));
}

#[test]
fn everything_that_is_missing_is_told_at_once() {
    assert_eq!(create_flaws(&json!({})), [("metadata".to_owned(), "missing"), ("context".to_owned(), "missing")]);
    let body = json!({
        "metadata": {"source_agent": {}},
        "context": {"conversation_state": [{}], "artifacts": [{}]},
        "decisions": [{}], "actions": {"pending": [{}], "completed": [{}], "failed": [{}]}, "dependencies": [{}], "hitl": {},
    });
    let told = create_flaws(&body);
    assert!(told.iter().all(|(_, kind)| *kind == "missing"), "{told:?}");
    let fields: Vec<_> = told.iter().map(|(field, _)| field.as_str()).collect();
    let expected = "metadata.source_agent.id metadata.source_agent.name metadata.target_agent context.summary \
        context.conversation_state.0.role context.conversation_state.0.content context.artifacts.0.key \
        context.artifacts.0.value decisions.0.id decisions.0.decision decisions.0.rationale actions.pending.0.id \
        actions.pending.0.description actions.pending.0.assignee actions.completed.0.id actions.completed.0.description \
        actions.completed.0.result actions.failed.0.id actions.failed.0.description actions.failed.0.error \
        dependencies.0.id dependencies.0.type dependencies.0.description hitl.reason";
    assert_eq!(fields, expected.split_whitespace().collect::<Vec<_>>());
}

/// Each member of the full body, with a value of a type that it never has.
#[test]
fn every_member_is_held_to_its_type() {
    fn places(value: &Value, at: &str, out: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    out.push(format!("{at}/{name}"));
                    places(value, &format!("{at}/{name}"), out);
                }
            }
            Value::Array(values) => {
                for (place, value) in values.iter().enumerate() {
                    out.push(format!("{at}/{place}"));
                    places(value, &format!("{at}/{place}"), out);
                }
            }
            _ => {}
        }
    }
    let free = |at: &str| {
        ["/context/custom/", "/context/artifacts/1/value/", "/context/artifacts/2/value/", "/metadata/k"]
            .iter()
            .any(|free| at.contains(free))
    };
    let mut all = Vec::new();
    places(&full(), "", &mut all);
    let all: Vec<_> = all.into_iter().filter(|at| !free(at)).collect();
    assert!(all.len() > 80, "{}", all.len());
    for at in all {
        for wrong in [json!(true), json!(-0.5)] {
            if at == "/hitl/required" && wrong == json!(true) {
                continue;
            }
            let mut body = full();
            *body.pointer_mut(&at).unwrap() = wrong.clone();
            let told = create_flaws(&body);
            assert_eq!(told.len(), 1, "{at} {wrong} {told:?}");
            assert_eq!(told[0].0, at[1..].replace('/', "."), "{wrong}");
        }
    }
}

#[test]
fn texts_are_texts_and_words_are_known() {
    let mut body = full();
    body["metadata"]["priority"] = json!("URGENT");
    body["context"]["summary"] = json!(5);
    body["context"]["artifacts"][0]["value"] = json!(5);
    body["decisions"][0]["alternatives"] = json!(["y", 1]);
    body["hitl"]["timeout_seconds"] = json!(1.5);
    body["parent_packet_id"] = json!("no-uuid");
    let flaws = Proposal::read(&body).unwrap_err();
    let told: Vec<_> = flaws.iter().map(|flaw| format!("{}: {} ({})", flaw.field(), flaw.message, flaw.kind)).collect();
    assert_eq!(
        told,
        [
            "parent_packet_id: Input should be a valid UUID (uuid_parsing)",
            "metadata.priority: Input should be 'low', 'normal', 'high' or 'critical' (enum)",
            "context.summary: Input should be a valid string (string_type)",
            "context.artifacts.0.value: Input should be a valid string, dictionary or list (union_error)",
            "decisions.0.alternatives.1: Input should be a valid string (string_type)",
            "hitl.timeout_seconds: Input should be a valid integer (int_type)",
        ]
    );
    assert_eq!(flaws[4].path[1], Step::Place(0));
    assert_eq!(json!(flaws[4].path), json!(["decisions", 0, "alternatives", 1]));
}

#[test]
fn a_body_that_is_no_object_is_told_as_a_whole() {
    for body in [json!([]), json!("x"), json!(null), json!(5)] {
        assert_eq!(create_flaws(&body), [(String::new(), "dict_type")]);
        assert!(Patch::read(&body).is_err() && Claim::read(&body).is_err() && Response::read(&body).is_err());
        assert!(read_batch(&body).is_err() && read_batch_ids(&body).is_err() && BatchClaim::read(&body).is_err());
    }
}

#[test]
fn a_thousand_flaws_are_told_as_fifty() {
    let mut body = smallest();
    body["decisions"] = json!(vec![5; 1_000]);
    assert_eq!(create_flaws(&body).len(), FLAWS_MAX);
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

    /// One member of a good body is anything at all: it is taken, or told by its path.
    #[test]
    fn any_value_anywhere_is_taken_or_told(
        at in prop::sample::select(&["/metadata", "/metadata/source_agent", "/metadata/tags", "/context", "/context/custom",
            "/context/artifacts", "/context/conversation_state", "/decisions", "/actions", "/actions/pending",
            "/dependencies", "/hitl", "/hitl/options", "/hitl/timeout_seconds", "/schema_id"][..]),
        value in any_json(),
    ) {
        let mut body = full();
        *body.pointer_mut(at).unwrap() = value;
        match Proposal::read(&body) {
            Ok(proposal) => {
                let text = serde_json::to_string(&proposal.content).unwrap();
                prop_assert_eq!(serde_json::from_str::<handrail_domain::packet::Content>(&text).unwrap(), proposal.content);
            }
            Err(flaws) => {
                prop_assert!(!flaws.is_empty() && flaws.len() <= FLAWS_MAX);
                let field = at[1..].replace('/', ".");
                prop_assert!(flaws.iter().all(|flaw| flaw.field().starts_with(&field)), "{:?}", flaws);
            }
        }
    }
}
