//! Validation of the seven response types. A message names the invalid member.

use handrail_domain::decision::{Choice, DecisionSpec, NewDecision, ResponseType, TextField};
use handrail_domain::field_error::VALUE_ERROR;
use serde_json::{Number, Value, json};

use super::fixtures::{START, new_decision, requester};

fn parse_valid(value: &Value) -> ResponseType {
    ResponseType::check(value).unwrap_or_else(|invalid| panic!("{value}: {}", invalid.message))
}

/// Checks that `value` is refused with a message that names `member`.
fn assert_invalid(member: &str, value: &Value) {
    let invalid = match ResponseType::check(value) {
        Ok(parsed) => panic!("was accepted: {value} as {parsed:?}"),
        Err(invalid) => invalid,
    };
    assert_eq!((invalid.field(), invalid.kind), ("response_type".to_owned(), VALUE_ERROR), "{value}");
    assert!(invalid.message.contains(member), "{member} is not named for {value}: {}", invalid.message);
    assert!(!invalid.message.ends_with('.'), "{}", invalid.message);
}

/// A copy of `base` with `member` set to `value`.
fn with_member(base: &Value, member: &str, value: Value) -> Value {
    let mut changed = base.clone();
    changed[member] = value;
    changed
}

/// Values that no single-line text accepts.
fn invalid_lines() -> [Value; 5] {
    [json!("a\nb"), json!("a\u{1b}[0m"), json!("a\u{2028}b"), json!("ä".repeat(201)), json!(7)]
}

/// Checks that the label is a single bounded line and that null or blank means `default`.
fn assert_label_rules(base: &Value, default: &str) {
    let label = |value: Value| match parse_valid(&with_member(base, "label", value)) {
        ResponseType::Choose { label, .. }
        | ResponseType::TextInput { label, .. }
        | ResponseType::NumberInput { label, .. }
        | ResponseType::FileUpload { label, .. }
        | ResponseType::Schedule { label, .. } => label,
        other => panic!("{other:?} has no label"),
    };
    assert_eq!(label(json!("How?")), "How?");
    assert_eq!(label(json!("ä".repeat(200))), "ä".repeat(200));
    for absent in [json!(null), json!(""), json!("  "), json!("\u{200b}")] {
        assert_eq!(label(absent), default);
    }
    for broken in invalid_lines() {
        assert_invalid("label", &with_member(base, "label", broken));
    }
}

#[test]
fn response_type_is_object_with_known_type() {
    for other in [json!(null), json!("confirm"), json!([]), json!(1), json!(true)] {
        assert_invalid("object", &other);
    }
    for other in [json!({}), json!({"type": null}), json!({"type": 1}), json!({"type": "Confirm"}), json!({"type": ""})]
    {
        assert_invalid("type", &other);
    }
    // The message lists the valid types.
    assert_invalid(
        "approve_deny, choose, text_input, number_input, confirm, file_upload, schedule",
        &json!({"type": "buttons"}),
    );
}

#[test]
fn plain_types_ignore_unknown_members() {
    assert_eq!(parse_valid(&json!({"type": "approve_deny"})), ResponseType::ApproveDeny);
    assert_eq!(parse_valid(&json!({"type": "confirm", "label": 7, "choices": []})), ResponseType::Confirm);
}

#[test]
fn choose_has_2_to_50_distinct_choices() {
    let base = json!({"type": "choose", "choices": ["a", "b"]});
    assert_eq!(
        parse_valid(&base),
        ResponseType::Choose { label: "Select an option".to_owned(), choices: vec!["a".to_owned(), "b".to_owned()] }
    );
    assert_label_rules(&base, "Select an option");
    let with_choices = |choices: Value| with_member(&base, "choices", choices);
    let many = |count: usize| json!((0..count).map(|n| format!("no {n}")).collect::<Vec<_>>());
    parse_valid(&with_choices(many(50)));
    parse_valid(&with_choices(json!(["ä".repeat(200), "b"])));
    assert_invalid("choices", &json!({"type": "choose"}));
    let wrong = [json!(null), json!("ab"), json!({}), json!([]), json!(["a"]), json!(["a", "a"]), json!(["a", 1])];
    for wrong in wrong.into_iter().chain([many(51), json!(["a", null])]) {
        assert_invalid("choices", &with_choices(wrong));
    }
    for blank in ["", "  ", "\u{200b}"] {
        assert_invalid("choices", &with_choices(json!(["a", blank])));
    }
    for broken in invalid_lines() {
        assert_invalid("choices", &with_choices(json!(["a", broken])));
    }
}

