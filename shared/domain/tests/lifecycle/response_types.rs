//! The seven ways to ask for an answer: what each takes, and which member is named when it is not right.

use handrail_domain::decision::{Ask, Choice, InvalidKind, Proposal, ResponseType, TextField};
use serde_json::{Number, Value, json};

use super::support::{START, asker, proposal};

fn good(value: &Value) -> ResponseType {
    ResponseType::check(value).unwrap_or_else(|invalid| panic!("{value}: {}", invalid.message))
}

/// Refused, and the message names this member.
fn bad(member: &str, value: &Value) {
    let invalid = match ResponseType::check(value) {
        Ok(taken) => panic!("was taken: {value} as {taken:?}"),
        Err(invalid) => invalid,
    };
    assert_eq!((invalid.field, invalid.kind), ("response_type", InvalidKind::Value), "{value}");
    assert!(invalid.message.contains(member), "{member} is not named for {value}: {}", invalid.message);
    assert!(!invalid.message.ends_with('.'), "{}", invalid.message);
}

/// A value with one member more or another.
fn with(base: &Value, member: &str, value: Value) -> Value {
    let mut changed = base.clone();
    changed[member] = value;
    changed
}

/// What is wrong with any text of one line.
fn broken_lines() -> [Value; 5] {
    [json!("a\nb"), json!("a\u{1b}[0m"), json!("a\u{2028}b"), json!("ä".repeat(201)), json!(7)]
}

/// Every type that has a label takes it as one bounded line, and null or blank as not given.
fn check_label(base: &Value, otherwise: &str) {
    let label = |value: Value| match good(&with(base, "label", value)) {
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
        assert_eq!(label(absent), otherwise);
    }
    for broken in broken_lines() {
        bad("label", &with(base, "label", broken));
    }
}

#[test]
fn it_is_an_object_with_a_known_type() {
    for other in [json!(null), json!("confirm"), json!([]), json!(1), json!(true)] {
        bad("object", &other);
    }
    for other in [json!({}), json!({"type": null}), json!({"type": 1}), json!({"type": "Confirm"}), json!({"type": ""})]
    {
        bad("type", &other);
    }
    // Who misspells it learns what there is.
    bad("approve_deny, choose, text_input, number_input, confirm, file_upload, schedule", &json!({"type": "buttons"}));
}

#[test]
fn the_plain_ones_need_nothing_and_read_over_what_they_do_not_have() {
    assert_eq!(good(&json!({"type": "approve_deny"})), ResponseType::ApproveDeny);
    assert_eq!(good(&json!({"type": "confirm", "label": 7, "choices": []})), ResponseType::Confirm);
}

#[test]
fn choose_has_two_to_fifty_choices_that_can_be_told_apart() {
    let base = json!({"type": "choose", "choices": ["a", "b"]});
    assert_eq!(
        good(&base),
        ResponseType::Choose { label: "Select an option".to_owned(), choices: vec!["a".to_owned(), "b".to_owned()] }
    );
    check_label(&base, "Select an option");
    let choices = |choices: Value| with(&base, "choices", choices);
    let many = |count: usize| json!((0..count).map(|n| format!("no {n}")).collect::<Vec<_>>());
    good(&choices(many(50)));
    good(&choices(json!(["ä".repeat(200), "b"])));
    bad("choices", &json!({"type": "choose"}));
    let wrong = [json!(null), json!("ab"), json!({}), json!([]), json!(["a"]), json!(["a", "a"]), json!(["a", 1])];
    for wrong in wrong.into_iter().chain([many(51), json!(["a", null])]) {
        bad("choices", &choices(wrong));
    }
    for blank in ["", "  ", "\u{200b}"] {
        bad("choices", &choices(json!(["a", blank])));
    }
    for broken in broken_lines() {
        bad("choices", &choices(json!(["a", broken])));
    }
}

#[test]
fn text_input_has_one_to_twenty_fields_with_names_of_their_own() {
    let fields = |fields: Value| json!({"type": "text_input", "fields": fields});
    let bare =
        TextField { name: "why".to_owned(), label: "why".to_owned(), required: false, placeholder: String::new() };
    let full = TextField {
        name: "who".to_owned(),
        label: "Who?".to_owned(),
        required: true,
        placeholder: "a name".to_owned(),
    };
    assert_eq!(
        good(&fields(json!([
            {"name": "why", "placeholder": ""},
            {"name": "who", "label": "Who?", "required": true, "placeholder": "a name"}
        ]))),
        ResponseType::TextInput { label: String::new(), fields: vec![bare, full] }
    );
    check_label(&fields(json!([{"name": "why"}])), "");
    let many = |count: usize| json!((0..count).map(|n| json!({"name": format!("f{n}")})).collect::<Vec<_>>());
    good(&fields(many(20)));
    good(&fields(json!([{"name": "ä".repeat(64)}])));
    bad("fields", &json!({"type": "text_input"}));
    for wrong in [json!(null), json!({}), json!([]), json!(["why"]), json!([null]), many(21)] {
        bad("fields", &fields(wrong));
    }
    bad("differ", &fields(json!([{"name": "a"}, {"name": "a"}])));
    for nameless in
        [json!({}), json!({"name": null}), json!({"name": ""}), json!({"name": " "}), json!({"name": "\u{200b}"})]
    {
        bad("name", &fields(json!([nameless])));
    }
    let field = json!({"name": "a"});
    for wrong in [json!("a\nb"), json!("ä".repeat(65)), json!(7)] {
        bad("name", &fields(json!([with(&field, "name", wrong)])));
    }
    for broken in broken_lines() {
        bad("label", &fields(json!([with(&field, "label", broken.clone())])));
        bad("placeholder", &fields(json!([with(&field, "placeholder", broken)])));
    }
    for no_flag in [json!("yes"), json!(1), json!([])] {
        bad("required", &fields(json!([with(&field, "required", no_flag)])));
    }
}

