//! Validation of answers against the spec. Persons have to answer in full, programs may omit the data.

use handrail_domain::decision::{Act, DecisionSpec, RESPONSE_DATA_BYTES_MAX, TEXT_CHARS_MAX};
use handrail_domain::decision::{Answer, Choice, Decision, DecisionEvent, NewDecision, Refusal, SubmittedAnswer};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::{Value, json};

use super::fixtures::{
    START, TestActor, command_id, new_decision, record_id, requester, run_command, salt, tenant, test_files,
};

const DAY_MS: i64 = 86_400_000;

fn record_with_response_type(response_type: &Value) -> Record<Decision> {
    let options = (response_type["type"] != "confirm").then(|| Choice::ALL.to_vec());
    let request = NewDecision { response_type: Some(response_type.clone()), options, ..new_decision() };
    let spec = DecisionSpec::check(request, &requester(&[], None), START).unwrap();
    Record::create(tenant(), record_id(), spec, TestActor::AgentKey.actor(), command_id("create"), START, salt())
}

/// Returns the accepted answer, or the field that does not match the spec.
fn submit_answer(
    response_type: &Value,
    choice: Choice,
    submitted: SubmittedAnswer,
    actor: TestActor,
) -> Result<Answer, String> {
    match run_command(&record_with_response_type(response_type), &Act::Answer(choice, submitted), actor, START) {
        Ok(transition) => match &transition.next.newest().unwrap().event {
            DecisionEvent::Approved(answer) | DecisionEvent::Scheduled(answer) if choice == Choice::Approve => {
                Ok(answer.clone())
            }
            DecisionEvent::Denied(answer) if choice == Choice::Deny => Ok(answer.clone()),
            DecisionEvent::Modified(answer) if choice == Choice::Modify => Ok(answer.clone()),
            other => panic!("{choice:?} became {other:?}"),
        },
        Err(Refusal::AnswerMismatch(error)) => {
            assert!(!error.message.is_empty() && !error.message.ends_with('.'), "{}", error.message);
            Err(error.field())
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn submitted_data(data: Value) -> SubmittedAnswer {
    SubmittedAnswer { response_data: Some(data), ..SubmittedAnswer::default() }
}

/// Submits the answer as a person and as a program.
fn submit_as_person_and_program(response_type: &Value, submitted: &SubmittedAnswer) -> [Result<Answer, String>; 2] {
    [TestActor::Approver, TestActor::AppKey]
        .map(|actor| submit_answer(response_type, Choice::Approve, submitted.clone(), actor))
}

/// Checks that `response_data` is refused from a person and from a program.
fn assert_data_refused(response_type: &Value, wrong: &Value) {
    assert_eq!(
        submit_as_person_and_program(response_type, &submitted_data(wrong.clone())),
        [Err("response_data".to_owned()), Err("response_data".to_owned())],
        "{wrong}"
    );
}

/// Checks that an approval without data is refused from a person and accepted from a program.
fn assert_only_program_may_omit(response_type: &Value, field: &'static str) {
    let [person, program] = submit_as_person_and_program(response_type, &SubmittedAnswer::default());
    assert_eq!(person, Err(field.to_owned()));
    assert_eq!(program.unwrap().response_data, None);
}

/// Checks that denials and modifications need no data.
fn assert_denial_needs_no_data(response_type: &Value) {
    for actor in [TestActor::Approver, TestActor::AppKey] {
        assert!(submit_answer(response_type, Choice::Deny, SubmittedAnswer::default(), actor).is_ok(), "{actor:?}");
        let notes = Some("but less".to_owned());
        let answer = submit_answer(
            response_type,
            Choice::Modify,
            SubmittedAnswer { notes, ..SubmittedAnswer::default() },
            actor,
        )
        .unwrap();
        assert_eq!(answer.notes.as_deref(), Some("but less"), "{actor:?}");
    }
    assert_eq!(
        submit_answer(response_type, Choice::Modify, SubmittedAnswer::default(), TestActor::Approver),
        Err("notes".to_owned())
    );
    assert!(submit_answer(response_type, Choice::Modify, SubmittedAnswer::default(), TestActor::AppKey).is_ok());
}

#[test]
fn plain_types_accept_data_but_no_time() {
    for plain in [json!({"type": "approve_deny"}), json!({"type": "confirm"})] {
        for answer in submit_as_person_and_program(&plain, &submitted_data(json!({"limit": 50}))) {
            assert_eq!(answer.unwrap().response_data, Some(json!({"limit": 50})));
        }
        let time = SubmittedAnswer { execute_at: Some(START.plus_ms(1).to_string()), ..SubmittedAnswer::default() };
        assert_eq!(
            submit_as_person_and_program(&plain, &time),
            [Err("execute_at".to_owned()), Err("execute_at".to_owned())]
        );
    }
    assert_denial_needs_no_data(&json!({"type": "approve_deny"}));
}

#[test]
fn chosen_value_must_be_offered() {
    let choose = json!({"type": "choose", "choices": ["Plan A", "Plan B"]});
    for answer in submit_as_person_and_program(&choose, &submitted_data(json!({"chosen": "Plan B", "why": 1}))) {
        assert_eq!(answer.unwrap().response_data, Some(json!({"chosen": "Plan B"})));
    }
    for wrong in [
        json!({"chosen": "Plan C"}),
        json!({"chosen": "plan a"}),
        json!({"chosen": ""}),
        json!({"chosen": 0}),
        json!({"chosen": ["Plan A"]}),
        json!({"chosen": null}),
        json!({}),
        json!({"choice": "Plan A"}),
    ] {
        assert_data_refused(&choose, &wrong);
    }
    assert_only_program_may_omit(&choose, "response_data");
    assert_denial_needs_no_data(&choose);
}

#[test]
fn number_must_be_within_bounds() {
    let number_input = json!({"type": "number_input", "min": -1.5, "max": 100});
    for (number_text, stored) in [("-1.5", "-1.5"), ("100", "100"), ("15", "15"), ("0.10", "0.1"), ("1e2", "100.0")] {
        let value: Value = serde_json::from_str(number_text).unwrap();
        for answer in
            submit_as_person_and_program(&number_input, &submitted_data(json!({"value": value, "unit": "EUR"})))
        {
            let data = answer.unwrap().response_data.unwrap();
            assert_eq!((data["value"].to_string().as_str(), data.as_object().unwrap().len()), (stored, 1));
        }
    }
    for wrong in [
        json!({"value": -1.51}),
        json!({"value": 100.01}),
        json!({"value": "15"}),
        json!({"value": true}),
        json!({"value": [15]}),
        json!({"value": null}),
        json!({}),
        json!({"value": u64::MAX}),
        json!({"value": 1e300}),
    ] {
        assert_data_refused(&number_input, &wrong);
    }
    assert_only_program_may_omit(&number_input, "response_data");
    assert_denial_needs_no_data(&number_input);
    let unbounded = json!({"type": "number_input"});
    for answer in submit_as_person_and_program(&unbounded, &submitted_data(json!({"value": -1e300}))) {
        assert!(answer.is_ok());
    }
}

#[test]
fn person_choice_becomes_notes_unless_given() {
    for (response_type, data, notes) in [
        (json!({"type": "number_input"}), json!({"value": 15}), "15"),
        (json!({"type": "choose", "choices": ["Plan A", "Plan B"]}), json!({"chosen": "Plan A"}), "Plan A"),
    ] {
        let [person, program] = submit_as_person_and_program(&response_type, &submitted_data(data.clone()));
        assert_eq!(person.unwrap().notes.as_deref(), Some(notes));
        assert_eq!(program.unwrap().notes, None, "a program's notes stay as submitted");
        let with_notes = SubmittedAnswer { notes: Some("as agreed".to_owned()), ..submitted_data(data) };
        for answer in submit_as_person_and_program(&response_type, &with_notes) {
            assert_eq!(answer.unwrap().notes.as_deref(), Some("as agreed"));
        }
    }
}

#[test]
fn text_answers_match_fields_in_order() {
    let text_input = json!({"type": "text_input", "fields": [{"name": "who", "required": true}, {"name": "why"}]});
    for (data, expected) in [
        (json!({"why": "two\n\tlines", "who": "Ann"}), r#"{"who":"Ann","why":"two\n\tlines"}"#),
        (json!({"who": "Ann"}), r#"{"who":"Ann","why":""}"#),
        (json!({"who": "Ann", "why": null}), r#"{"who":"Ann","why":""}"#),
    ] {
        for answer in submit_as_person_and_program(&text_input, &submitted_data(data.clone())) {
            let answer = answer.unwrap();
            assert_eq!(answer.response_data, Some(serde_json::from_str(expected).unwrap()));
            assert_eq!(answer.notes, None);
        }
    }
    for wrong in [
        json!({}),
        json!({"who": ""}),
        json!({"who": " \n"}),
        json!({"who": null}),
        json!({"why": "x"}),
        json!({"who": 7}),
        json!({"who": "Ann", "why": ["x"]}),
        json!({"who": "Ann", "mood": "good"}),
        json!({"who": "a\0"}),
        json!({"who": "a\u{1b}[0m"}),
    ] {
        assert_data_refused(&text_input, &wrong);
    }
    let long = |chars: usize| submitted_data(json!({"who": "ä".repeat(chars)}));
    assert!(submit_as_person_and_program(&text_input, &long(TEXT_CHARS_MAX)).iter().all(Result::is_ok));
    assert_eq!(
        submit_as_person_and_program(&text_input, &long(TEXT_CHARS_MAX + 1)),
        [Err("response_data".to_owned()), Err("response_data".to_owned())]
    );
    assert_only_program_may_omit(&text_input, "response_data");
    assert_denial_needs_no_data(&text_input);
}

#[test]
fn total_text_size_is_limited() {
    let fields: Vec<_> = (0..20).map(|n| json!({"name": format!("f{n}")})).collect();
    let text_input = json!({"type": "text_input", "fields": fields});
    let with_texts =
        |chars: usize| submitted_data((0..20).map(|n| (format!("f{n}"), json!("a".repeat(chars)))).collect());
    assert!(
        submit_as_person_and_program(&text_input, &with_texts(RESPONSE_DATA_BYTES_MAX / 20 - 20))
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(
        submit_as_person_and_program(&text_input, &with_texts(RESPONSE_DATA_BYTES_MAX / 20)),
        [Err("response_data".to_owned()), Err("response_data".to_owned())]
    );
}

#[test]
fn person_uploads_files_and_program_sends_links() {
    let upload = json!({"type": "file_upload", "max_files": 2});
    let with = |count: usize| SubmittedAnswer { files: test_files(count), ..SubmittedAnswer::default() };
    for count in 0..=3 {
        let answer =
            submit_answer(&upload, Choice::Approve, with(count), TestActor::Approver).map(|answer| answer.files);
        assert_eq!(
            answer,
            if (1..=2).contains(&count) { Ok(test_files(count)) } else { Err("file".to_owned()) },
            "{count} files"
        );
    }
    let file = json!({"name": "a.pdf", "url": "https://example.com/a", "type": "application/pdf", "size": 7});
    for good in [json!([file]), json!([file, file])] {
        let good = json!({"uploaded_files": good});
        let answer = submit_answer(&upload, Choice::Approve, submitted_data(good.clone()), TestActor::AppKey).unwrap();
        assert_eq!(answer.response_data, Some(good));
    }
    let mut wrong =
        vec![json!(null), json!({}), json!([]), json!("a.pdf"), json!(["a.pdf"]), json!([file, file, file])];
    for (member, value) in [("name", json!(1)), ("url", json!(null)), ("type", json!([])), ("size", json!("7"))] {
        let mut other = file.clone();
        other[member] = value;
        wrong.push(json!([file, other]));
        other.as_object_mut().unwrap().remove(member);
        wrong.push(json!([other]));
    }
    for files in wrong {
        let wrong = submitted_data(json!({"uploaded_files": files}));
        assert_eq!(
            submit_answer(&upload, Choice::Approve, wrong, TestActor::AppKey),
            Err("response_data".to_owned()),
            "{files}"
        );
    }
    assert_eq!(
        submit_answer(&upload, Choice::Approve, submitted_data(json!({"file": 1})), TestActor::AppKey),
        Err("response_data".to_owned())
    );
    assert_only_program_may_omit(&upload, "file");
    assert_denial_needs_no_data(&upload);
}

#[test]
fn future_time_schedules_and_past_means_now() {
    let schedule = json!({"type": "schedule"});
    for (ms, is_scheduled) in [(-DAY_MS, false), (-1, false), (0, false), (1, true), (365 * DAY_MS, true)] {
        let at = START.plus_ms(ms);
        let top_level = SubmittedAnswer { execute_at: Some(at.to_string()), ..SubmittedAnswer::default() };
        // The published client can send the time only inside `response_data`.
        for submitted in [top_level, submitted_data(json!({"execute_at": at, "x": 1}))] {
            for answer in submit_as_person_and_program(&schedule, &submitted) {
                let answer = answer.unwrap();
                assert_eq!((answer.execute_at, answer.response_data), (is_scheduled.then_some(at), None), "{at}");
            }
        }
    }
    for answer in submit_as_person_and_program(&schedule, &SubmittedAnswer::default()) {
        assert_eq!(answer.unwrap().execute_at, None);
    }
    assert_denial_needs_no_data(&schedule);
}

#[test]
fn top_level_execute_at_wins_in_any_zone() {
    let [top_level, nested] = [1, 2].map(|hours| START.plus_ms(hours * 3_600_000));
    let execute_at = Some(top_level.to_string());
    let submitted = SubmittedAnswer { execute_at, ..submitted_data(json!({"execute_at": nested})) };
    for answer in submit_as_person_and_program(&json!({"type": "schedule"}), &submitted) {
        assert_eq!(answer.unwrap().execute_at, Some(top_level));
    }
    let other_zone =
        SubmittedAnswer { execute_at: Some("2026-09-21T20:13:20+05:00".to_owned()), ..SubmittedAnswer::default() };
    for answer in submit_as_person_and_program(&json!({"type": "schedule"}), &other_zone) {
        assert_eq!(answer.unwrap().execute_at, Timestamp::parse("2026-09-21T15:13:20Z"));
    }
}

#[test]
fn invalid_execute_at_is_refused() {
    let too_late = START.plus_ms(365 * DAY_MS + 1).to_string();
    let invalid_times =
        ["tomorrow", "2026-12-24", "2026-12-24T12:00:00", "1790000000", "9999-12-31T23:59:59Z", &too_late];
    for allow_immediate in [true, false] {
        let schedule = json!({"type": "schedule", "allow_immediate": allow_immediate});
        for text in invalid_times {
            let top_level = SubmittedAnswer { execute_at: Some(text.to_owned()), ..SubmittedAnswer::default() };
            for submitted in [top_level, submitted_data(json!({"execute_at": text}))] {
                assert_eq!(
                    submit_as_person_and_program(&schedule, &submitted),
                    [Err("execute_at".to_owned()), Err("execute_at".to_owned())],
                    "{text}"
                );
            }
        }
        for non_text in [json!(1_790_000_000), json!(true), json!([]), json!({})] {
            assert_eq!(
                submit_as_person_and_program(&schedule, &submitted_data(json!({"execute_at": non_text}))),
                [Err("execute_at".to_owned()), Err("execute_at".to_owned())]
            );
        }
    }
}

#[test]
fn schedule_without_immediate_needs_future_time() {
    let later = json!({"type": "schedule", "allow_immediate": false});
    for submitted in [
        SubmittedAnswer::default(),
        submitted_data(json!({"execute_at": START})),
        submitted_data(json!({"execute_at": null})),
    ] {
        assert_eq!(
            submit_as_person_and_program(&later, &submitted),
            [Err("execute_at".to_owned()), Err("execute_at".to_owned())]
        );
    }
    for answer in submit_as_person_and_program(&later, &submitted_data(json!({"execute_at": START.plus_ms(1)}))) {
        assert_eq!(answer.unwrap().execute_at, Some(START.plus_ms(1)));
    }
    assert_denial_needs_no_data(&later);
}