#[test]
fn text_input_has_1_to_20_unique_fields() {
    let with_fields = |fields: Value| json!({"type": "text_input", "fields": fields});
    let bare =
        TextField { name: "why".to_owned(), label: "why".to_owned(), required: false, placeholder: String::new() };
    let full = TextField {
        name: "who".to_owned(),
        label: "Who?".to_owned(),
        required: true,
        placeholder: "a name".to_owned(),
    };
    assert_eq!(
        parse_valid(&with_fields(json!([
            {"name": "why", "placeholder": ""},
            {"name": "who", "label": "Who?", "required": true, "placeholder": "a name"}
        ]))),
        ResponseType::TextInput { label: String::new(), fields: vec![bare, full] }
    );
    assert_label_rules(&with_fields(json!([{"name": "why"}])), "");
    let many = |count: usize| json!((0..count).map(|n| json!({"name": format!("f{n}")})).collect::<Vec<_>>());
    parse_valid(&with_fields(many(20)));
    parse_valid(&with_fields(json!([{"name": "ä".repeat(64)}])));
    assert_invalid("fields", &json!({"type": "text_input"}));
    for wrong in [json!(null), json!({}), json!([]), json!(["why"]), json!([null]), many(21)] {
        assert_invalid("fields", &with_fields(wrong));
    }
    assert_invalid("differ", &with_fields(json!([{"name": "a"}, {"name": "a"}])));
    for nameless in
        [json!({}), json!({"name": null}), json!({"name": ""}), json!({"name": " "}), json!({"name": "\u{200b}"})]
    {
        assert_invalid("name", &with_fields(json!([nameless])));
    }
    let field = json!({"name": "a"});
    for wrong in [json!("a\nb"), json!("ä".repeat(65)), json!(7)] {
        assert_invalid("name", &with_fields(json!([with_member(&field, "name", wrong)])));
    }
    for broken in invalid_lines() {
        assert_invalid("label", &with_fields(json!([with_member(&field, "label", broken.clone())])));
        assert_invalid("placeholder", &with_fields(json!([with_member(&field, "placeholder", broken)])));
    }
    for non_boolean in [json!("yes"), json!(1), json!([])] {
        assert_invalid("required", &with_fields(json!([with_member(&field, "required", non_boolean)])));
    }
}

#[test]
fn number_input_bounds_are_ordered() {
    let base = json!({"type": "number_input"});
    let number = |text: &str| serde_json::from_str::<Number>(text).unwrap();
    assert_eq!(
        parse_valid(&with_member(&with_member(&base, "min", json!(-1.5)), "max", json!(10))),
        ResponseType::NumberInput {
            label: "Enter a number".to_owned(),
            min: Some(number("-1.5")),
            max: Some(number("10")),
            placeholder: String::new(),
        }
    );
    assert_label_rules(&base, "Enter a number");
    for bounds in [json!({"min": 5, "max": 5}), json!({"min": 5}), json!({"max": 5}), json!({"min": null, "max": null})]
    {
        let both = with_member(&with_member(&base, "min", bounds["min"].clone()), "max", bounds["max"].clone());
        parse_valid(&both);
    }
    for member in ["min", "max"] {
        for wrong in [json!("5"), json!(true), json!([5]), json!({})] {
            assert_invalid(member, &with_member(&base, member, wrong));
        }
    }
    assert_invalid("min", &json!({"type": "number_input", "min": 5.5, "max": 5}));
    for broken in invalid_lines() {
        assert_invalid("placeholder", &with_member(&base, "placeholder", broken));
    }
}

