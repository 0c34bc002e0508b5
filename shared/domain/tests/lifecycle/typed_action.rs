//! Validation of a typed action, and the hash that names it.

use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::decision::{
    Answer, Choice, DecisionEvent, DecisionSpec, NewDecision, action_hash, is_action_permitted, valid_until,
};
use handrail_domain::field_error::FieldError;
use handrail_domain::record::Record;
use serde_json::{Number, Value, json};
use sha2::{Digest, Sha256};

use super::fixtures::{EXECUTE_AT, START, Setup, command_id, create_record, key, new_decision, requester, spec};
use super::new_decision::{assert_field, validate};

fn with_arguments(arguments: Value) -> NewDecision {
    NewDecision { arguments: Some(arguments), ..new_decision() }
}

fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
}

#[test]
fn tool_is_printable_ascii() {
    for (valid, tool) in [
        (true, "refund"),
        (true, "payments.refund v2 (EUR)"),
        (true, "~"),
        (false, ""),
        (false, " "),
        (false, "re\nfund"),
        (false, "re\u{7f}fund"),
        (false, "rückzahlung"),
        (false, "r\u{435}fund"),
    ] {
        assert_field("tool", valid, tool, NewDecision { tool: Some(tool.to_owned()), ..new_decision() });
    }
    for (valid, length) in [(true, 128), (false, 129)] {
        assert_field("tool", valid, "length", NewDecision { tool: Some("x".repeat(length)), ..new_decision() });
    }
}

#[test]
fn arguments_are_an_object_of_limited_size_and_depth() {
    let filled = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
    for (valid, arguments) in [
        (true, json!({})),
        (true, json!({"order": 1234, "lines": [{"sku": "a", "note": null}], "": true})),
        (true, filled(16 * 1024)),
        (true, nested(32)),
        (false, filled(16 * 1024 + 1)),
        (false, nested(33)),
        (false, json!([])),
        (false, json!("text")),
        (false, json!(5)),
    ] {
        let case = arguments.to_string().chars().take(60).collect::<String>();
        assert_field("arguments", valid, &case, with_arguments(arguments));
    }
}

