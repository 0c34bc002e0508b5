//! Is it an answer to what was asked? Strict for a person, lenient for a program that leaves something out.

use handrail_domain::decision::{Act, Ask, RESPONSE_DATA_BYTES_MAX, TEXT_CHARS_MAX};
use handrail_domain::decision::{Answer, Choice, Decision, DecisionEvent, Given, Proposal, Refusal};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::{Value, json};

use super::support::{START, Who, asker, command_id, files, play, proposal, record_id, tenant};

const DAY_MS: i64 = 86_400_000;

fn asked(response_type: &Value) -> Record<Decision> {
    let options = (response_type["type"] != "confirm").then(|| Choice::ALL.to_vec());
    let proposal = Proposal { response_type: Some(response_type.clone()), options, ..proposal() };
    let ask = Ask::check(proposal, &asker(&[], None), START).unwrap();
    Record::open(tenant(), record_id(), ask, Who::AgentKey.actor(), command_id("create"), START)
}

/// The answer that was taken, or the field that does not fit.
fn give(response_type: &Value, choice: Choice, given: Given, who: Who) -> Result<Answer, &'static str> {
    match play(&asked(response_type), &Act::Answer(choice, given), who, START) {
        Ok(verdict) => match &verdict.next.newest().unwrap().event {
            DecisionEvent::Approved(answer) | DecisionEvent::Scheduled(answer) if choice == Choice::Approve => {
                Ok(answer.clone())
            }
            DecisionEvent::Denied(answer) if choice == Choice::Deny => Ok(answer.clone()),
            DecisionEvent::Modified(answer) if choice == Choice::Modify => Ok(answer.clone()),
            other => panic!("{choice:?} became {other:?}"),
        },
        Err(Refusal::DoesNotFit { field, message }) => {
            assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
            Err(field)
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn data(data: Value) -> Given {
    Given { response_data: Some(data), ..Given::default() }
}

/// By a person and by a program.
fn both(response_type: &Value, given: &Given) -> [Result<Answer, &'static str>; 2] {
    [Who::Approver, Who::AppKey].map(|who| give(response_type, Choice::Approve, given.clone(), who))
}

/// Refused for both, and for both because of the data.
fn no_answer(response_type: &Value, wrong: &Value) {
    assert_eq!(both(response_type, &data(wrong.clone())), [Err("response_data"), Err("response_data")], "{wrong}");
}

/// A person has to answer in full; a program's bare yes counts.
fn may_be_left_out_by_a_program_only(response_type: &Value, field: &'static str) {
    let [person, program] = both(response_type, &Given::default());
    assert_eq!(person, Err(field));
    assert_eq!(program.unwrap().response_data, None);
}

/// Whoever says no need not fill in the form, and nobody is held to the question when they want it otherwise.
fn need_not_be_given_with_a_no(response_type: &Value) {
    for who in [Who::Approver, Who::AppKey] {
        assert!(give(response_type, Choice::Deny, Given::default(), who).is_ok(), "{who:?}");
        let notes = Some("but less".to_owned());
        let answer = give(response_type, Choice::Modify, Given { notes, ..Given::default() }, who).unwrap();
        assert_eq!(answer.notes.as_deref(), Some("but less"), "{who:?}");
    }
    assert_eq!(give(response_type, Choice::Modify, Given::default(), Who::Approver), Err("notes"));
    assert!(give(response_type, Choice::Modify, Given::default(), Who::AppKey).is_ok());
}

#[test]
fn plain_buttons_take_any_data_but_no_time() {
    for plain in [json!({"type": "approve_deny"}), json!({"type": "confirm"})] {
        for answer in both(&plain, &data(json!({"limit": 50}))) {
            assert_eq!(answer.unwrap().response_data, Some(json!({"limit": 50})));
        }
        let time = Given { execute_at: Some(START.plus_ms(1).to_string()), ..Given::default() };
        assert_eq!(both(&plain, &time), [Err("execute_at"), Err("execute_at")]);
    }
    need_not_be_given_with_a_no(&json!({"type": "approve_deny"}));
}

#[test]
fn a_choice_is_one_of_the_choices() {
    let choose = json!({"type": "choose", "choices": ["Plan A", "Plan B"]});
    for answer in both(&choose, &data(json!({"chosen": "Plan B", "why": 1}))) {
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
        no_answer(&choose, &wrong);
    }
    may_be_left_out_by_a_program_only(&choose, "response_data");
    need_not_be_given_with_a_no(&choose);
}

#[test]
fn a_number_is_a_number_between_the_bounds() {
    let number = json!({"type": "number_input", "min": -1.5, "max": 100});
    for (good, stored) in [("-1.5", "-1.5"), ("100", "100"), ("15", "15"), ("0.10", "0.1"), ("1e2", "100.0")] {
        let value: Value = serde_json::from_str(good).unwrap();
        for answer in both(&number, &data(json!({"value": value, "unit": "EUR"}))) {
            let kept = answer.unwrap().response_data.unwrap();
            assert_eq!((kept["value"].to_string().as_str(), kept.as_object().unwrap().len()), (stored, 1));
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
        no_answer(&number, &wrong);
    }
    may_be_left_out_by_a_program_only(&number, "response_data");
    need_not_be_given_with_a_no(&number);
    let free = json!({"type": "number_input"});
    for answer in both(&free, &data(json!({"value": -1e300}))) {
        assert!(answer.is_ok());
    }
}

#[test]
fn what_a_person_picks_is_said_in_words_too_unless_they_wrote_some() {
    for (response_type, picked, words) in [
        (json!({"type": "number_input"}), json!({"value": 15}), "15"),
        (json!({"type": "choose", "choices": ["Plan A", "Plan B"]}), json!({"chosen": "Plan A"}), "Plan A"),
    ] {
        let [person, program] = both(&response_type, &data(picked.clone()));
        assert_eq!(person.unwrap().notes.as_deref(), Some(words));
        assert_eq!(program.unwrap().notes, None, "a program said what it said");
        let written = Given { notes: Some("as agreed".to_owned()), ..data(picked) };
        for answer in both(&response_type, &written) {
            assert_eq!(answer.unwrap().notes.as_deref(), Some("as agreed"));
        }
    }
}

#[test]
fn texts_are_those_that_were_asked_for_in_their_order() {
    let texts = json!({"type": "text_input", "fields": [{"name": "who", "required": true}, {"name": "why"}]});
    for (given, kept) in [
        (json!({"why": "two\n\tlines", "who": "Ann"}), r#"{"who":"Ann","why":"two\n\tlines"}"#),
        (json!({"who": "Ann"}), r#"{"who":"Ann","why":""}"#),
        (json!({"who": "Ann", "why": null}), r#"{"who":"Ann","why":""}"#),
    ] {
        for answer in both(&texts, &data(given.clone())) {
            let answer = answer.unwrap();
            assert_eq!(answer.response_data, Some(serde_json::from_str(kept).unwrap()));
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
        no_answer(&texts, &wrong);
    }
    let long = |chars: usize| data(json!({"who": "ä".repeat(chars)}));
    assert!(both(&texts, &long(TEXT_CHARS_MAX)).iter().all(Result::is_ok));
    assert_eq!(both(&texts, &long(TEXT_CHARS_MAX + 1)), [Err("response_data"), Err("response_data")]);
    may_be_left_out_by_a_program_only(&texts, "response_data");
    need_not_be_given_with_a_no(&texts);
}

#[test]
fn many_long_texts_together_stay_within_what_a_record_holds() {
    let fields: Vec<_> = (0..20).map(|n| json!({"name": format!("f{n}")})).collect();
    let texts = json!({"type": "text_input", "fields": fields});
    let filled = |chars: usize| data((0..20).map(|n| (format!("f{n}"), json!("a".repeat(chars)))).collect());
    assert!(both(&texts, &filled(RESPONSE_DATA_BYTES_MAX / 20 - 20)).iter().all(Result::is_ok));
    assert_eq!(both(&texts, &filled(RESPONSE_DATA_BYTES_MAX / 20)), [Err("response_data"), Err("response_data")]);
}

#[test]
fn a_person_gives_the_files_that_were_asked_for_and_a_program_may_say_where_they_are() {
    let upload = json!({"type": "file_upload", "max_files": 2});
    let with = |count: usize| Given { files: files(count), ..Given::default() };
    for count in 0..=3 {
        let answer = give(&upload, Choice::Approve, with(count), Who::Approver).map(|answer| answer.files);
        assert_eq!(answer, if (1..=2).contains(&count) { Ok(files(count)) } else { Err("file") }, "{count} files");
    }
    let file = json!({"name": "a.pdf", "url": "https://example.com/a", "type": "application/pdf", "size": 7});
    for good in [json!([file]), json!([file, file])] {
        let good = json!({"uploaded_files": good});
        let answer = give(&upload, Choice::Approve, data(good.clone()), Who::AppKey).unwrap();
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
        let wrong = data(json!({"uploaded_files": files}));
        assert_eq!(give(&upload, Choice::Approve, wrong, Who::AppKey), Err("response_data"), "{files}");
    }
    assert_eq!(give(&upload, Choice::Approve, data(json!({"file": 1})), Who::AppKey), Err("response_data"));
    may_be_left_out_by_a_program_only(&upload, "file");
    need_not_be_given_with_a_no(&upload);
}

#[test]
fn a_time_to_come_is_an_appointment_and_any_other_means_now() {
    let schedule = json!({"type": "schedule"});
    for (ms, kept) in [(-DAY_MS, false), (-1, false), (0, false), (1, true), (365 * DAY_MS, true)] {
        let at = START.plus_ms(ms);
        let beside = Given { execute_at: Some(at.to_string()), ..Given::default() };
        // The only place that a published client has for it.
        for given in [beside, data(json!({"execute_at": at, "x": 1}))] {
            for answer in both(&schedule, &given) {
                let answer = answer.unwrap();
                assert_eq!((answer.execute_at, answer.response_data), (kept.then_some(at), None), "{at}");
            }
        }
    }
    for answer in both(&schedule, &Given::default()) {
        assert_eq!(answer.unwrap().execute_at, None);
    }
    need_not_be_given_with_a_no(&schedule);
}

#[test]
fn the_time_beside_the_data_counts_and_may_be_in_any_zone() {
    let [beside, inside] = [1, 2].map(|hours| START.plus_ms(hours * 3_600_000));
    let execute_at = Some(beside.to_string());
    let given = Given { execute_at, ..data(json!({"execute_at": inside})) };
    for answer in both(&json!({"type": "schedule"}), &given) {
        assert_eq!(answer.unwrap().execute_at, Some(beside));
    }
    let elsewhere = Given { execute_at: Some("2026-09-21T20:13:20+05:00".to_owned()), ..Given::default() };
    for answer in both(&json!({"type": "schedule"}), &elsewhere) {
        assert_eq!(answer.unwrap().execute_at, Timestamp::parse("2026-09-21T15:13:20Z"));
    }
}

#[test]
fn a_time_that_can_not_be_meant_is_refused() {
    let far = START.plus_ms(365 * DAY_MS + 1).to_string();
    let texts = ["tomorrow", "2026-12-24", "2026-12-24T12:00:00", "1790000000", "9999-12-31T23:59:59Z", &far];
    for allow_immediate in [true, false] {
        let schedule = json!({"type": "schedule", "allow_immediate": allow_immediate});
        for text in texts {
            let beside = Given { execute_at: Some(text.to_owned()), ..Given::default() };
            for given in [beside, data(json!({"execute_at": text}))] {
                assert_eq!(both(&schedule, &given), [Err("execute_at"), Err("execute_at")], "{text}");
            }
        }
        for no_text in [json!(1_790_000_000), json!(true), json!([]), json!({})] {
            assert_eq!(both(&schedule, &data(json!({"execute_at": no_text}))), [Err("execute_at"), Err("execute_at")]);
        }
    }
}

#[test]
fn what_was_asked_for_later_is_not_approved_for_now() {
    let later = json!({"type": "schedule", "allow_immediate": false});
    for given in [Given::default(), data(json!({"execute_at": START})), data(json!({"execute_at": null}))] {
        assert_eq!(both(&later, &given), [Err("execute_at"), Err("execute_at")]);
    }
    for answer in both(&later, &data(json!({"execute_at": START.plus_ms(1)}))) {
        assert_eq!(answer.unwrap().execute_at, Some(START.plus_ms(1)));
    }
    need_not_be_given_with_a_no(&later);
}
