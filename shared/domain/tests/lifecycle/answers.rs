//! What may come with an answer.

use handrail_domain::decision::{
    Act, Choice, Decision, Given, NOTES_CHARS_MAX, RESOLVED_BY_CHARS_MAX, RESPONSE_DATA_BYTES_MAX,
    RESPONSE_DATA_DEPTH_MAX, Standing, check_given,
};
use handrail_domain::record::LogLine;
use serde_json::{Value, json};

use super::support::{START, Setup, Who, open, play};

fn check(by: Option<&str>, notes: Option<&str>, data: Option<Value>) -> Result<Given, &'static str> {
    check_given(by.map(str::to_owned), notes.map(str::to_owned), data, None).map_err(|invalid| {
        assert!(!invalid.message.is_empty());
        invalid.field
    })
}

fn nested(depth: usize) -> Value {
    (1..depth).fold(json!({}), |inner, _| json!({ "in": inner }))
}

#[test]
fn what_is_good_is_kept_as_it_was_given() {
    let data = json!({"limit": 50, "share": 0.5, "list": [1, null, "x"]});
    let given = check(Some(" Ann "), Some("one\r\n\ttwo"), Some(data.clone())).unwrap();
    let (by, notes) = (Some(" Ann ".to_owned()), Some("one\r\n\ttwo".to_owned()));
    assert_eq!(given, Given { resolved_by: by, notes, response_data: Some(data), ..Given::default() });
    assert_eq!(check(None, None, None), Ok(Given::default()));
}

#[test]
fn what_is_blank_counts_as_not_given() {
    assert_eq!(check(Some(" \n"), Some("\t "), None), Ok(Given::default()));
}

#[test]
fn each_part_has_its_limit() {
    let text = |length| "ä".repeat(length);
    assert!(check(Some(&text(RESOLVED_BY_CHARS_MAX)), None, None).is_ok());
    assert_eq!(check(Some(&text(RESOLVED_BY_CHARS_MAX + 1)), None, None), Err("resolved_by"));
    assert!(check(None, Some(&text(NOTES_CHARS_MAX)), None).is_ok());
    assert_eq!(check(None, Some(&text(NOTES_CHARS_MAX + 1)), None), Err("notes"));
    let around = r#"{"x":""}"#.len();
    let data = |bytes: usize| Some(json!({"x": "a".repeat(bytes - around)}));
    assert!(check(None, None, data(RESPONSE_DATA_BYTES_MAX)).is_ok());
    assert_eq!(check(None, None, data(RESPONSE_DATA_BYTES_MAX + 1)), Err("response_data"));
}

#[test]
fn control_characters_are_refused() {
    for bad in ["a\0", "a\u{1b}[0m", "a\u{7f}", "a\u{85}"] {
        assert_eq!(check(Some(bad), None, None), Err("resolved_by"), "{bad:?}");
        assert_eq!(check(None, Some(bad), None), Err("notes"), "{bad:?}");
    }
    for line_break in ["a\nb", "a\rb", "a\tb"] {
        assert_eq!(check(Some(line_break), None, None), Err("resolved_by"));
        assert!(check(None, Some(line_break), None).is_ok());
    }
}

#[test]
fn response_data_is_an_object() {
    for other in [json!(null), json!([]), json!("x"), json!(1), json!(true)] {
        assert_eq!(check(None, None, Some(other)), Err("response_data"));
    }
    assert!(check(None, None, Some(json!({}))).is_ok());
}

#[test]
fn a_time_is_kept_as_it_was_written_and_read_when_it_is_known_what_was_asked() {
    let time = |text: &str| check_given(None, None, None, Some(text.to_owned())).unwrap().execute_at;
    assert_eq!(time("2026-12-24T12:00:00Z").as_deref(), Some("2026-12-24T12:00:00Z"));
    assert_eq!(time("tomorrow").as_deref(), Some("tomorrow"));
    assert_eq!((time(""), time(" ")), (None, None));
}

#[test]
fn the_first_wrong_part_is_named() {
    assert_eq!(check(Some("\0"), Some("\0"), Some(json!(1))), Err("resolved_by"));
    assert_eq!(check(None, Some("\0"), Some(json!(1))), Err("notes"));
}

#[test]
fn lists_count_as_depth_too() {
    let lists = |depth: usize| json!({ "in": (1..depth).fold(json!([]), |inner, _| json!([inner])) });
    assert!(check(None, None, Some(lists(RESPONSE_DATA_DEPTH_MAX - 1))).is_ok());
    assert_eq!(check(None, None, Some(lists(RESPONSE_DATA_DEPTH_MAX))), Err("response_data"));
    // Wide is not deep.
    assert!(check(None, None, Some(json!({"in": vec![json!({"x": [1]}); 200]}))).is_ok());
}

/// The log wraps the data twice and the reader of JSON goes only so deep: an answer that could be written but never
/// read again would lose the record.
#[test]
fn data_of_any_depth_is_refused_or_can_be_read_back_from_the_log() {
    let record = open(&Setup::plain(false, Choice::ALL.to_vec()));
    let mut taken = 0;
    for depth in 1..=127 {
        let data = nested(depth);
        // What a reader of requests lets through.
        assert!(serde_json::from_str::<Value>(&data.to_string()).is_ok());
        let Ok(given) = check(None, None, Some(data)) else { continue };
        taken += 1;
        let next = play(&record, &Act::Answer(Choice::Modify, given), Who::AppKey, START).unwrap().next;
        for line in &next.log {
            assert!(LogLine::<Decision>::read(line.text.clone()).is_ok(), "{depth} deep");
        }
        let standing = serde_json::to_string(&next.standing).unwrap();
        assert!(serde_json::from_str::<Standing>(&standing).is_ok(), "{depth} deep");
    }
    assert_eq!(taken, RESPONSE_DATA_DEPTH_MAX);
}