#[test]
fn file_upload_takes_1_to_5_accepted_files() {
    let base = json!({"type": "file_upload"});
    let bare = ResponseType::FileUpload { label: "Upload a file".to_owned(), max_files: 5, accept: vec![] };
    assert_eq!(parse_valid(&base), bare);
    assert_label_rules(&base, "Upload a file");
    for count in 1..=5_usize {
        assert!(matches!(
            parse_valid(&with_member(&base, "max_files", json!(count))),
            ResponseType::FileUpload { max_files, .. } if max_files == count
        ));
    }
    for wrong in [json!(0), json!(6), json!(-1), json!(1.5), json!("3"), json!(true), json!(u64::MAX)] {
        assert_invalid("max_files", &with_member(&base, "max_files", wrong));
    }
    let accepted_types =
        json!(["image/*", " Application/PDF ", ".CSV", "application/vnd.ms-excel", "image/svg+xml", ".tar.gz"]);
    let ResponseType::FileUpload { accept, .. } = parse_valid(&with_member(&base, "accept", accepted_types)) else {
        panic!("other type")
    };
    let lower = ["image/*", "application/pdf", ".csv", "application/vnd.ms-excel", "image/svg+xml", ".tar.gz"];
    assert_eq!(accept, lower);
    parse_valid(&with_member(&base, "accept", json!([])));
    parse_valid(&with_member(&base, "accept", json!(vec![".csv"; 20])));
    for wrong in [json!("image/*"), json!({}), json!([1]), json!([null]), json!(vec![".csv"; 21])] {
        assert_invalid("accept", &with_member(&base, "accept", wrong));
    }
    for pattern in [
        "",
        " ",
        "pdf",
        ".",
        "..",
        ".a/b",
        ".*",
        "image",
        "image/",
        "/png",
        "/image/png",
        "image/png/",
        "a/b/c",
        "image/\"><script>",
        "text/plain;charset=utf-8",
        "image/png,.csv",
    ] {
        assert_invalid("accept", &with_member(&base, "accept", json!([pattern])));
    }
    assert_invalid("accept", &with_member(&base, "accept", json!([format!(".{}", "a".repeat(100))])));
}

#[test]
fn schedule_allows_immediate_by_default() {
    let base = json!({"type": "schedule"});
    let label = "When should it happen?".to_owned();
    assert_eq!(parse_valid(&base), ResponseType::Schedule { label: label.clone(), allow_immediate: true });
    let later = parse_valid(&with_member(&base, "allow_immediate", json!(false)));
    assert_eq!(later, ResponseType::Schedule { label, allow_immediate: false });
    assert_label_rules(&base, "When should it happen?");
    for wrong in [json!("no"), json!(0), json!([])] {
        assert_invalid("allow_immediate", &with_member(&base, "allow_immediate", wrong));
    }
}

/// One minimal value of each response type.
pub(crate) fn one_of_each() -> Vec<Value> {
    vec![
        json!({"type": "approve_deny"}),
        json!({"type": "choose", "choices": ["a", "b"]}),
        json!({"type": "text_input", "fields": [{"name": "why"}]}),
        json!({"type": "number_input", "min": 1}),
        json!({"type": "confirm"}),
        json!({"type": "file_upload"}),
        json!({"type": "schedule"}),
    ]
}

#[test]
fn names_match_api_and_stored_form_parses() {
    for value in one_of_each() {
        let checked = parse_valid(&value);
        let stored = serde_json::to_value(&checked).unwrap();
        assert_eq!((stored["type"].as_str(), value["type"].as_str()), (Some(checked.name()), Some(checked.name())));
        assert_eq!(serde_json::from_value::<ResponseType>(stored.clone()).unwrap(), checked);
        assert_eq!(parse_valid(&stored), checked, "the stored form is a valid response type");
    }
}

#[test]
fn each_response_type_has_allowed_options() {
    use Choice::{Approve, Deny, Modify};
    for value in one_of_each() {
        let name = parse_valid(&value).name();
        let validate_options = |options: Option<&[Choice]>| {
            let options = options.map(<[Choice]>::to_vec);
            DecisionSpec::check(
                NewDecision { response_type: Some(value.clone()), options, ..new_decision() },
                &requester(&[], None),
                START,
            )
            .map(|spec| spec.options)
            .map_err(|errors| errors[0].field())
        };
        let plain = name == "approve_deny";
        let default = if plain { vec![Approve, Deny, Modify] } else { vec![Approve, Deny] };
        assert_eq!(validate_options(None), Ok(default), "{name}");
        assert_eq!(validate_options(Some(&[Deny, Approve])), Ok(vec![Approve, Deny]), "{name}");
        assert_eq!(validate_options(Some(&[])), Err("options".to_owned()), "{name}");
        // Only an approval carries the response data.
        assert_eq!(
            validate_options(Some(&[Deny])),
            if plain { Ok(vec![Deny]) } else { Err("options".to_owned()) },
            "{name}"
        );
        let with_modify = validate_options(Some(&[Approve, Modify]));
        assert_eq!(
            with_modify,
            if name == "confirm" { Err("options".to_owned()) } else { Ok(vec![Approve, Modify]) },
            "{name}"
        );
    }
}