#[test]
fn inexact_numbers_are_refused_with_their_paths() {
    let exact =
        ["0", "-0", "0.1", "1e-300", "9007199254740991", "9007199254740992", "-9007199254740992", "4503599627370497.5"];
    for text in exact {
        let arguments = serde_json::from_str(&format!(r#"{{"n": {text}}}"#)).unwrap();
        assert!(validate(with_arguments(arguments)).is_ok(), "{text}");
    }
    for text in [
        "9007199254740993",
        "-9007199254740993",
        "9007199254740993.0",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "1e22",
        "1e300",
        "-1e300",
    ] {
        let arguments =
            serde_json::from_str(&format!(r#"{{"orders": [1, {{"id": {text}}}], "b.c": {text}}}"#)).unwrap();
        let errors = DecisionSpec::check(with_arguments(arguments), &requester(&[], None), START).unwrap_err();
        let fields: Vec<_> = errors.iter().map(FieldError::field_with_brackets).collect();
        assert_eq!(fields, ["arguments.orders[1].id", "arguments.b.c"], "{text}");
        assert!(errors[0].message.contains("2^53") && errors[0].message.contains("as text"));
    }
    let many = json!({"n": vec![1e300; 500]});
    assert_eq!(DecisionSpec::check(with_arguments(many), &requester(&[], None), START).unwrap_err().len(), 10);
}

#[test]
fn valid_for_seconds_are_whole_and_limited() {
    for (valid, text) in [
        (true, "60"),
        (true, "2592000"),
        (false, "59"),
        (false, "2592001"),
        (false, "0"),
        (false, "-60"),
        (false, "60.5"),
        (false, "60.0"),
        (false, "4294967356"),
        (false, "1e300"),
    ] {
        let valid_for_seconds: Option<Number> = Some(serde_json::from_str(text).unwrap());
        assert_field("valid_for_seconds", valid, text, NewDecision { valid_for_seconds, ..new_decision() });
    }
}

#[test]
fn each_invalid_field_of_typed_action_is_reported() {
    let request = NewDecision {
        tool: Some(String::new()),
        arguments: Some(json!(1)),
        valid_for_seconds: Some(Number::from(1)),
        ..new_decision()
    };
    let errors = DecisionSpec::check(request, &requester(&[], None), START).unwrap_err();
    let fields: Vec<_> = errors.iter().map(FieldError::field).collect();
    assert_eq!(fields, ["tool", "arguments", "valid_for_seconds"]);
}

/// The hashed text is written out here, because outside programs make it from the same description.
#[test]
fn action_hash_covers_text_tool_and_arguments() {
    let sha256 = |text: &str| {
        let digest = Sha256::digest(text);
        format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    let arguments = json!({"€": [1.0, 1e2, -0.0, "\u{7}é"], "b": 0.1, "a": {"z": true, "y": null}});
    let arguments = arguments.as_object().unwrap();
    assert_eq!(action_hash("Pay", None, None), sha256(r#"{"action":"Pay","arguments":null,"tool":null}"#));
    assert_eq!(
        action_hash("Pay \"x\"", Some("refund"), Some(arguments)),
        sha256(
            "{\"action\":\"Pay \\\"x\\\"\",\"arguments\":{\"a\":{\"y\":null,\"z\":true},\"b\":0.1,\
             \"€\":[1,100,0,\"\\u0007é\"]},\"tool\":\"refund\"}"
        )
    );
    let empty = json!({});
    let different = [
        action_hash("Pay", None, None),
        action_hash("Pay", Some("pay"), None),
        action_hash("Pay", None, empty.as_object()),
        action_hash("Pay", None, Some(arguments)),
        action_hash("Pay ", None, None),
    ];
    for (place, hash) in different.iter().enumerate() {
        assert!(!different[..place].contains(hash), "{place}");
    }
}

#[test]
fn approval_permits_the_action_until_its_end() {
    let answered = |event: DecisionEvent, valid_for_seconds| {
        let mut record = create_record(&Setup::plain(false, Choice::ALL.to_vec()));
        record.spec = DecisionSpec { valid_for_seconds, ..spec(&Setup::plain(false, Choice::ALL.to_vec())) };
        let by = Actor::Key { key: key(2), role: Role::App };
        record.append(event, by, command_id("answer"), START.plus_ms(5))
    };
    let answer = Answer { resolved_by: "x".to_owned(), ..Answer::default() };
    let later = Answer { execute_at: Some(EXECUTE_AT), ..answer.clone() };
    let check = |record: &Record<_>, from, end: Option<_>| {
        assert_eq!(valid_until(record), end);
        assert!(is_action_permitted(record, from));
        if let Some(end) = end {
            assert!(is_action_permitted(record, end.plus_ms(-1)) && !is_action_permitted(record, end));
        }
    };
    let end = START.plus_ms(60_005);
    check(&answered(DecisionEvent::Approved(answer.clone()), Some(60)), START.plus_ms(5), Some(end));
    check(&answered(DecisionEvent::Modified(answer.clone()), Some(60)), START.plus_ms(5), Some(end));
    check(&answered(DecisionEvent::Approved(answer.clone()), None), EXECUTE_AT, None);
    // An approval for later is valid for so long from its time on, or it could never be used.
    let scheduled = answered(DecisionEvent::Scheduled(later), Some(60));
    check(&scheduled, EXECUTE_AT, Some(EXECUTE_AT.plus_ms(60_000)));
    assert!(!is_action_permitted(&scheduled, EXECUTE_AT.plus_ms(-1)));
    for event in [DecisionEvent::Denied(answer), DecisionEvent::Expired, DecisionEvent::Cancelled { reason: None }] {
        let record = answered(event, Some(60));
        assert_eq!(valid_until(&record), None);
        assert!(!is_action_permitted(&record, START.plus_ms(5)));
    }
}
