//! Validation of the fields of a submitted answer.

use handrail_domain::decision::{
    Act, Choice, Decision, NOTES_CHARS_MAX, RESOLVED_BY_CHARS_MAX, RESPONSE_DATA_BYTES_MAX, RESPONSE_DATA_DEPTH_MAX,
    StateData, SubmittedAnswer, validate_answer,
};
use handrail_domain::field_error::FieldError;
use handrail_domain::record::EncodedLogEntry;
use serde_json::{Value, json};

use super::fixtures::{START, Setup, TestActor, create_record, run_command};

fn validate(by: Option<&str>, notes: Option<&str>, data: Option<Value>) -> Result<SubmittedAnswer, String> {
    validate_answer(by.map(str::to_owned), notes.map(str::to_owned), data, None).map_err(|errors| {
        assert!(errors.iter().all(|error| !error.message.is_empty()));
        errors.iter().map(FieldError::field).collect::<Vec<_>>().join(" ")
    })
}

fn nested_json(depth: usize) -> Value {
    (1..depth).fold(json!({}), |inner, _| json!({ "in": inner }))
}

#[test]
fn valid_answer_is_kept_unchanged() {
    let data = json!({"limit": 50, "share": 0.5, "list": [1, null, "x"]});
    let submitted = validate(Some(" Ann "), Some("one\r\n\ttwo"), Some(data.clone())).unwrap();
    let (by, notes) = (Some(" Ann ".to_owned()), Some("one\r\n\ttwo".to_owned()));
    assert_eq!(
        submitted,
        SubmittedAnswer { resolved_by: by, notes, response_data: Some(data), ..SubmittedAnswer::default() }
    );
    assert_eq!(validate(None, None, None), Ok(SubmittedAnswer::default()));
}

#[test]
fn blank_answer_fields_count_as_absent() {
    assert_eq!(validate(Some(" \n"), Some("\t "), None), Ok(SubmittedAnswer::default()));
}

#[test]
fn each_answer_field_has_a_limit() {
    let text = |length| "ä".repeat(length);
    assert!(validate(Some(&text(RESOLVED_BY_CHARS_MAX)), None, None).is_ok());
    assert_eq!(validate(Some(&text(RESOLVED_BY_CHARS_MAX + 1)), None, None), Err("resolved_by".to_owned()));
    assert!(validate(None, Some(&text(NOTES_CHARS_MAX)), None).is_ok());
    assert_eq!(validate(None, Some(&text(NOTES_CHARS_MAX + 1)), None), Err("notes".to_owned()));
    let overhead = r#"{"x":""}"#.len();
    let data = |bytes: usize| Some(json!({"x": "a".repeat(bytes - overhead)}));
    assert!(validate(None, None, data(RESPONSE_DATA_BYTES_MAX)).is_ok());
    assert_eq!(validate(None, None, data(RESPONSE_DATA_BYTES_MAX + 1)), Err("response_data".to_owned()));
}

#[test]
fn every_invalid_answer_field_is_reported() {
    let errors = validate(Some("a\0"), Some("a\0"), Some(json!([])));
    assert_eq!(errors, Err("resolved_by notes response_data".to_owned()));
    assert_eq!(validate(None, Some("\0"), Some(json!(1))), Err("notes response_data".to_owned()));
}

#[test]
fn control_characters_are_refused() {
    for bad in ["a\0", "a\u{1b}[0m", "a\u{7f}", "a\u{85}"] {
        assert_eq!(validate(Some(bad), None, None), Err("resolved_by".to_owned()), "{bad:?}");
        assert_eq!(validate(None, Some(bad), None), Err("notes".to_owned()), "{bad:?}");
    }
    for line_break in ["a\nb", "a\rb", "a\tb"] {
        assert_eq!(validate(Some(line_break), None, None), Err("resolved_by".to_owned()));
        assert!(validate(None, Some(line_break), None).is_ok());
    }
}

#[test]
fn response_data_is_an_object() {
    for other in [json!(null), json!([]), json!("x"), json!(1), json!(true)] {
        assert_eq!(validate(None, None, Some(other)), Err("response_data".to_owned()));
    }
    assert!(validate(None, None, Some(json!({}))).is_ok());
}

#[test]
fn execute_at_is_kept_as_text() {
    let time = |text: &str| validate_answer(None, None, None, Some(text.to_owned())).unwrap().execute_at;
    assert_eq!(time("2026-12-24T12:00:00Z").as_deref(), Some("2026-12-24T12:00:00Z"));
    assert_eq!(time("tomorrow").as_deref(), Some("tomorrow"));
    assert_eq!((time(""), time(" ")), (None, None));
}

#[test]
fn arrays_count_toward_depth() {
    let lists = |depth: usize| json!({ "in": (1..depth).fold(json!([]), |inner, _| json!([inner])) });
    assert!(validate(None, None, Some(lists(RESPONSE_DATA_DEPTH_MAX - 1))).is_ok());
    assert_eq!(validate(None, None, Some(lists(RESPONSE_DATA_DEPTH_MAX))), Err("response_data".to_owned()));
    // A long array has no greater depth.
    assert!(validate(None, None, Some(json!({"in": vec![json!({"x": [1]}); 200]}))).is_ok());
}

/// The log nests the data twice and the JSON parser limits the depth: an answer that can be written but not read
/// again would make the record unreadable.
#[test]
fn accepted_data_can_be_read_from_log() {
    let record = create_record(&Setup::plain(false, Choice::ALL.to_vec()));
    let mut accepted = 0;
    for depth in 1..=127 {
        let data = nested_json(depth);
        // The JSON parser of requests accepts this depth.
        assert!(serde_json::from_str::<Value>(&data.to_string()).is_ok());
        let Ok(submitted) = validate(None, None, Some(data)) else { continue };
        accepted += 1;
        let next =
            run_command(&record, &Act::Answer(Choice::Modify, submitted), TestActor::AppKey, START).unwrap().next;
        for encoded in &next.log {
            assert!(EncodedLogEntry::<Decision>::read(encoded.text.clone()).is_ok(), "{depth} deep");
        }
        let state_data = serde_json::to_string(&next.state_data).unwrap();
        assert!(serde_json::from_str::<StateData>(&state_data).is_ok(), "{depth} deep");
    }
    assert_eq!(accepted, RESPONSE_DATA_DEPTH_MAX);
}