#[test]
fn number_input_has_bounds_that_leave_something_between_them() {
    let base = json!({"type": "number_input"});
    let number = |text: &str| serde_json::from_str::<Number>(text).unwrap();
    assert_eq!(
        good(&with(&with(&base, "min", json!(-1.5)), "max", json!(10))),
        ResponseType::NumberInput {
            label: "Enter a number".to_owned(),
            min: Some(number("-1.5")),
            max: Some(number("10")),
            placeholder: String::new(),
        }
    );
    check_label(&base, "Enter a number");
    for fits in [json!({"min": 5, "max": 5}), json!({"min": 5}), json!({"max": 5}), json!({"min": null, "max": null})] {
        let both = with(&with(&base, "min", fits["min"].clone()), "max", fits["max"].clone());
        good(&both);
    }
    for member in ["min", "max"] {
        for wrong in [json!("5"), json!(true), json!([5]), json!({})] {
            bad(member, &with(&base, member, wrong));
        }
    }
    bad("min", &json!({"type": "number_input", "min": 5.5, "max": 5}));
    for broken in broken_lines() {
        bad("placeholder", &with(&base, "placeholder", broken));
    }
}

#[test]
fn file_upload_takes_one_to_five_files_of_named_kinds() {
    let base = json!({"type": "file_upload"});
    let bare = ResponseType::FileUpload { label: "Upload a file".to_owned(), max_files: 5, accept: vec![] };
    assert_eq!(good(&base), bare);
    check_label(&base, "Upload a file");
    for count in 1..=5_usize {
        assert!(matches!(
            good(&with(&base, "max_files", json!(count))),
            ResponseType::FileUpload { max_files, .. } if max_files == count
        ));
    }
    for wrong in [json!(0), json!(6), json!(-1), json!(1.5), json!("3"), json!(true), json!(u64::MAX)] {
        bad("max_files", &with(&base, "max_files", wrong));
    }
    let kinds = json!(["image/*", " Application/PDF ", ".CSV", "application/vnd.ms-excel", "image/svg+xml", ".tar.gz"]);
    let ResponseType::FileUpload { accept, .. } = good(&with(&base, "accept", kinds)) else { panic!("other type") };
    let lower = ["image/*", "application/pdf", ".csv", "application/vnd.ms-excel", "image/svg+xml", ".tar.gz"];
    assert_eq!(accept, lower);
    good(&with(&base, "accept", json!([])));
    good(&with(&base, "accept", json!(vec![".csv"; 20])));
    for wrong in [json!("image/*"), json!({}), json!([1]), json!([null]), json!(vec![".csv"; 21])] {
        bad("accept", &with(&base, "accept", wrong));
    }
    for kind in [
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
        bad("accept", &with(&base, "accept", json!([kind])));
    }
    bad("accept", &with(&base, "accept", json!([format!(".{}", "a".repeat(100))])));
}

#[test]
fn schedule_may_mean_now_unless_it_says_otherwise() {
    let base = json!({"type": "schedule"});
    let label = "When should it happen?".to_owned();
    assert_eq!(good(&base), ResponseType::Schedule { label: label.clone(), allow_immediate: true });
    let later = good(&with(&base, "allow_immediate", json!(false)));
    assert_eq!(later, ResponseType::Schedule { label, allow_immediate: false });
    check_label(&base, "When should it happen?");
    for wrong in [json!("no"), json!(0), json!([])] {
        bad("allow_immediate", &with(&base, "allow_immediate", wrong));
    }
}

/// One of each, as small as it may be.
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
fn names_are_those_of_the_wire_and_the_stored_form_reads_back() {
    for value in one_of_each() {
        let checked = good(&value);
        let stored = serde_json::to_value(&checked).unwrap();
        assert_eq!((stored["type"].as_str(), value["type"].as_str()), (Some(checked.name()), Some(checked.name())));
        assert_eq!(serde_json::from_value::<ResponseType>(stored.clone()).unwrap(), checked);
        assert_eq!(good(&stored), checked, "what is stored could be asked again");
    }
}

#[test]
fn the_answers_that_may_go_with_each() {
    use Choice::{Approve, Deny, Modify};
    for value in one_of_each() {
        let name = good(&value).name();
        let options = |options: Option<&[Choice]>| {
            let options = options.map(<[Choice]>::to_vec);
            Ask::check(Proposal { response_type: Some(value.clone()), options, ..proposal() }, &asker(&[], None), START)
                .map(|ask| ask.options)
                .map_err(|invalid| invalid.field)
        };
        let plain = name == "approve_deny";
        let usual = if plain { vec![Approve, Deny, Modify] } else { vec![Approve, Deny] };
        assert_eq!(options(None), Ok(usual), "{name}");
        assert_eq!(options(Some(&[Deny, Approve])), Ok(vec![Approve, Deny]), "{name}");
        assert_eq!(options(Some(&[])), Err("options"), "{name}");
        // Without a yes nothing could be sent.
        assert_eq!(options(Some(&[Deny])), if plain { Ok(vec![Deny]) } else { Err("options") }, "{name}");
        let with_modify = options(Some(&[Approve, Modify]));
        assert_eq!(with_modify, if name == "confirm" { Err("options") } else { Ok(vec![Approve, Modify]) }, "{name}");
    }
}
